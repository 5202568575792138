//! What an editor has open, and what there is to say about it.
//!
//! Every change checks all open documents anew: they may import one another, and a handler is
//! checked in a millisecond or two.

mod place;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams,
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Hover, HoverContents,
    HoverParams, Location, MarkupContent, MarkupKind, NumberOrString, PublishDiagnosticsParams,
    TextEdit, Uri, WorkspaceEdit,
};
use zigts_compiler::report::Report;
use zigts_compiler::{fix, typings};
use zigts_rules::diagnostic::{Diagnostic, Fix};
use zigts_rules::levels::Levels;
use zigts_rules::rule::Severity;
use zigts_rules::span::{ModuleId, Span};
use zigttp_abi::api::Effect;

use crate::checking::{self, Candidate, Checked};
use crate::handler_file::is_source;
use crate::overlay::Overlay;

/// One editor's session.
#[derive(Default)]
pub struct Session {
    /// The texts of open documents.
    overlay: Overlay,
    open: BTreeMap<PathBuf, Open>,
    /// What the last look at the open documents found.
    checked: Vec<Checked>,
}

/// An open document.
struct Open {
    /// As the editor writes it.
    uri: Uri,
    version: i32,
}

impl Session {
    /// A document was opened or changed.
    ///
    /// # Errors
    /// When a file that it leads to cannot be read.
    pub fn set(
        &mut self,
        uri: &Uri,
        version: i32,
        text: String,
    ) -> anyhow::Result<Vec<PublishDiagnosticsParams>> {
        // What has no file has no modules beside it, such as an unsaved document.
        let Some(path) = place::path(uri).filter(|path| is_source(path)) else {
            return Ok(Vec::new());
        };
        self.overlay.set(&path, text);
        self.open.insert(path, Open { uri: uri.clone(), version });
        self.check()
    }

