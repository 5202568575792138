//! `send(ws, data)`: queues one frame.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::{ValueKind, well_formed_len};
use zigttp_protocol::frame::{Frame, queue_bytes};

use crate::budget::OverBudget;
use crate::effect::PeerIndex;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::view::{Peer, View};

impl<V: View> EventState<V> {
    /// The receiver of a frame; `None` when the connection has closed or is closing, or when its queue with
    /// the frames of this event is over its limit.
    fn receiver(&mut self, ws: i64) -> Result<Option<PeerIndex>, OverBudget> {
        let max_queue = self.view.limits().max_queue;
        let Some(addressed) = self.address_writable(ws)? else { return Ok(None) };
        if addressed.is_closed {
            return Ok(None);
        }
        let Some(queued) = addressed.peer.queued_bytes() else { return Ok(None) };
        if queued + addressed.sent >= max_queue {
            self.used.refused_frames += 1;
            return Ok(None);
        }
        Ok(Some(addressed.index))
    }

    /// Adds a frame.
    fn send(&mut self, to: PeerIndex, frame: Frame) -> Result<(), OverBudget> {
        self.effects.at(to).sent += queue_bytes(frame.bytes());
        self.push_frame(to, frame)
    }
}

/// Copies bytes out of the guest as a frame: a text frame for a string, else a binary one.
fn read_frame<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    is_text: bool,
    span: Span,
) -> wasmtime::Result<Frame> {
    let frame = guest_memory::with_bytes(caller, span, |state, payload| {
        // A broadcast sends the same bytes to every connection: they are encoded once and shared.
        if let Some(last) = state.effects.last_sent()
            && last.is_text() == is_text
            && last.payload() == payload
        {
            return Ok(last.clone());
        }
        let budget = &state.memory_budget;
        if !is_text {
            budget.has_room_for(payload.len())?;
            return Ok(Frame::binary(payload));
        }
        // Most text is ASCII, which takes a few instructions to check.
        let len = if payload.is_ascii() { payload.len() } else { well_formed_len(payload) };
        budget.has_room_for(len)?;
        Ok::<_, OverBudget>(Frame::text(payload))
    })?;
    Ok(frame?)
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "send",
        |mut caller: Caller<'_, HostData<V>>, ws: i64, kind: i32, ptr: i32, len: i32| {
            // Checked first, so that a refused frame is not copied.
            let Some(to) = caller.data_mut().receiver(ws)? else {
                return wasmtime::Result::Ok(i32::from(false));
            };
            // All kinds of bytes are sent as a binary frame.
            let is_text = kind == i32::from(ValueKind::Text.number());
            let frame = read_frame(&mut caller, is_text, Span::new(ptr, len))?;
            caller.data_mut().send(to, frame)?;
            Ok(i32::from(true))
        },
    )?;
    Ok(())
}
