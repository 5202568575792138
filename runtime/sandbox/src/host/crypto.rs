//! `crypto(request)`: an operation of `crypto.subtle`.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;
use zigttp_crypto::{Rate, Request};

use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::answer;
use crate::view::View;

/// How fast this machine is. Measured when it is first asked for.
static RATE: OnceLock<Rate> = OnceLock::new();

/// What an operation may take.
const LIMIT: Duration = Duration::from_secs(1);

impl<V: View> EventState<V> {
    /// The answer of an operation, or why there is none: the name of a `DOMException`, a new line and a message.
    fn compute(&self, request: &[u8]) -> wasmtime::Result<Result<Vec<u8>, String>> {
        // No answer is much longer than its request.
        self.memory_budget.has_room_for(request.len())?;
        let request = Request::parse(request)
            .map_err(|_| GuestFault("a request for cryptography that is none"))?;
        let rate = RATE.get_or_init(|| Rate::measure(V::cpu_clock));
        if rate.time_of(request.work()) > LIMIT {
            return Ok(Err("OperationError\nit takes longer than an event may".to_owned()));
        }
        Ok(request.run().map_err(|failure| format!("{}\n{}", failure.kind.name(), failure.message)))
    }
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap(
        IMPORT_MODULE,
        "crypto",
        |mut caller: Caller<'_, HostData<V>>, request: i32, len: i32, ptr: i32, cap: i32| {
            let request = Span::new(request, len);
            let answer = guest_memory::with_bytes(&mut caller, request, |state, request| {
                state.compute(request)
            })??;
            let (bytes, sign) = match answer {
                Ok(bytes) => (Bytes::from(bytes), 1),
                Err(text) => (Bytes::from(text), -1),
            };
            answer::offer(&mut caller, Span::new(ptr, cap), &bytes, || bytes.clone())?;
            wasmtime::Result::Ok(sign * bytes.len() as i64)
        },
    )?;
    Ok(())
}
