//! Events of other platforms, each with the event of this one that does its work.

use zigttp_abi::events::{self, EventExport};

/// An event as another platform names it.
#[derive(Debug)]
pub(crate) struct ForeignEvent {
    pub(crate) name: &'static str,
    pub(crate) platform: &'static str,
    /// The names of the events that do its work, the best first.
    ours: &'static [&'static str],
    /// What to know besides, in whole sentences; may be empty.
    pub(crate) advice: &'static str,
    /// Whether a handler may well have a function of this name for itself.
    pub(crate) is_common_word: bool,
}

const fn event(
    name: &'static str,
    platform: &'static str,
    ours: &'static [&'static str],
    advice: &'static str,
) -> ForeignEvent {
    ForeignEvent { name, platform, ours, advice, is_common_word: false }
}

const fn common_word(
    name: &'static str,
    platform: &'static str,
    ours: &'static [&'static str],
    advice: &'static str,
) -> ForeignEvent {
    ForeignEvent { name, platform, ours, advice, is_common_word: true }
}

const DURABLE_OBJECTS: &str = "Cloudflare's Durable Objects";
const BROKEN: &str =
    "A connection that breaks is closed with code 1006; what a handler throws is in the log.";
const FIRST: &str =
    "A room begins with its first connection; top-level code runs when the handler is built.";

/// Every event of another platform. What is an event here as well is looked up there first.
static EVENTS: &[ForeignEvent] = &[
    event("onBeforeConnect", "PartyKit", &["onUpgrade"], ""),
    event("onConnect", "PartyKit", &["onOpen", "onUpgrade"], ""),
    event("onDisconnect", "Rivet", &["onClose"], ""),
    event("onError", "PartyKit", &["onClose"], BROKEN),
    event("onAlarm", "PartyKit", &["onSignal"], ""),
    event("onStart", "PartyKit", &["onOpen"], FIRST),
    event("onBeforeRequest", "PartyKit", &["onRequest", "handler"], ""),
    event("onFetch", "PartyKit", &["handler"], ""),
    event("onCron", "PartyKit", &["onSignal"], ""),
    event("webSocketMessage", DURABLE_OBJECTS, &["onMessage"], ""),
    event("webSocketClose", DURABLE_OBJECTS, &["onClose"], ""),
    event("webSocketError", DURABLE_OBJECTS, &["onClose"], BROKEN),
    event("alarm", DURABLE_OBJECTS, &["onSignal"], ""),
    event("scheduled", "Cloudflare Workers", &["onSignal"], ""),
    common_word("fetch", "Cloudflare Workers, Bun and Deno", &["handler", "onRequest"], ""),
    common_word("open", "Bun", &["onOpen"], ""),
    common_word("message", "Bun", &["onMessage"], ""),
    common_word("close", "Bun", &["onClose"], ""),
    common_word(
        "drain",
        "Bun",
        &[],
        "`send` returns false while the queue of a connection is full.",
    ),
    common_word("onJoin", "Colyseus", &["onOpen"], ""),
    common_word("onLeave", "Colyseus", &["onClose"], ""),
];

/// Classes of other platforms that a class of events extends, each with its platform.
static BASE_CLASSES: &[(&str, &str)] = &[
    ("Agent", "Cloudflare's Agents"),
    ("AIChatAgent", "Cloudflare's Agents"),
    ("DurableObject", DURABLE_OBJECTS),
    ("Room", "Colyseus"),
    ("Server", "PartyServer"),
    ("WorkerEntrypoint", "Cloudflare Workers"),
];

/// The event of another platform with this name.
pub(crate) fn find(name: &str) -> Option<&'static ForeignEvent> {
    EVENTS.iter().find(|event| event.name == name)
}

/// The platform whose class of events has this name.
pub(crate) fn platform_of_class(name: &str) -> Option<&'static str> {
    BASE_CLASSES.iter().find(|(class, _)| *class == name).map(|(_, platform)| *platform)
}

impl ForeignEvent {
    /// The events that do its work, the best first.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &'static EventExport> {
        self.ours.iter().filter_map(|name| events::find(name))
    }

    /// Whether some event does its work.
    pub(crate) fn has_ours(&self) -> bool {
        self.ours().next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::EVENTS;

    #[test]
    fn every_foreign_event_is_listed_once() {
        let names: BTreeSet<_> = EVENTS.iter().map(|event| event.name).collect();
        assert_eq!(names.len(), EVENTS.len());
    }

    #[test]
    fn a_foreign_event_has_events_of_ours_or_says_what_to_do() {
        for event in EVENTS {
            assert_eq!(event.ours().count(), event.ours.len(), "{}", event.name);
            assert!(event.has_ours() || !event.advice.is_empty(), "{}", event.name);
        }
    }
}
