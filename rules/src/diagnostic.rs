//! One diagnostic of a handler, as values: what is wrong, where, why it matters, what to do.
//!
//! The reports decide how it is shown (frames on a terminal, JSON). But what it quotes from the source is
//! escaped here, each text in one line, so that no format can forget it.

use std::borrow::Cow;

use crate::printable::printable;
use crate::record::{RuleRecord, Severity};
use crate::span::Span;

/// One diagnostic of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule that reports it.
    pub rule: &'static RuleRecord,
    /// The rule's code, or the one that another checker has given.
    pub code: Cow<'static, str>,
    /// The rule's own severity, unless the caller's settings changed it.
    pub severity: Severity,
    /// What is wrong, in one line, with the author's own names.
    pub message: String,
    /// The smallest stretch of text the author can change.
    pub span: Span,
    /// A few words beside the underlined text; may be empty.
    pub label: String,
    /// Other spans that explain the diagnostic.
    pub secondary: Vec<Label>,
    /// Why it matters.
    pub note: Option<String>,
    /// What to do about it.
    pub help: String,
    /// A change of the source that resolves it.
    pub fix: Option<Fix>,
}

/// A remark about another span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub message: String,
}

/// A change of the source that resolves a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the change is, for a person.
    pub message: String,
    /// Which texts to replace. They do not overlap, and all of them are made or none.
    pub edits: Vec<Edit>,
    /// Whether it may be made without asking: the handler then does what it was meant to do.
    pub is_safe: bool,
}

/// A replacement of one stretch of text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// What is removed; empty where something is only inserted.
    pub span: Span,
    pub replacement: String,
}

impl Diagnostic {
    /// Sets the words beside the underlined text.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Diagnostic {
        self.label = escaped(label);
        self
    }

    /// Adds a remark about another span.
    pub fn secondary(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.secondary.push(Label { span, message: escaped(message) });
        self
    }

    /// Says why it matters.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Diagnostic {
        self.note = Some(escaped(note));
        self
    }

    /// Says what to do, where the rule's general help can be made more exact.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Diagnostic {
        self.help = escaped(help);
        self
    }

    /// Offers a replacement that the author should check first.
    pub fn suggest(
        &mut self,
        message: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> &mut Diagnostic {
        self.suggest_edits(message, vec![Edit { span, replacement: replacement.into() }])
    }

    /// Offers a change of several texts that the author should check first.
    pub fn suggest_edits(
        &mut self,
        message: impl Into<String>,
        edits: Vec<Edit>,
    ) -> &mut Diagnostic {
        self.fix = Some(Fix { message: escaped(message), edits, is_safe: false });
        self
    }

    /// Offers a change that may be made without asking.
    pub fn fix(&mut self, message: impl Into<String>, edits: Vec<Edit>) -> &mut Diagnostic {
        self.fix = Some(Fix { message: escaped(message), edits, is_safe: true });
        self
    }
}

/// Where a running rule reports its diagnostics.
///
/// It knows which rule is running, so that none can report under another's code.
pub struct Sink<'a> {
    rule: &'static RuleRecord,
    found: &'a mut Vec<Diagnostic>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(rule: &'static RuleRecord, found: &'a mut Vec<Diagnostic>) -> Sink<'a> {
        Sink { rule, found }
    }

    /// Reports a diagnostic, and returns it so that the rule can add more.
    pub fn report(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.found.push(Diagnostic {
            rule: self.rule,
            code: self.rule.code.into(),
            severity: self.rule.severity,
            message: escaped(message),
            span,
            label: String::new(),
            secondary: Vec::new(),
            note: None,
            help: self.rule.help.to_owned(),
            fix: None,
        });
        self.found.last_mut().expect("one was just pushed")
    }
}

fn escaped(text: impl Into<String>) -> String {
    let text = text.into();
    match printable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}
