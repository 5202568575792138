//! What a function of the API does, shown when the pointer is on its name.

use gen_lsp_types::{Contents, Hover, HoverParams, MarkupContent, MarkupKind};
use zigts_rules::signature;
use zigttp_abi::api::{ApiFunction, Effect};

use super::position::Lines;
use super::uri;
use super::workspace::Workspace;

/// The description of the function whose name is at a position.
pub(super) fn hover(workspace: &Workspace, params: &HoverParams) -> Option<Hover> {
    let at = &params.text_document_position_params;
    let module = workspace.modules(&at.text_document.uri).next()?;
    let path = uri::path(&at.text_document.uri)?;
    let lines = Lines::new(module.source.text(), workspace.has_mark(&path));
    let offset = lines.offset(at.position);
    let (span, function) = module.checked.report.api_names.iter().find(|(span, _)| {
        let touched = span.start as usize..=span.end as usize;
        span.module == module.id && touched.contains(&offset)
    })?;
    let content = MarkupContent { kind: MarkupKind::Markdown, value: page(function) };
    Some(Hover {
        contents: Contents::MarkupContent(content),
        range: Some(lines.range(span.start as usize..span.end as usize)),
    })
}

fn page(function: &ApiFunction) -> String {
    let effect = match function.effect {
        Effect::Pure => "none".to_owned(),
        effect => format!("`{}`", effect.name()),
    };
    format!(
        "```ts\nfunction {}\n```\n{}\n\n{}\n\nEffect: {effect}.",
        signature::of_function(function),
        function.purpose,
        function.details,
    )
}
