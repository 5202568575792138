//! What events were given and what came of them, on disk; and the same events run again.
//!
//! ```text
//!  an event that has ended
//!       │ record, ended ── as plain values: what it was given, and a digest of its effects
//!       │ redaction ── what may not reach the disk is replaced
//!       ▼
//!  recorder ── a buffer for each worker; one thread that writes what is full
//!       │ block ── records of one artifact, with the limits that they ran under
//!       ▼
//!  files ── compressed blocks with checksums, in files that are rotated
//!       │
//!  folder ── reads them again, and tells what is damaged
//!       ▼
//!  replay ── runs a record in a sandbox, whose view is what the event was given (given_view)
//!   ├ kept ── one event of the inspector, on the present build
//!   ├ shadow ── events of a running server, on a handler that is to serve next
//!   ├ saved_test ── one event as a test of `zigttp test`
//!   └ sweep ── a whole folder, on all cores; what differs, in groups (describe)
//! ```
//!
//! These invariants hold everywhere:
//!
//! - Recording never delays an event: what does not fit is counted and dropped.
//! - A replay changes nothing: no frame, file or request leaves it.
//! - A file from a stranger, or a damaged one, is told and counted, and nothing else.

pub mod block;
pub mod counters;
pub mod describe;
pub mod ended;
mod files;
pub mod folder;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod given_view;
pub mod kept;
pub mod pattern;
pub mod record;
pub mod recorder;
pub mod redaction;
pub mod replay;
pub mod saved_test;
pub mod shadow;
pub mod sweep;
