//! The functions a guest can call. Each file decodes guest memory, does one thing to the
//! [`EventState`](crate::event_state::EventState), and encodes the answer.
//!
//! They collect effects and look up what the event itself has done before what is committed; they
//! change nothing that another event could see.

mod close;
mod deserialize_attachment;
mod get_web_sockets;
mod input;
mod log;
mod outcome;
mod room_from_path;
mod send;
mod serialize_attachment;
mod set_auto_response;
mod wasi;

use wasmtime::Linker;

use crate::event_state::HostData;

/// Links every function a guest may import.
pub(crate) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    input::link(linker)?;
    send::link(linker)?;
    close::link(linker)?;
    serialize_attachment::link(linker)?;
    deserialize_attachment::link(linker)?;
    get_web_sockets::link(linker)?;
    room_from_path::link(linker)?;
    set_auto_response::link(linker)?;
    log::link(linker)?;
    outcome::link(linker)?;
    wasi::link(linker)
}
