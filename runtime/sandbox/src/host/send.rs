//! `send(ws, data, options)` queues one frame; `broadcast(room, data, options)` one for every member of a room.

use wasmtime::{Caller, Linker};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_abi::value::{ValueKind, well_formed_len};
use zigttp_protocol::frame::{Frame, queue_bytes};

use crate::budget::OverBudget;
use crate::effect::PeerIndex;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::view::{Members, View};

impl<V: View> EventState<V> {
    /// The receiver of a frame; `None` when the connection has closed or is closing, or when its queue with
    /// the frames of this event is over its limit. A volatile frame is only for an empty queue.
    fn receiver(&mut self, ws: i64, is_volatile: bool) -> Result<Option<PeerIndex>, OverBudget> {
        let max_queue = self.view.limits().max_queue;
        let Some(addressed) = self.address_writable(ws)? else { return Ok(None) };
        let (index, sent) = (addressed.index, addressed.sent);
        if addressed.is_closed {
            return Ok(None);
        }
        let Some(queued) = self.queued_bytes(index) else { return Ok(None) };
        if is_volatile && queued > 0 {
            self.used.dropped_volatile += 1;
            return Ok(None);
        }
        if queued + sent >= max_queue {
            self.used.refused_frames += 1;
            return Ok(None);
        }
        Ok(Some(index))
    }

    /// Adds a frame for every member of a room but these. Returns how many took it.
    fn broadcast(
        &mut self,
        room: &[u8],
        frame: &Frame,
        is_volatile: bool,
        except: &[ConnectionId],
    ) -> Result<i32, OverBudget> {
        let mut count = 0;
        for id in self.with_members(room, |members| Members::from(members))? {
            if except.binary_search(&id).is_ok() {
                continue;
            }
            let ws = id.number().try_into().expect("ids have 53 bits");
            if let Some(to) = self.receiver(ws, is_volatile)? {
                self.send(to, frame.clone())?;
                count += 1;
            }
        }
        Ok(count)
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

/// All kinds of bytes are sent as a binary frame.
fn is_text(kind: i32) -> bool {
    kind == i32::from(ValueKind::Text.number())
}

/// Copies ids out of the guest, and sorts them.
fn read_ids<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    ptr: i32,
    count: i32,
) -> wasmtime::Result<Vec<ConnectionId>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let len = count.checked_mul(size_of::<f64>() as i32);
    let span = Span::new(ptr, len.ok_or(GuestFault("a list outside its memory"))?);
    let bytes = guest_memory::read_bytes(caller, span)?;
    let (numbers, _rest) = bytes.as_chunks();
    // What is no id becomes one that no connection has.
    let ids =
        numbers.iter().map(|number| ConnectionId::from_number(f64::from_le_bytes(*number) as u64));
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    Ok(ids)
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "send",
        |mut caller: Caller<'_, HostData<V>>,
         ws: i64,
         kind: i32,
         ptr: i32,
         len: i32,
         is_volatile: i32| {
            // Checked first, so that a refused frame is not copied.
            let Some(to) = caller.data_mut().receiver(ws, is_volatile != 0)? else {
                return wasmtime::Result::Ok(i32::from(false));
            };
            let frame = read_frame(&mut caller, is_text(kind), Span::new(ptr, len))?;
            caller.data_mut().send(to, frame)?;
            Ok(i32::from(true))
        },
    )?;
    linker.func_wrap(
        IMPORT_MODULE,
        "broadcast",
        |mut caller: Caller<'_, HostData<V>>,
         room: i32,
         room_len: i32,
         kind: i32,
         ptr: i32,
         len: i32,
         is_volatile: i32,
         except: i32,
         except_count: i32| {
            let frame = read_frame(&mut caller, is_text(kind), Span::new(ptr, len))?;
            let except = read_ids(&mut caller, except, except_count)?;
            let room = guest_memory::read_bytes(&mut caller, Span::new(room, room_len))?;
            let state = &mut **caller.data_mut();
            Ok(state.broadcast(&room, &frame, is_volatile != 0, &except)?)
        },
    )?;
    Ok(())
}
