//! Functions of `zigttp:durable` that throw in a handler without the event that takes what they make.

use zigttp_abi::api::Module;
use zigttp_abi::events;

use crate::diagnostic::Sink;
use crate::mistaken_exports::MistakenExports;
use crate::model::HandlerModel;
use crate::resolve::ApiCall;
use crate::signature;
use crate::span::ModuleId;

/// An event, and the functions that need it.
pub(crate) struct ReceivingEvent {
    pub(crate) event: &'static str,
    pub(crate) functions: &'static [&'static str],
    /// What is wrong without it.
    pub(crate) note: &'static str,
}

/// Most further calls that are shown.
const MAX_SHOWN: usize = 8;

impl ReceivingEvent {
    /// Reports the calls of the functions, if the entry module does not export the event.
    pub(crate) fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(entry) = handler.modules.first() else { return };
        let wanted = self.event;
        let is_exported = handler.event_exports().iter().any(|(event, _)| event.name == wanted);
        if is_exported || handler.exports_of(ModuleId::ENTRY).is_open {
            return;
        }
        let needs_event = |call: &ApiCall<'_>| {
            call.function.module == Module::Durable && self.functions.contains(&call.function.name)
        };
        let mut calls: Vec<_> = handler.api_calls().filter(needs_event).collect();
        calls.sort_by_key(|call| call.call.span);
        // What is missing is one export, however many calls need it.
        let Some((first, others)) = calls.split_first() else { return };
        // Of one under another name the rule about that name tells.
        if MistakenExports::of(handler).stand_for(wanted) {
            return;
        }
        let name = first.function.name;
        let report = sink
            .report(
                first.call.span,
                format!("`{name}` is called, but `{}` exports no `{wanted}`", entry.name),
            )
            .label("a TypeError")
            .note(self.note);
        if let Some(event) = events::find(wanted) {
            let event = signature::of_event(event);
            report.help(format!("Export `{event}` from `{}`.", entry.name));
        }
        for other in others.iter().take(MAX_SHOWN) {
            report.secondary(other.call.span, "needs it too");
        }
    }
}
