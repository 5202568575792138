//! Which parts of a handler have run: for builds that count.
//!
//! Emitted code counts in one `Uint32Array`, which lies at a fixed place in the memory of every instance, because
//! instances are copies of one snapshot. So the host reads the counters after an event, and no function of the
//! host is called for them. The array's first words are a mark, by which it is found in the snapshot.

use zigts_rules::span::Span;

/// The module that has the array, and the array's name in it and in the modules that count.
pub(crate) const MODULE: &str = "zigts:counters";
pub(crate) const ARRAY: &str = "__zigts_counters";

/// What the array begins with. Its words are written one by one, so that they stand beside each other nowhere else.
const MARK: [u32; 4] = [0x7a69_6774, 0x7363_6f75, 0x6e74_6572, 0x7321_0a0d];

/// Part of a handler that has a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub kind: CountedKind,
    pub span: Span,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CountedKind {
    Statement,
    /// Calls of a function; `None` if it has no name.
    Function(Option<String>),
    /// One way out of several: of an `if`, `?:`, `switch`, or the right side of `&&`, `||` or `??`. Those of one
    /// place of a module have its number.
    Branch(usize),
}

/// The counters of a handler that was built to count.
#[derive(Clone, Debug)]
pub struct Counters {
    /// By number.
    pub counted: Vec<Counted>,
    /// Where they stand in the memory of an instance, as 32-bit integers.
    pub address: u32,
    /// What each of them is when an event begins: what the top-level code has counted.
    pub at_build: Vec<u32>,
}

/// The code of the module with the array.
pub(crate) fn code(count: usize) -> String {
    let mark: String = MARK
        .iter()
        .enumerate()
        .map(|(index, word)| format!("words[{index}] = {word};\n"))
        .collect();
    let start = MARK.len();
    format!(
        "const words = new Uint32Array({});\n{mark}export const {ARRAY} = words.subarray({start});\n",
        start + count
    )
}

/// Counters in the memory of an instance: their address, and what they are.
pub(crate) type Found = (u32, Vec<u32>);

/// Finds the counters in the memory of an instance.
pub(crate) fn find(memory: &[u8], count: usize) -> Option<Found> {
    let mark: Vec<u8> = MARK.iter().flat_map(|word| word.to_le_bytes()).collect();
    let found = memory.chunks_exact(mark.len() / 4).enumerate();
    let mut starts = found
        .filter(|(index, _)| memory[index * 4..].starts_with(&mark))
        .map(|(index, _)| index * 4 + mark.len());
    let start = starts.next()?;
    let words = memory.get(start..start + count * 4)?.chunks_exact(4);
    let counts = words.map(|word| u32::from_le_bytes(word.try_into().expect("it has four bytes")));
    starts.next().is_none().then_some((u32::try_from(start).ok()?, counts.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_stand_behind_the_only_mark() {
        let mark: Vec<u8> = MARK.iter().flat_map(|word| word.to_le_bytes()).collect();
        let around =
            |count: usize| [vec![0; 8], mark.repeat(count), vec![1, 0, 0, 0, 2, 0, 0, 0]].concat();
        assert_eq!(find(&around(1), 2), Some((24, vec![1, 2])));
        assert_eq!(find(&around(0), 2), None);
        assert_eq!(find(&around(2), 2), None);
        // They would lie beyond the memory.
        assert_eq!(find(&around(1), 3), None);
    }
}