    /// A document was closed: its file speaks for itself again.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn close(&mut self, uri: &Uri) -> anyhow::Result<Vec<PublishDiagnosticsParams>> {
        let Some(path) = place::path(uri) else { return Ok(Vec::new()) };
        self.overlay.remove(&path);
        if self.open.remove(&path).is_none() {
            return Ok(Vec::new());
        }
        let mut published = self.check()?;
        published.push(PublishDiagnosticsParams::new(uri.clone(), Vec::new(), None));
        Ok(published)
    }

    /// Checks what is open; the answer has the diagnostics of each open document, also where there
    /// are none any more.
    fn check(&mut self) -> anyhow::Result<Vec<PublishDiagnosticsParams>> {
        let candidates: Vec<_> = self.open.keys().map(|path| Candidate::found(path)).collect();
        self.checked = checking::check(&candidates, &self.overlay, &Levels::default())?;
        let mut found: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        for checked in &self.checked {
            for diagnostic in &checked.report.diagnostics {
                let path = PathBuf::from(path_of(checked, diagnostic.span.module));
                found.entry(path).or_default().push(shown(checked, diagnostic));
            }
        }
        Ok(self
            .open
            .iter()
            .map(|(path, Open { uri, version })| {
                let diagnostics = found.remove(path).unwrap_or_default();
                PublishDiagnosticsParams::new(uri.clone(), diagnostics, Some(*version))
            })
            .collect())
    }

    /// What an API function under the cursor does.
    pub fn hover(&self, params: &HoverParams) -> Option<Hover> {
        let at = &params.text_document_position_params;
        let path = place::path(&at.text_document.uri)?;
        self.modules_at(&path).find_map(|(checked, module)| {
            let file = checked.report.sources.file(module);
            let offset = place::offset(file, at.position);
            let used = checked.report.api_uses.iter().find(|used| {
                used.span.module == module && (used.span.start..=used.span.end).contains(&offset)
            })?;
            let effect = match used.function.effect {
                Effect::Pure => "none",
                effect => effect.name(),
            };
            let value = format!(
                "```ts\n{}\n```\n\n{}\n\n{}\n\nEffect: {effect}.",
                typings::signature(used.function),
                used.function.purpose,
                used.function.details
            );
            Some(Hover {
                contents: HoverContents::Markup(MarkupContent {
                    kind: MarkupKind::Markdown,
                    value,
                }),
                range: Some(place::range(file, used.span)),
            })
        })
    }

    /// The changes that settle findings within a range.
    pub fn actions(&self, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
        let Some(path) = place::path(&params.text_document.uri) else { return Vec::new() };
        let mut actions = Vec::new();
        for (checked, module) in self.modules_at(&path) {
            let file = checked.report.sources.file(module);
            let asked =
                place::offset(file, params.range.start)..=place::offset(file, params.range.end);
            for diagnostic in &checked.report.diagnostics {
                let span = diagnostic.span;
                let is_asked = span.module == module
                    && span.start <= *asked.end()
                    && span.end >= *asked.start();
                if let Some(fix) = diagnostic.fix.as_ref().filter(|_fix| is_asked) {
                    let action = self.action(checked, diagnostic, fix);
                    actions.push(CodeActionOrCommand::CodeAction(action));
                }
            }
        }
        actions
    }

    fn action(&self, checked: &Checked, diagnostic: &Diagnostic, fix: &Fix) -> CodeAction {
        #[expect(clippy::mutable_key_type, reason = "the protocol's own type; nothing changes it")]
        let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
        for edit in &fix.edits {
            let file = checked.report.sources.file(edit.span.module);
            let bytes = fix::range(file.text(), edit);
            let span = Span::new(edit.span.module, bytes.start as u32, bytes.end as u32);
            let uri = self.uri(checked, edit.span.module);
            let edit = TextEdit::new(place::range(file, span), edit.replacement.clone());
            changes.entry(uri).or_default().push(edit);
        }
        CodeAction {
            title: fix.message.clone(),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![shown(checked, diagnostic)]),
            edit: Some(WorkspaceEdit::new(changes)),
            is_preferred: Some(fix.is_safe),
            ..CodeAction::default()
        }
    }

    /// The handlers that a file belongs to, and which of their modules it is.
    fn modules_at<'a>(
        &'a self,
        path: &'a Path,
    ) -> impl Iterator<Item = (&'a Checked, ModuleId)> + 'a {
        self.checked.iter().filter_map(move |checked| {
            let files = checked.report.sources.files();
            let index = (0..files.len())
                .find(|index| Path::new(&path_of(checked, ModuleId::new(*index))) == path)?;
            Some((checked, ModuleId::new(index)))
        })
    }

    /// A module as the editor knows it.
    fn uri(&self, checked: &Checked, module: ModuleId) -> Uri {
        let path = PathBuf::from(path_of(checked, module));
        self.open.get(&path).map_or_else(|| place::uri(&path), |open| open.uri.clone())
    }
}

fn path_of(checked: &Checked, module: ModuleId) -> String {
    checked.file.path_of(checked.report.sources.file(module).name())
}

/// A finding as editors show it.
fn shown(checked: &Checked, diagnostic: &Diagnostic) -> lsp_types::Diagnostic {
    let Report { sources, .. } = &checked.report;
    let range = |span: Span| place::range(sources.file(span.module), span);
    let secondary = diagnostic.secondary.iter().map(|label| DiagnosticRelatedInformation {
        location: Location {
            uri: place::uri(Path::new(&path_of(checked, label.span.module))),
            range: range(label.span),
        },
        message: label.message.clone(),
    });
    let secondary: Vec<_> = secondary.collect();
    let note = diagnostic.note.iter().map(|note| format!("\n{note}")).collect::<String>();
    lsp_types::Diagnostic {
        range: range(diagnostic.span),
        severity: Some(match diagnostic.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(diagnostic.rule.code.to_owned())),
        source: Some("zigts".to_owned()),
        message: format!("{}{note}\nhelp: {}", diagnostic.message, diagnostic.help),
        related_information: (!secondary.is_empty()).then_some(secondary),
        tags: diagnostic.rule.name.starts_with("unused").then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..lsp_types::Diagnostic::default()
    }
}
