//! What outlives a connection or a server, and what does not.

mod attachments;
mod crash;
mod directory;
mod disk_faults;
mod joined_rooms;
mod lifetime;
mod resumable;
mod resume;
mod values;
