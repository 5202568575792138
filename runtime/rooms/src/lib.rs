//! Connections and rooms: the order of their events, and how an event takes effect.
//!
//! ```text
//!  local ── a connection without a socket
//!    │
//!  dispatch ── one event: its room's turn, a slot (held), the sandbox, the commit (execution)
//!    │   ├ waiting ── an event that waits for the outside, and runs again when it is answered
//!    │   ├ turn ── whose turn it is in a room, and what waits; pauses ── rooms that operators have paused
//!    │   ├ handlers ── the current artifact, and the one before it in case it fails
//!    │   ├ world ── what the event can see: the hub, the clock, random numbers, the log
//!    │   ├ commit ── attachments first, then frames into outboxes, under the locks of their rooms
//!    │   └ observer, witness, counters, failure_log ── reports of the event
//!    │
//!  hub ── all connections of a server: rooms, attachments, leftovers (recovery, reservation)
//!    │
//!  connection ── the record of one connection; outbox ── the frames that wait to be written to its wire
//! ```
//!
//! These invariants hold everywhere:
//!
//! - The events of a room run one at a time, in the order in which they arrive. While one runs, no other
//!   lock than the room's turn is held.
//! - The effects of an event happen when it has returned, all or none, in one order for all members.
//! - This crate knows no socket, no HTTP and no file: frames go to a [`wire::Wire`], values to a store.
//!
//! Read [`dispatch`] first.

pub mod attachments;
pub mod browser;
pub mod clock;
pub mod commit;
pub mod compression;
pub mod connection;
pub mod connection_list;
pub mod counter;
pub mod counters;
pub mod dispatch;
pub mod dispatcher;
pub(crate) mod event_of;
pub(crate) mod execution;
pub mod failure_log;
pub mod gauge;
pub mod handler_log;
pub mod handlers;
pub mod held;
pub mod histogram;
pub mod hub;
pub mod leftovers;
pub mod limits;
pub mod local;
pub mod locked_rooms;
pub mod members;
pub mod membership;
pub mod no_answer;
pub mod observer;
pub mod operator_signal;
pub mod operator_write;
pub mod ordered;
pub mod outbox;
pub mod outside;
pub mod own_thread;
pub mod pace;
pub mod panic_watch;
pub mod pauses;
pub mod recovery;
pub mod registration;
pub mod requested;
pub mod reservation;
pub mod room_change;
pub mod room_changes;
pub mod room_list;
pub mod room_states;
pub mod room_use;
pub mod rooms;
mod run_times;
pub mod schedules;
pub mod settings;
pub mod signals;
pub mod signals_hold;
pub mod slots;
pub mod spans;
pub mod stored;
pub mod streams;
pub mod tidying;
pub mod trace_context;
mod traced;
pub mod transport;
pub mod turn;
pub mod turn_queues;
pub mod undone;
pub mod unread;
pub mod unwritten;
pub mod waiting;
pub mod wire;
pub mod witness;
pub mod world;
