//! Tests of handlers: found, built, run in `zigttp-testing`, and told of.
//!
//! ```text
//!  found ── the test files, and which handler each is about
//!    │
//!  round ── builds both, runs the tests on all cores
//!    │
//!  report, snapshots, sources ── what has come of it     watching ── and again when a file changes
//! ```

pub mod coverage;
pub mod found;
pub mod report;
pub mod round;
pub mod saved;
pub mod snapshots;
pub mod sources;
pub mod watching;
