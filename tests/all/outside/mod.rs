//! The world outside: events that wait for answers.

mod calls;
mod traces;
mod waiting;
