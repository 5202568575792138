//! A store with an instance in it, and calling its exports.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::{InstancePre, Store, TypedFunc, WasmParams};
use zigttp_abi::connection_id::ConnectionId;

use crate::event::Call;
use crate::event_state::HostData;
use crate::guest_memory::GuestMemory;
use crate::restore::Tracked;
use crate::view::View;

pub(crate) struct Instance<V: View> {
    pub(crate) store: Store<HostData<V>>,
    pub(crate) guest: Guest,
}

/// The parts of an instance that the host uses.
pub(crate) struct Guest {
    memory: GuestMemory,
    room_of: TypedFunc<(i64, i32, i32, i32, i32), i32>,
    on_upgrade: TypedFunc<(i64, i32, i32, i32, i32, i32), i32>,
    on_open: TypedFunc<(i64, i64, i32, i32), i32>,
    on_message: TypedFunc<(i64, i64, i32, i32, i32), i32>,
    on_close: TypedFunc<(i64, i64, i32, i32, i32), i32>,
    on_request: TypedFunc<(i64, i32, i32, i32, i32, i32), i32>,
    handler: TypedFunc<(i64, i32, i32, i32, i32), i32>,
    on_signal: TypedFunc<(i64, i32, i32, i32, i32, i32), i32>,
    on_stream: TypedFunc<(i64, i32, i32, i32, i32), i32>,
    pub(crate) tracked: Option<Tracked>,
}

impl Guest {
    /// Makes an instance. One of a rewritten module has what restoring it needs.
    pub(crate) fn new<V: View>(
        store: &mut Store<HostData<V>>,
        instance: &InstancePre<HostData<V>>,
        is_rewritten: bool,
    ) -> wasmtime::Result<Guest> {
        let instance = instantiate(store, instance)?;
        let memory = instance
            .get_memory(&mut *store, "memory")
            .ok_or_else(|| wasmtime::Error::msg("it exports no \"memory\""))?;
        let tracked = match is_rewritten {
            true => Some(Tracked::find(&mut *store, instance, memory)?),
            false => None,
        };
        Ok(Guest {
            memory: GuestMemory { memory, map: tracked.as_ref().map(Tracked::map) },
            room_of: event_export(store, instance, "room_of")?,
            on_upgrade: event_export(store, instance, "on_upgrade")?,
            on_open: event_export(store, instance, "on_open")?,
            on_message: event_export(store, instance, "on_message")?,
            on_close: event_export(store, instance, "on_close")?,
            on_request: event_export(store, instance, "on_request")?,
            handler: event_export(store, instance, "handler")?,
            on_signal: event_export(store, instance, "on_signal")?,
            on_stream: event_export(store, instance, "on_stream")?,
            tracked,
        })
    }
}

/// Instantiates at once, because nothing here runs code of the guest (artifacts have no start function) or
/// waits. It is the asynchronous function of wasmtime, which takes asynchronous imports.
fn instantiate<V: View>(
    store: &mut Store<HostData<V>>,
    instance: &InstancePre<HostData<V>>,
) -> wasmtime::Result<wasmtime::Instance> {
    let instantiated = pin!(instance.instantiate_async(store));
    match instantiated.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(instance) => instance,
        Poll::Pending => Err(wasmtime::Error::msg("it waits while it is instantiated")),
    }
}

/// Finds an export. Loading a program checks all of them, so that no event can fail here.
fn event_export<V: View, Arguments: WasmParams>(
    store: &mut Store<HostData<V>>,
    instance: wasmtime::Instance,
    name: &str,
) -> wasmtime::Result<TypedFunc<Arguments, i32>> {
    instance.get_typed_func(store, name).map_err(|_missing_or_of_another_type| {
        wasmtime::Error::msg(format!("its export {name:?} is missing or has another type"))
    })
}

impl<V: View> Instance<V> {
    /// Its memory, as it is now.
    pub(crate) fn memory(&self) -> &[u8] {
        self.guest.memory.memory.data(&self.store)
    }

    /// Calls the export of the event that has begun, and returns its status.
    pub(crate) async fn call(&mut self, seed: i64) -> wasmtime::Result<i32> {
        let Instance { store, guest, .. } = self;
        store.set_epoch_deadline(1);
        let linear = guest.memory.memory.data_size(&*store);
        let state = &mut **store.data_mut();
        state.memory = Some(guest.memory);
        state.memory_budget.begin_with(linear);

        let [first, second, third, fourth, fifth] = state.event.input_lens();
        let ws = state.event.connection.map_or(0, ws);
        match &state.event.call {
            Call::Open { .. } => guest.on_open.call_async(store, (seed, ws, first, second)).await,
            Call::Message { data } => {
                let kind = i32::from(data.kind().number());
                guest.on_message.call_async(store, (seed, ws, kind, first, second)).await
            }
            Call::Close { code, .. } => {
                let code = i32::from(*code);
                guest.on_close.call_async(store, (seed, ws, code, first, second)).await
            }
            Call::RoomOf(_) => {
                guest.room_of.call_async(store, (seed, first, second, third, fourth)).await
            }
            Call::Upgrade { .. } => {
                let lens = (seed, first, second, third, fourth, fifth);
                guest.on_upgrade.call_async(store, lens).await
            }
            Call::Request(_) if state.event.room.is_some() => {
                let lens = (seed, first, second, third, fourth, fifth);
                guest.on_request.call_async(store, lens).await
            }
            Call::Stream(_) => {
                guest.on_stream.call_async(store, (seed, first, second, third, fourth)).await
            }
            Call::Signal(signal) => {
                let kind = signal.data.as_ref().map_or(-1, |data| data.kind().number().into());
                let lens = (seed, first, second, kind, third, fourth);
                guest.on_signal.call_async(store, lens).await
            }
            Call::Request(_) => {
                guest.handler.call_async(store, (seed, first, second, third, fourth)).await
            }
        }
    }
}

fn ws(connection: ConnectionId) -> i64 {
    i64::try_from(connection.number()).expect("ids have 53 bits")
}
