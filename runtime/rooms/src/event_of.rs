//! Whose event it is, and what has come of it.

use std::sync::Arc;

use zigttp_sandbox::event::Response;
use zigttp_sandbox::event_state::NewMember;
use zigttp_sandbox::shared_text::SharedText;

use crate::attachments::Inheritance;
use crate::connection::Connection;
use crate::rooms::Room;
use crate::traced::Traced;
use crate::unwritten::Unwritten;

/// The results of an event that has returned.
pub(crate) struct Committed {
    /// The response of the handler, if there is one.
    pub(crate) response: Option<Response>,
    /// The room that `roomOf` has named.
    pub(crate) named_room: Option<SharedText>,
    /// What the handler makes of the client of a request.
    pub(crate) member: Option<NewMember>,
    pub(crate) unwritten: Option<Unwritten>,
}

/// Whose event it is.
#[derive(Default)]
pub(crate) struct EventOf<'a> {
    pub(crate) connection: Option<&'a Arc<Connection>>,
    /// What its connection inherits if it accepts that.
    pub(crate) inheritance: Option<Box<Inheritance>>,
    /// Of an `onClose`: the lists in which its connection was, with its places.
    pub(crate) parted: Vec<(Arc<Room>, Option<u64>)>,
    /// Who has it run.
    pub(crate) sender: Option<&'a Sender<'a>>,
    /// How many rooms have asked one another up to this event.
    pub(crate) depth: u8,
    /// The trace that it is a part of.
    pub(crate) traced: Option<Box<Traced>>,
}

/// Whoever has an event run that may be taken back while it waits.
pub struct Sender<'a> {
    /// Whether it still wants the event.
    pub(crate) is_wanted: &'a (dyn Fn() -> bool + Sync),
    /// Told each time that the event begins to wait.
    pub(crate) on_wait: &'a (dyn Fn() + Sync),
}

impl<'a> EventOf<'a> {
    pub(crate) fn connection(connection: &'a Arc<Connection>) -> EventOf<'a> {
        EventOf { connection: Some(connection), ..EventOf::default() }
    }
}
