//! `roomFromPath(ws, param)`: a parameter of the route a connection opened under.

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, Span};

impl EventState {
    fn room_from_path(&mut self, ws: i64, parameter: &str) -> Option<Bytes> {
        let connection = &self.touch(ws)?.connection;
        connection.parameter(parameter).map(|value| Bytes::copy_from_slice(value.as_bytes()))
    }
}

pub(super) fn link(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "room_from_path",
        |mut caller: Caller<'_, HostData>,
         ws: i64,
         parameter: i32,
         parameter_len: i32,
         ptr: i32,
         cap: i32| {
            let parameter = Span::new(parameter, parameter_len);
            let value = guest_memory::with_string(&mut caller, parameter, |state, parameter| {
                state.room_from_path(ws, parameter)
            })?;
            let Some(value) = value else { return wasmtime::Result::Ok(-1) };
            let len = i32::try_from(value.len()).expect("a path is bounded by the header size");
            guest_memory::answer(&mut caller, Span::new(ptr, cap), &value, || value.clone())?;
            Ok(len)
        },
    )?;
    Ok(())
}
