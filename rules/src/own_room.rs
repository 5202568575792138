//! The functions that only an event of the room itself may call. For another room, and in an event without a
//! room, the runtime refuses them.

use zigttp_abi::api::{ApiFunction, Module};

/// A function that is for the event's own room.
pub(crate) struct OwnRoom {
    /// What it does to the room, before the room's name: `writes the state of`.
    pub(crate) does: &'static str,
    /// Who may do that.
    pub(crate) law: &'static str,
}

/// The events that belong to no room.
pub(crate) const ROOMLESS: [&str; 2] = ["handler", "roomOf"];

const STATE: &str = "only events of a room write its state";
const TIMERS: &str = "only events of a room set its timers";
const STREAMS: &str = "only events of a room open and cancel its streams";

/// What a function does to the event's own room, if it is for that room alone.
pub(crate) fn of(function: &ApiFunction) -> Option<OwnRoom> {
    let (does, law) = match (function.module, function.name) {
        (Module::Storage | Module::Memory, _) if function.writes => ("writes the state of", STATE),
        (Module::Durable, "signalAt" | "signalEvery") => ("sets a timer of", TIMERS),
        (Module::Durable, "cancelSignal") => ("removes a timer of", TIMERS),
        (Module::Durable, "signalTime") => ("looks up a timer of", TIMERS),
        (Module::Durable, "stream") => ("opens a stream of", STREAMS),
        (Module::Durable, "cancelStream") => ("cancels a stream of", STREAMS),
        _ => return None,
    };
    Some(OwnRoom { does, law })
}

#[cfg(test)]
mod tests {
    use zigttp_abi::api;

    #[test]
    fn what_is_for_the_own_room_writes_it_or_is_about_its_timers_or_streams() {
        let own: Vec<_> = api::functions()
            .filter(|function| super::of(function).is_some())
            .map(|function| function.path)
            .collect();
        let expected = [
            "storage.put",
            "storage.delete",
            "storage.deleteAll",
            "memory.put",
            "memory.delete",
            "memory.deleteAll",
            "signalAt",
            "signalEvery",
            "cancelSignal",
            "signalTime",
            "stream",
            "cancelStream",
        ];
        assert_eq!(own, expected);
    }
}
