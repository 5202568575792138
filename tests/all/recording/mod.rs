//! Recordings of events, and their replay.

mod damaged;
mod differing;
mod equal;
mod inspected;
mod kept;
mod saved;
mod shadow;
