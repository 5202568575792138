//! The compiler as its callers see it: modules from memory, one engine for all tests.

#![expect(
    clippy::disallowed_methods,
    reason = "tests read the repository and own the clock; what is under test does not"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod artifacts;
mod counting;
mod decorators;
mod early;
mod effects;
mod engine;
mod examples;
mod hostile;
mod modules;
mod mutated;
mod support;
mod typescript;
