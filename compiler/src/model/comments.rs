//! Comments for the checker: `@effects` in doc comments, and `zigts-ignore`.

use std::collections::HashMap;

use zigts_rules::code::Annotation;
use zigts_rules::import::Reference;
use zigts_rules::model::Suppression;
use zigts_rules::span::{ModuleId, Span};

use crate::parse::Comment;
use crate::source::SourceFile;

const TAG: &str = "@effects";
const IGNORE: &str = "zigts-ignore";
const IGNORE_FILE: &str = "zigts-ignore-file";

/// Most names of an annotation that are read. Three have a meaning.
const MAX_NAMES: usize = 16;

/// The comments of a module that stand before its functions.
pub(super) struct Docs<'a> {
    id: ModuleId,
    text: &'a str,
    comments: &'a [Comment],
    /// The annotation before each offset that was asked for: all functions of a statement ask for the
    /// same one, and there may be many comments to go back over.
    found: HashMap<u32, Option<Annotation>>,
}

impl<'a> Docs<'a> {
    pub(super) fn new(id: ModuleId, text: &'a str, comments: &'a [Comment]) -> Docs<'a> {
        Docs { id, text, comments, found: HashMap::new() }
    }

    /// The annotation in the doc comment that ends where a declaration begins.
    pub(super) fn before(&mut self, start: u32) -> Option<Annotation> {
        if let Some(found) = self.found.get(&start) {
            return found.clone();
        }
        let annotation = self.find_before(start);
        self.found.insert(start, annotation.clone());
        annotation
    }

    fn find_before(&self, start: u32) -> Option<Annotation> {
        let mut end = start;
        loop {
            let before = self.text.get(..end as usize)?.trim_end();
            let index = self
                .comments
                .binary_search_by_key(&before.len(), |comment| comment.span.end as usize);
            let comment = &self.comments[index.ok()?];
            if comment.is_doc {
                return self.annotation(comment);
            }
            end = comment.span.start;
        }
    }

    fn annotation(&self, comment: &Comment) -> Option<Annotation> {
        let Span { start, end, .. } = comment.span;
        let text = &self.text[start as usize..end as usize];
        let at = text.match_indices(TAG).map(|(at, _)| at).find(|&at| {
            // An address or `@effectsOf` is no tag.
            let before = text[..at].chars().next_back();
            let after = text[at + TAG.len()..].chars().next();
            before.is_none_or(|it| it.is_whitespace() || it == '*')
                && after.is_none_or(|it| it.is_whitespace() || it == '*')
        })?;
        let after = at + TAG.len();
        let line = text[after..].split(['\n', '\r']).next().unwrap_or_default();
        let line = line.split("*/").next().unwrap_or_default();
        let names: Vec<Reference> = words(line)
            .take_while(|(_, word)| word.starts_with(char::is_alphanumeric))
            .take(MAX_NAMES)
            .map(|(at, word)| self.reference(start as usize + after + at, word))
            .collect();
        let tag_start = start + at as u32;
        let tag_end = names.last().map_or(tag_start + TAG.len() as u32, |name| name.span.end);
        Some(Annotation { span: Span::new(self.id, tag_start, tag_end), names })
    }

    fn reference(&self, at: usize, name: &str) -> Reference {
        let span = Span::new(self.id, at as u32, (at + name.len()) as u32);
        Reference { name: name.to_owned(), span }
    }
}

/// The comments of a module that suppress rules.
pub(super) fn suppressions(
    id: ModuleId,
    file: &SourceFile,
    comments: &[Comment],
) -> Vec<Suppression> {
    let docs = Docs::new(id, file.text(), comments);
    comments.iter().filter_map(|comment| suppression(&docs, file, comment)).collect()
}

fn suppression(docs: &Docs<'_>, file: &SourceFile, comment: &Comment) -> Option<Suppression> {
    let Span { start, end, .. } = comment.span;
    let text = &docs.text[start as usize..end as usize];
    let inner = text.trim_start_matches(['/', '*']).trim_start();
    let (rest, is_file) = match inner.strip_prefix(IGNORE_FILE) {
        Some(rest) => (rest, true),
        None => (inner.strip_prefix(IGNORE)?, false),
    };
    if !rest.is_empty() && !rest.starts_with([' ', '\t', ':', '*']) {
        return None;
    }
    let offset = end as usize - rest.len();
    let (list, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let codes = words(list.trim_end_matches("*/"))
        .map(|(at, word)| docs.reference(offset + at, word))
        .collect();
    let covers = if is_file {
        0..u32::MAX
    } else {
        let lines = file.line_range(file.line_index(start as usize))?;
        let next = file.line_range(file.line_index(end as usize) + 1);
        // A diagnostic at the end of the last line has no byte of its own.
        lines.start as u32..next.map_or(u32::MAX, |next| next.end as u32)
    };
    let has_reason = !reason.trim_end_matches("*/").trim().is_empty();
    Some(Suppression { span: comment.span, covers, codes, has_reason })
}

/// The words of a text, each with its offset.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|character: char| character.is_whitespace() || character == ',')
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}
