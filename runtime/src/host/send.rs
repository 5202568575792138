//! `send(ws, data)`: queues one frame.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::ValueKind;
use zigttp_protocol::frame::Frame;

use crate::budget::OverBudget;
use crate::effects::Place;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};
use crate::outbox::queue_bytes;

impl EventState {
    /// Where a frame may be sent: nowhere when the connection is gone or closing, or its queue plus
    /// what this event has sent it is over the bound.
    fn receiver(&mut self, ws: i64) -> Result<Option<Place>, OverBudget> {
        let max_queue = self.hub.config.max_queue;
        let Some(touched) = self.touch_writable(ws)? else { return Ok(None) };
        if touched.is_closed {
            return Ok(None);
        }
        let Some(queued) = touched.connection.outbox.queued_bytes() else { return Ok(None) };
        if queued + touched.sent >= max_queue {
            self.hub.counters.refused_frames.add_one();
            return Ok(None);
        }
        Ok(Some(touched.place))
    }

    /// Collects a frame.
    fn send(&mut self, to: Place, frame: Frame) -> Result<(), OverBudget> {
        self.effects.at(to).sent += queue_bytes(&frame);
        self.push_frame(to, frame)
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "send",
        |mut caller: Caller<'_, HostData>, ws: i64, kind: i32, ptr: i32, len: i32| {
            // Asked first: what is refused is not copied.
            let Some(to) = caller.data_mut().receiver(ws)? else {
                return wasmtime::Result::Ok(i32::from(false));
            };
            // A frame is text or binary, whichever view the bytes were seen through.
            let is_text = kind == i32::from(ValueKind::Text.number());
            let frame = guest_memory::read_frame(&mut caller, is_text, Span::new(ptr, len))?;
            caller.data_mut().send(to, frame)?;
            Ok(i32::from(true))
        },
    )?;
    Ok(())
}
