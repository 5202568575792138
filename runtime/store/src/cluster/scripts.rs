//! The scripts that Redis runs. Each does all that it does at one moment, or refuses before its first write: what a
//! script has written stays, also if it fails.

use std::sync::OnceLock;

/// A script, and its SHA-1 once a server has told it.
pub(crate) struct Script {
    pub(crate) code: &'static str,
    pub(crate) hash: OnceLock<String>,
}

const fn script(code: &'static str) -> Script {
    Script { code, hash: OnceLock::new() }
}

/// Whose server it is: see the file.
pub(crate) static MEET: Script = script(include_str!("scripts/meet.lua"));
pub(crate) static COMMIT: Script = script(include_str!("scripts/commit.lua"));
/// The same where it only deletes: that is done also when the server is full.
pub(crate) static COMMIT_DELETIONS: Script =
    script(concat!("#!lua flags=allow-oom\n", include_str!("scripts/commit.lua")));
pub(crate) static LOAD: Script = script(include_str!("scripts/load.lua"));
pub(crate) static TAIL: Script = script(include_str!("scripts/tail.lua"));
pub(crate) static TAKE_SIGNALS: Script = script(include_str!("scripts/take_signals.lua"));
pub(crate) static RENEW_SIGNALS: Script = script(include_str!("scripts/renew_signals.lua"));
pub(crate) static EXPIRED: Script = script(include_str!("scripts/expired.lua"));
pub(crate) static TAKE_NUMBER: Script = script(include_str!("scripts/take_number.lua"));
pub(crate) static RENEW: Script = script(include_str!("scripts/renew.lua"));
pub(crate) static GIVE_NUMBER_BACK: Script = script(include_str!("scripts/give_number_back.lua"));

pub(crate) static ALL: [&Script; 11] = [
    &MEET,
    &COMMIT,
    &COMMIT_DELETIONS,
    &LOAD,
    &TAIL,
    &TAKE_SIGNALS,
    &RENEW_SIGNALS,
    &EXPIRED,
    &TAKE_NUMBER,
    &RENEW,
    &GIVE_NUMBER_BACK,
];
