//! API functions and events as one line of TypeScript, as typings, editors and diagnostics show them.

use zigttp_abi::api::{ApiFunction, Parameter};
use zigttp_abi::events::EventExport;

/// An API function with its types: `send(ws: WebSocket, data: string): boolean`.
pub fn of_function(function: &ApiFunction) -> String {
    let ApiFunction { name, type_parameters, returns, .. } = function;
    format!("{name}{type_parameters}({}): {returns}", parameters(function.parameters))
}

/// Parameters with their types, without parentheses.
pub fn parameters(parameters: &[Parameter]) -> String {
    let each = parameters.iter().map(|Parameter { name, ty, optional }| {
        format!("{name}{}: {ty}", if *optional { "?" } else { "" })
    });
    each.collect::<Vec<_>>().join(", ")
}

/// An event as it is called: `onMessage(ws, data, room)`.
pub fn of_event(event: &EventExport) -> String {
    let names: Vec<_> = event.parameters.iter().map(|parameter| parameter.name).collect();
    format!("{}({})", event.name, names.join(", "))
}

/// An event with its types: `onMessage(ws: WebSocket, data: string, room: string): void`.
pub fn of_event_with_types(event: &EventExport) -> String {
    format!("{}({}): {}", event.name, parameters(event.parameters), event.returns)
}
