//! Redis, and this node among those that share rooms through it.
//!
//! ```text
//!  node ── this node's number, and the lease under which it holds it
//!  link ── the connection, made again when it breaks
//!   ├ scripts ── what Redis does at one moment
//!   ├ keys ── the names of what is in Redis
//!   └ server_info ── what the server says about itself
//!  record ── what one commit has changed, in the log of its room; packed ── an entry
//! ```
//!
//! Nothing here knows what the state of a room is for; `state::clustered` does.

pub(crate) mod answer;
pub mod error;
pub(crate) mod keys;
pub(crate) mod link;
pub mod node;
pub mod options;
pub(crate) mod packed;
pub(crate) mod record;
pub(crate) mod scripts;
pub mod server_info;
pub(crate) mod token;
