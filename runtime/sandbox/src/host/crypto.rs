//! `crypto(request)`: an operation of `crypto.subtle`.
//!
//! A short one is done at once, in the event's CPU time. A long one is asked for as another server is: the run
//! waits for it, and a later one finds its answer. So does a later run that asks for what depends on chance.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::{COMPUTED_LATER, IMPORT_MODULE};
use zigttp_crypto::{Rate, Request};

use crate::event::Call;
use crate::event_state::{EventState, HostData};
use crate::guest_memory::{self, GuestFault, Span};
use crate::host::answer;
use crate::journal::{Answer, Ask, Fingerprint};
use crate::view::View;

/// How fast this machine is. Measured once, by [`prepare`] or by the event that comes before it.
static RATE: OnceLock<Rate> = OnceLock::new();

/// What takes longer is not done in the event's turn.
const LONG: Duration = Duration::from_millis(5);

/// Does what takes tens of milliseconds once, on a thread of its own, so that no event pays for it.
pub(crate) fn prepare<V: View>() {
    let prepare = || {
        RATE.get_or_init(|| Rate::measure(V::cpu_clock));
        zigttp_crypto::seed();
    };
    // Without a thread the first event does it, which is late and not wrong.
    let _ = std::thread::Builder::new().name("zigttp-crypto".to_owned()).spawn(prepare);
}

impl<V: View> EventState<V> {
    /// The answer of an operation, if it is there already.
    fn compute(&mut self, bytes: &[u8]) -> wasmtime::Result<Option<Answer>> {
        // No answer is much longer than its request.
        self.memory_budget.has_room_for(bytes.len())?;
        let request = Request::parse(bytes)
            .map_err(|_| GuestFault("a request for cryptography that is none"))?;
        let cost = RATE.get_or_init(|| Rate::measure(V::cpu_clock)).time_of(request.work());
        let fingerprint = || Fingerprint::of(&[b"crypto", bytes]);
        // What an event that runs again has waited for is there. All else was short, as fast as this machine may be.
        let is_known = self.journal.is_recorded() && self.journal.holds_question(fingerprint());
        if is_known || cost > LONG && !self.journal.is_recorded() {
            return Ok(self.ask(fingerprint(), |state| state.long_computation(bytes, cost))?);
        }
        Ok(Some(if request.depends_on_chance() {
            self.answer_by_chance(fingerprint(), || answer_of(&request))?
        } else {
            answer_of(&request)
        }))
    }

    /// A computation that takes long, or why it is not begun.
    fn long_computation(&self, request: &[u8], cost: Duration) -> Result<Ask, Answer> {
        if matches!(self.event.call, Call::RoomOf(_)) {
            return Err(refused("roomOf waits for nothing, and this takes too long for it"));
        }
        let limit = self.view.limits().crypto;
        let before = self.journal.computed();
        if before + cost > limit {
            return Err(refused(&format!(
                "this takes about {cost:.0?} of CPU time; the limit of an event is {limit:?}, of which it has used \
                 {before:.0?} (--crypto-limit)"
            )));
        }
        let request = Bytes::copy_from_slice(request);
        let bytes = request.len();
        let work = move || match Request::parse(&request) {
            Ok(request) => answer_of(&request),
            Err(malformed) => refused(&malformed.to_string()),
        };
        Ok(Ask::Compute { work: Box::new(work), cost, bytes })
    }
}

/// The answer of a request that is done.
fn answer_of(request: &Request<'_>) -> Answer {
    match request.run() {
        Ok(bytes) => Answer { head: Bytes::new(), body: Bytes::from(bytes) },
        Err(failure) => Answer::of_exception(failure.kind.name(), failure.message),
    }
}

fn refused(message: &str) -> Answer {
    Answer::of_exception("OperationError", message)
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
            let Some(Answer { head, body }) = answer else { return Ok(COMPUTED_LATER) };
            // What says why there is none is JSON, and so never empty.
            let (bytes, sign) = if head.is_empty() { (body, 1) } else { (head, -1) };
            answer::offer(&mut caller, Span::new(ptr, cap), &bytes, || bytes.clone())?;
            wasmtime::Result::Ok(sign * bytes.len() as i64)
        },
    )?;
    Ok(())
}
