//! ZTS351: a constant names the room whose state, timers or streams are changed.

use std::collections::{BTreeMap, BTreeSet};

use zigttp_abi::api::Module;
use zigttp_abi::route::Pattern;

use crate::diagnostic::Sink;
use crate::effects::FunctionKey;
use crate::event_parameters::{self, EventFunction};
use crate::model::HandlerModel;
use crate::own_room::{self, ROOMLESS};
use crate::record::{Category, RuleRecord, Severity};
use crate::resolve::ApiCall;
use crate::rule::Rule;
use crate::span::ModuleId;

/// Changes the state, timers or streams of a room that is given as a constant.
pub(crate) struct WriteToOtherRoom;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS351",
    name: "write_to_other_room",
    severity: Severity::Error,
    category: Category::State,
    since: "0.1.0",
    summary: "writes the state, or sets a timer, of a room that is not the event's own",
    explanation: r#"
## What it is
`put`, `delete` or `deleteAll` of `zigttp:storage` or `zigttp:memory`, or a function of `zigttp:durable`
about timers or streams, is given a constant room. If no event of that room can come there, because no route leads
to the room, and neither `roomOf` nor `move` is used, this is an error. If events of that room can come there and those of other rooms as well, it
is a warning.

```ts,fires
import * as storage from "zigttp:storage";
export const routes = ["/room/:name"];
export function onRequest(req: Request, room: string) {
  storage.put("/statistics", "last", room);
  return Response.text("counted");
}
```

```ts,silent
import { signal } from "zigttp:durable";
import * as storage from "zigttp:storage";
export const routes = ["/room/:name"];
export function onRequest(req: Request, room: string) {
  signal("/statistics", "visit", { room });
  return Response.text("counted");
}
export function onSignal(room: string, name: string, data: { room: string }) {
  storage.put(room, "last", data.room);
}
```

## Why it matters
Only events of a room write its state, set its timers and open its streams: they run one at a time, so no two of them
ever change it at once. For another room these functions throw a RangeError, and the event ends with all
its effects undone. Reading another room (`get`, `list`, `usage`) is allowed.

## What to do
Pass the event's own room, its argument `room`. To change another room send it a signal, and write in
`onSignal`, which runs in that room's turn. What is meant for one room alone may test for it: after
`if (room === LOBBY)` the constant is the event's own room, and nothing is reported.
"#,
    help: "Pass the event's own room, or send the other room a signal and write in `onSignal`.",
};

impl Rule for WriteToOtherRoom {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let candidates: Vec<_> = handler
            .api_calls()
            .filter(|call| own_room::of(call.function).is_some() && is_complete(call))
            .filter_map(|call| {
                let argument = call.call.arguments.first()?;
                let room = handler.constant_string(call.module, argument)?;
                Some((call, room))
            })
            .collect();
        if candidates.is_empty() {
            return;
        }
        let events_of = handler.effects.events_of_actions();
        let (rooms, own_names) = (Rooms::of(handler), own_names(handler));
        for (call, room) in candidates {
            let Some(events) = events_of.get(&call.call.span) else { continue };
            // The others have no room, which another rule tells of.
            let has_room = |event: &&str| !ROOMLESS.contains(event);
            let events: Vec<_> = events.iter().copied().filter(has_room).collect();
            let Some(relation) = rooms.relation(&room, &events) else { continue };
            report(&call, &room, &events, &relation, &own_names, sink);
        }
    }
}

/// Whether a call has the arguments that it needs: if not, the room may be the one that is missing.
fn is_complete(call: &ApiCall<'_>) -> bool {
    let required = call.function.parameters.iter().filter(|parameter| !parameter.optional);
    call.call.has_spread || call.call.arguments.len() >= required.count()
}

/// How a constant room relates to those of the events that use it.
enum Relation {
    /// It is none of them.
    Other,
    /// It may be one of them.
    OneOfMany,
}

/// What the handler says about its rooms.
struct Rooms {
    /// The patterns of the rooms that routes name; `None` if every path is a room.
    named: Option<Vec<Pattern>>,
    /// Whether there are routes that cannot be read.
    is_unknown: bool,
    /// Whether the handler names rooms as it runs: `roomOf`, `move`.
    are_any: bool,
    /// Texts that something is compared with, so that the handler may know which room it is in.
    compared: BTreeSet<String>,
    /// Rooms that signals are sent to.
    signalled: BTreeSet<String>,
}

