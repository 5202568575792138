//! `send(ws, data)`: queues one frame.

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::ValueKind;

use crate::budget::OverBudget;
use crate::effects::Effect;
use crate::event_state::{EventState, HostData};
use crate::frame::Frame;
use crate::guest_memory::{self, Span};
use crate::outbox::queue_bytes;

impl EventState {
    /// Collects a frame. Answers false when the connection is gone or closing, or its queue plus
    /// what this event has sent it is over the bound.
    fn send(&mut self, ws: i64, frame: Frame) -> Result<bool, OverBudget> {
        let max_queue = self.hub.config.max_queue;
        let Some(touched) = self.touch_writable(ws) else { return Ok(false) };
        if touched.is_closed {
            return Ok(false);
        }
        let Some(queued) = touched.connection.outbox.queued_bytes() else { return Ok(false) };
        if queued + touched.sent >= max_queue {
            self.hub.counters.refused_frames.add_one();
            return Ok(false);
        }
        touched.sent += queue_bytes(&frame);
        let to = touched.place;
        self.push(Effect::Send { to, frame })?;
        Ok(true)
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "send",
        |mut caller: Caller<'_, HostData>, ws: i64, kind: i32, ptr: i32, len: i32| {
            // A frame is text or binary, whichever view the bytes were seen through.
            let is_text = kind == i32::from(ValueKind::Text.number());
            let frame = guest_memory::read_frame(&mut caller, is_text, Span::new(ptr, len))?;
            let is_queued = caller.data_mut().send(ws, frame)?;
            wasmtime::Result::Ok(i32::from(is_queued))
        },
    )?;
    Ok(())
}
