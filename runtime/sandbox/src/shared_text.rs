//! Texts that share the memory of a longer text.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A part of a text, or all of it. Clones share the text's memory.
#[derive(Clone)]
pub struct SharedText {
    whole: Arc<str>,
    start: u32,
    end: u32,
}

impl SharedText {
    /// The part of a text in this range of bytes.
    pub fn part(whole: &Arc<str>, range: Range<usize>) -> SharedText {
        let offset = |byte: usize| u32::try_from(byte).expect("shared texts are short");
        let (start, end) = (offset(range.start), offset(range.end));
        debug_assert!(whole.get(range).is_some(), "a part begins and ends between characters");
        SharedText { whole: Arc::clone(whole), start, end }
    }

    /// The part of this text in this range of bytes.
    pub fn part_of(&self, range: Range<usize>) -> SharedText {
        let start = self.start as usize;
        debug_assert!(range.end <= self.len(), "a part does not exceed its text");
        SharedText::part(&self.whole, start + range.start..start + range.end)
    }

    /// The text, if this is all of it.
    pub fn as_whole(&self) -> Option<&Arc<str>> {
        (self.len() == self.whole.len()).then_some(&self.whole)
    }

    /// A text of its own, which may be shared too.
    pub fn to_arc(&self) -> Arc<str> {
        self.as_whole().map_or_else(|| Arc::from(&**self), Arc::clone)
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.whole[self.start as usize..self.end as usize]
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> SharedText {
        SharedText::part(&text.into(), 0..text.len())
    }
}

impl From<Arc<str>> for SharedText {
    fn from(whole: Arc<str>) -> SharedText {
        let len = whole.len();
        SharedText::part(&whole, 0..len)
    }
}

// Compared, ordered and hashed like a `str`, so that maps find it by one.

impl Borrow<str> for SharedText {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &SharedText) -> bool {
        **self == **other
    }
}

impl Eq for SharedText {}

impl Ord for SharedText {
    fn cmp(&self, other: &SharedText) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl PartialOrd for SharedText {
    fn partial_cmp(&self, other: &SharedText) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for SharedText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        str::hash(self, state);
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl serde::Serialize for SharedText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_part_shares_the_memory_of_its_text() {
        let url: Arc<str> = "/room/lobby?a=b".into();
        let (path, name) = (SharedText::part(&url, 0..11), SharedText::part(&url, 6..11));
        assert_eq!((&*path, &*name, Arc::strong_count(&url)), ("/room/lobby", "lobby", 3));
        assert!(path.as_whole().is_none());
        assert!(HashSet::from([path]).contains("/room/lobby"));
        let whole = SharedText::part(&url, 0..url.len());
        assert!(whole.as_whole().is_some_and(|whole| Arc::ptr_eq(whole, &url)));
        assert_eq!(SharedText::from("lobby"), name);
    }
}
