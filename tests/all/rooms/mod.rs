//! Rooms: their paths, the order of their events, and what they send.

mod auto_response;
mod backpressure;
mod event_streams;
mod joined;
mod membership;
mod named;
mod order;
mod paused;
mod queues;
mod requests;
mod routes;
mod turns;
