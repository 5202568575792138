//! Rooms: their paths, the order of their events, and what they send.

mod auto_response;
mod backpressure;
mod order;
mod routes;
mod turns;
