//! Recordings of events, and their replay.

mod damaged;
mod differing;
mod equal;
mod kept;
mod saved;
mod shadow;