impl Rooms {
    fn of(handler: &HandlerModel) -> Rooms {
        let mut compared = BTreeSet::new();
        for (index, module) in handler.modules.iter().enumerate() {
            let texts = module.code.compared.iter();
            let texts =
                texts.filter_map(|text| handler.constant_string(ModuleId::new(index), text));
            compared.extend(texts);
        }
        let signalled = handler
            .api_calls()
            .filter(|call| call.function.module == Module::Durable)
            .filter_map(|call| handler.constant_string(call.module, call.call.arguments.first()?))
            .collect();
        let named = handler.routes().map(|routes| {
            let rooms = routes.into_iter().map(|route| route.room.unwrap_or(route.path));
            // What is malformed is told of by another rule.
            rooms.filter_map(|room| Pattern::parse(&room).ok()).collect()
        });
        let is_unknown =
            named.is_none() && handler.modules.first().is_some_and(|entry| entry.routes.is_some());
        let exports_room_of =
            handler.event_exports().iter().any(|(event, _)| event.name == "roomOf");
        let moves = || handler.api_calls().any(|call| call.function.name == "move");
        let are_any = exports_room_of || moves();
        Rooms { named, is_unknown, are_any, compared, signalled }
    }

    /// `None` if nothing is wrong, as far as is known.
    fn relation(&self, room: &str, events: &[&str]) -> Option<Relation> {
        if events.is_empty() || self.is_unknown {
            return None;
        }
        let takes_signals = events.contains(&"onSignal");
        let is_reached = match &self.named {
            Some(patterns) => patterns.iter().any(|pattern| pattern.matches(room)),
            None => room.starts_with('/'),
        };
        // A signal may come to a room of any name.
        if !is_reached && !takes_signals && !self.are_any {
            return Some(Relation::Other);
        }
        let is_only_room = !self.are_any
            && self.named.as_ref().is_some_and(|patterns| {
                !patterns.is_empty() && patterns.iter().all(|pattern| pattern.is_only(room))
            });
        let is_for_signals = events == ["onSignal"] && self.signalled.contains(room);
        let is_known = is_only_room || is_for_signals || self.compared.contains(room);
        (!is_known).then_some(Relation::OneOfMany)
    }
}

fn report(
    call: &ApiCall<'_>,
    room: &str,
    events: &[&'static str],
    relation: &Relation,
    own_names: &BTreeMap<&'static str, (FunctionKey, String)>,
    sink: &mut Sink<'_>,
) {
    let Some(own_room) = own_room::of(call.function) else { return };
    let Some(argument) = call.call.arguments.first() else { return };
    let name = call.function.name;
    let room = format!("{:?}", shortened(room));
    let does = own_room.does;
    let message = match relation {
        Relation::Other => format!("`{name}` {does} another room, {room}"),
        Relation::OneOfMany => {
            format!("`{name}` {does} the room {room}, also in events of other rooms")
        }
    };
    let report = sink.report(argument.span, message).note(own_room.law);
    match relation {
        Relation::Other => report.label("a RangeError"),
        Relation::OneOfMany => {
            report.severity = Severity::Warning;
            report.label("a RangeError in an event of another room")
        }
    };
    let there = match (call.function.module, name) {
        (Module::Durable, "stream" | "cancelStream") => "do it",
        (Module::Durable, _) => "set the timer",
        _ => "write",
    };
    report.help(format!(
        "Pass the event's own room, or `signal({room}, …)` and {there} in `onSignal`."
    ));
    let here = (call.module, call.call.function);
    if let [event] = events
        && let Some((_, own)) = own_names.get(event).filter(|(function, _)| *function == here)
    {
        report.suggest(format!("pass `{own}`"), argument.span, own.as_str());
    }
}

/// The functions of events, each with the name of the parameter that is the event's room.
fn own_names(handler: &HandlerModel) -> BTreeMap<&'static str, (FunctionKey, String)> {
    let events = event_parameters::of_handler(handler).into_iter();
    let own_name = |of: EventFunction<'_>| {
        let room = &handler.module(of.module).code[of.binding_of("room")?];
        room.is_constant.then(|| (of.event.name, ((of.module, of.function), room.name.clone())))
    };
    events.filter_map(own_name).collect()
}

/// The name of a room in a message.
fn shortened(room: &str) -> String {
    const MOST: usize = 64;
    match room.len() {
        ..=MOST => room.to_owned(),
        _ => format!("{}…", &room[..room.floor_char_boundary(MOST)]),
    }
}
