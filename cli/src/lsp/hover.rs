//! What a function of the API does and when an event is called, shown when the pointer is on the name.

use gen_lsp_types::{Contents, Hover, HoverParams, MarkupContent, MarkupKind};
use zigts_compiler::report::Facts;
use zigts_rules::signature;
use zigts_rules::span::Span;
use zigttp_abi::api::{ApiFunction, Effect};
use zigttp_abi::events::EventExport;

use super::position::Lines;
use super::uri;
use super::workspace::Workspace;

/// The description of the function or event whose name is at a position.
pub(super) fn hover(workspace: &Workspace, params: &HoverParams) -> Option<Hover> {
    let at = &params.text_document_position_params;
    let module = workspace.modules(&at.text_document.uri).next()?;
    let path = uri::path(&at.text_document.uri)?;
    let lines = Lines::new(module.source.text(), workspace.has_mark(&path));
    let offset = lines.offset(at.position);
    let report = &module.checked.report;
    let is_here = |span: &Span| {
        let touched = span.start as usize..=span.end as usize;
        span.module == module.id && touched.contains(&offset)
    };
    let function = report.api_names.iter().find(|(span, _)| is_here(span));
    let event = || report.event_names.iter().find(|(_, span)| is_here(span));
    let (span, value) = match function {
        Some((span, function)) => (span, of_function(function)),
        None => event().map(|(event, span)| (span, of_event(event, &report.facts)))?,
    };
    let content = MarkupContent { kind: MarkupKind::Markdown, value };
    Some(Hover {
        contents: Contents::MarkupContent(content),
        range: Some(lines.range(span.start as usize..span.end as usize)),
    })
}

fn of_function(function: &ApiFunction) -> String {
    let effect = match function.effect {
        Effect::Pure => "none".to_owned(),
        effect => format!("`{}`", effect.name()),
    };
    format!(
        "```ts\nfunction {}\n```\n{}\n\n{}\n\nEffect: {effect}. Module: `{}`.",
        signature::of_function(function),
        function.purpose,
        function.details,
        function.module.specifier(),
    )
}

/// An event, and the effects of the function that is exported for it.
fn of_event(event: &EventExport, facts: &Facts) -> String {
    let effects = facts.effects.get(event.name).map_or(&[][..], Vec::as_slice);
    let effects: Vec<_> = effects.iter().map(|effect| format!("`{effect}`")).collect();
    let effects = if effects.is_empty() { "none".to_owned() } else { effects.join(", ") };
    format!(
        "```ts\nfunction {}\n```\n{}\n\nEffects of this function: {effects}.",
        signature::of_event_with_types(event),
        event.purpose,
    )
}
