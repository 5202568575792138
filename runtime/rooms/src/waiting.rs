//! An event that waits for the outside: it holds no turn, no slot and no instance.
//!
//! What it asks is begun when its run has ended, all at once. The wait ends when the last is settled, or when a
//! timer is due. Then the event takes its turn anew, behind those that wait for it, and runs again from the start.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::task::{AbortHandle, JoinSet};
use zigttp_sandbox::event::{Event, Request};
use zigttp_sandbox::failure::{Failure, Thrown};
use zigttp_sandbox::journal::{Answer, Ask, EntryId, Journal};
use zigttp_sandbox::outgoing::{
    FetchError, FetchErrorKind, FetchedResponse, OutgoingRequest, ResponseHead,
};
use zigttp_sandbox::pool::Share;
use zigttp_sandbox::shared_text::SharedText;
use zigttp_sandbox::wait::Wait;

use crate::connection::State;
use crate::dispatcher::Dispatcher;
use crate::event_of::EventOf;
use crate::handler_log::{HANDLER_LOG_TARGET, printable};
use crate::held::{Held, RoomTurn};
use crate::hub::Hub;
use crate::no_answer::NoAnswer;
use crate::own_thread;
use crate::registration::Registered;
use crate::requested::Requested;
use crate::traced::{Child, Traced};
use crate::turn::Asker;
use crate::undone::Undone;

/// How many rooms may ask one another, each for the next: one that asks itself would never end.
const MAX_DEPTH: u8 = 8;

/// An event while it waits, and between its waits.
pub(crate) struct Waiting {
    hub: Arc<Hub>,
    /// When its first run began.
    began: Instant,
    depth: u8,
    tasks: JoinSet<(EntryId, Answer)>,
    aborts: Vec<(EntryId, AbortHandle)>,
    place: Option<Place>,
}

/// A place among the events that wait.
struct Place {
    hub: Arc<Hub>,
    share: Share,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.waiting.sub(1);
    }
}

impl Place {
    /// A place with so many bytes, if there is one.
    fn take(dispatcher: &Dispatcher, bytes: usize) -> Option<Place> {
        let Dispatcher { hub, wait_limits, .. } = dispatcher;
        hub.waiting.add(1);
        let mut place = Place { hub: Arc::clone(hub), share: wait_limits.bytes.share() };
        let has_room = hub.waiting.get() <= wait_limits.events && place.share.resize(bytes);
        has_room.then_some(place)
    }
}

impl Waiting {
    pub(crate) fn begin(dispatcher: &Dispatcher, began: Instant, depth: u8) -> Box<Waiting> {
        Box::new(Waiting {
            hub: Arc::clone(&dispatcher.hub),
            began,
            depth,
            tasks: JoinSet::new(),
            aborts: Vec::new(),
            place: None,
        })
    }

    /// Gives back what the event holds, waits for what its last run asks, and takes its turn again.
    ///
    /// # Errors
    /// See [`Undone`].
    pub(crate) async fn wait(
        &mut self,
        dispatcher: &Arc<Dispatcher>,
        held: &mut Held<'_>,
        event: &mut Event,
        journal: &mut Journal,
        wait: Wait,
        of: &EventOf<'_>,
    ) -> Result<(), Undone> {
        journal.drop_unasked();
        self.aborts.retain(|(id, task)| {
            let is_asked = journal.holds(*id);
            if !is_asked {
                task.abort();
            }
            is_asked
        });
        self.check_timer(journal, &wait, dispatcher).map_err(Undone::Failed)?;
        let bytes = event.bytes() + journal.bytes();
        if !self.has_place(dispatcher, bytes) {
            let new = journal.take_new();
            if new.is_empty() {
                // Nothing that could be refused: it would run again at once, and wait for the same.
                let message = too_much(dispatcher);
                let thrown = Thrown { message: format!("Error: {message}"), stack: String::new() };
                return Err(Undone::Failed(Failure::Threw(thrown)));
            }
            // It runs again at once, and learns that it cannot wait.
            for (id, _ask) in new {
                journal.settle(id, failed(&too_much(dispatcher)));
            }
            journal.end_wait(self.since_begin(), false);
            return Ok(());
        }
        let room = held.room().map(|room| room.shared_key().clone());
        let own = of.connection;
        let state = own.map(|connection| {
            // Of one that closes: others see it until the last run of its `onClose`.
            self.hub.list_again(connection, &of.parted);
            let state = connection.state();
            connection.set_state(State::Waiting);
            state
        });
        if let Some(sender) = of.sender {
            (sender.on_wait)();
        }
        let held_room = held.room().map(Arc::clone);
        held.turn = None;
        held.slot = None;
        let hub = Arc::clone(&self.hub);
        let is_given_up = tokio::select! {
            () = self.settle(dispatcher, event, journal, &wait, room, of.traced.as_deref()) => false,
            () = hub.waits_given_up() => true,
        };
        if let (Some(connection), Some(state)) = (own, state) {
            connection.set_state(state);
        }
        if is_given_up {
            return Err(Undone::GivenUp);
        }
        held.turn = match (own, held_room) {
            (Some(connection), _) => {
                let turn = RoomTurn::of_connection(connection, 0).await?;
                event.room = Some(turn.room().shared_key().clone());
                Some(turn)
            }
            (None, Some(room)) => {
                let turn = RoomTurn::take(room, Asker::Connection, 0).await;
                Some(turn.map_err(|_stopped| Undone::GivenUp)?)
            }
            (None, None) => None,
        };
        if let Some(connection) = own.filter(|_| !of.parted.is_empty()) {
            self.hub.part(connection);
        }
        if of.sender.is_some_and(|sender| !(sender.is_wanted)()) {
            return Err(Undone::Unwanted);
        }
        self.hub.counters.reruns.add_one();
        Ok(())
    }

    /// Lets requests that are under way end, whose answers nobody waits for.
    pub(crate) fn end(mut self) {
        self.tasks.detach_all();
    }

    /// Refuses to wait too often, or too long.
    fn check_timer(
        &self,
        journal: &Journal,
        wait: &Wait,
        dispatcher: &Dispatcher,
    ) -> Result<(), Failure> {
        let (Some(due), true) = (wait.timer, wait.questions.is_empty()) else { return Ok(()) };
        let longest = dispatcher.wait_limits.longest_timer;
        let max = self.hub.limits.max_requests;
        let message = if due.saturating_sub(self.since_begin()) > longest {
            format!(
                "RangeError: the event waits for a timer that is due in more than {} seconds \
                 (--fetch-timeout): set one of the room with signalAt",
                longest.as_secs()
            )
        } else if journal.requests() >= max {
            format!(
                "RangeError: the event has made {max} requests and waits for timers, which is the limit \
                 (--max-event-fetches)"
            )
        } else {
            return Ok(());
        };
        Err(Failure::Threw(Thrown { message, stack: String::new() }))
    }

    fn has_place(&mut self, dispatcher: &Dispatcher, bytes: usize) -> bool {
        match &mut self.place {
            Some(place) => place.share.resize(bytes),
            None => {
                self.place = Place::take(dispatcher, bytes);
                if self.place.is_none() {
                    self.hub.counters.refused_waits.add_one();
                }
                self.place.is_some()
            }
        }
    }

    fn since_begin(&self) -> Duration {
        self.hub.clock.now() - self.began
    }

    /// Begins what is new, and waits until the last question is settled or the earliest timer is due.
    async fn settle(
        &mut self,
        dispatcher: &Arc<Dispatcher>,
        event: &Event,
        journal: &mut Journal,
        wait: &Wait,
        room: Option<SharedText>,
        traced: Option<&Traced>,
    ) {
        for (id, ask) in journal.take_new() {
            let child = traced.map(Traced::child);
            let answer = dispatcher.answer(ask, room.clone(), self.depth, child);
            let task = self.tasks.spawn(async move { (id, answer.await) });
            self.aborts.push((id, task));
        }
        let mut left: Vec<EntryId> = wait.questions.clone();
        left.retain(|id| !journal.is_settled(*id));
        // One that would wake the event too often does not wake it before its questions are settled.
        let max = self.hub.limits.max_requests;
        let may_wake = left.is_empty() || journal.requests() < max;
        let timer = async {
            match wait.timer.filter(|_| may_wake) {
                Some(due) => tokio::time::sleep_until((self.began + due).into()).await,
                None => pending().await,
            }
        };
        let mut timer = std::pin::pin!(timer);
        let mut was_for_timer = false;
        while !left.is_empty() || wait.questions.is_empty() {
            let settled = tokio::select! {
                Some(settled) = self.tasks.join_next(), if !left.is_empty() => settled,
                () = &mut timer => {
                    was_for_timer = true;
                    break;
                }
            };
            match settled {
                Ok((id, answer)) => {
                    left.retain(|waited| *waited != id);
                    let place = self.place.as_mut().expect("an event that waits has a place");
                    let bytes =
                        event.bytes() + journal.bytes() + answer.head.len() + answer.body.len();
                    let is_held = place.share.resize(bytes);
                    let answer = if is_held { answer } else { failed(&too_much(dispatcher)) };
                    journal.settle(id, answer);
                }
                // A bug has ended it, which is counted; or it was given up.
                Err(error) if error.is_panic() => {
                    self.hub.counters.panics.add_one();
                    for id in left.drain(..) {
                        journal.settle(id, failed("fetch: the server has failed"));
                    }
                }
                Err(_given_up) => {}
            }
        }
        let now = self.hub.clock.now() - self.began;
        journal.end_wait(
            now.max(if was_for_timer { wait.timer.unwrap_or_default() } else { now }),
            was_for_timer,
        );
    }
}

fn too_much(dispatcher: &Dispatcher) -> String {
    let max = dispatcher.wait_limits.events;
    format!(
        "fetch: too much waits for answers: {max} events (--max-waiting-events), or too many bytes \
         (--max-waiting-bytes)"
    )
}

/// Waits so long for the answer of a room, whose event goes on to its end.
async fn within(time: Duration, asked: BoxFuture<'static, Answer>) -> Answer {
    match tokio::time::timeout(time, tokio::spawn(asked)).await {
        Ok(answered) => answered.unwrap_or_else(|_panic| failed("fetch: the server has failed")),
        Err(_elapsed) => {
            let message = "The operation timed out".to_owned();
            Answer::of_error(&FetchError { kind: FetchErrorKind::TimedOut, message })
        }
    }
}

fn failed(message: &str) -> Answer {
    Answer::of_error(&FetchError { kind: FetchErrorKind::Limit, message: message.to_owned() })
}

impl Dispatcher {
    /// Answers a question that an event of a room has asked.
    fn answer(
        self: &Arc<Self>,
        ask: Ask,
        room: Option<SharedText>,
        depth: u8,
        child: Option<Child>,
    ) -> BoxFuture<'static, Answer> {
        match ask {
            Ask::Fetch(mut request) => {
                if let Some(child) = &child {
                    child.mark(&mut request);
                }
                let work = child.as_ref().and_then(|child| child.fetch(&request));
                let fetched = self.outside.fetch(*request, room);
                Box::pin(async move {
                    let fetched = fetched.await;
                    if let (Some(child), Some(work)) = (child, work) {
                        child.fetched(work, &fetched);
                    }
                    match fetched {
                        Ok(response) => Answer::of_response(response),
                        Err(error) => Answer::of_error(&error),
                    }
                })
            }
            Ask::Room { room, mut request } => {
                if let Some(child) = &child {
                    child.mark(&mut request);
                }
                let time = request.timeout;
                let asked = self.ask_room(room, *request, depth);
                match time {
                    None => asked,
                    Some(time) => Box::pin(within(time, asked)),
                }
            }
            Ask::Compute { work, .. } => {
                let computations = Arc::clone(&self.wait_limits.computations);
                let hub = Arc::clone(&self.hub);
                Box::pin(async move {
                    let permit = computations.acquire_owned().await;
                    let work = move || {
                        // Until it has ended, whoever waits for it.
                        let _permit = permit;
                        work()
                    };
                    let began = hub.clock.now();
                    let answer = own_thread::compute(hub.clock, work).await;
                    hub.counters.computations.record(hub.clock.now() - began);
                    let failed = |_| {
                        Answer::of_exception("OperationError", "the server cannot compute it now")
                    };
                    answer.unwrap_or_else(failed)
                })
            }
        }
    }

    /// Handles a request of one room to another, in the turn of that and with a commit of its own.
    fn ask_room(
        self: &Arc<Self>,
        room: SharedText,
        request: OutgoingRequest,
        depth: u8,
    ) -> BoxFuture<'static, Answer> {
        let dispatcher = Arc::clone(self);
        Box::pin(async move {
            if depth >= MAX_DEPTH {
                return failed(&format!("fetch: more than {MAX_DEPTH} rooms ask one another"));
            }
            let url = request.url.clone();
            let request = inner_request(request);
            let nobody = None::<fn() -> Option<Registered>>;
            let answered =
                dispatcher.dispatch_in_room(&room, request, depth + 1, pending(), nobody).await;
            match answered {
                Ok(Some(Requested::Answered(response))) => {
                    let head = ResponseHead {
                        status: response.status,
                        status_text: String::new(),
                        headers: response.headers,
                        url,
                        redirected: false,
                    };
                    Answer::of_response(FetchedResponse { head, body: response.body })
                }
                Ok(Some(Requested::NoClient | Requested::Member(..))) => failed(&format!(
                    "fetch: {url}: its onRequest returns Response.events, which only a client can take"
                )),
                Ok(None) => {
                    failed("fetch: a request to a room needs a handler that exports onRequest")
                }
                Err(error) => {
                    let why = match error {
                        NoAnswer::Busy | NoAnswer::RoomBusy => "the room is busy",
                        NoAnswer::RoomPaused => "the room is paused",
                        NoAnswer::Draining | NoAnswer::Abandoned => "the server stops",
                        NoAnswer::Failed(_) | NoAnswer::Panicked => "its onRequest has failed",
                    };
                    failed(&format!("fetch: {url}: {why}"))
                }
            }
        })
    }

    /// Makes the requests that the handler of a committed event does not wait for, and drops their answers.
    pub(crate) fn send_unawaited(
        self: &Arc<Self>,
        journal: &mut Journal,
        room: Option<&SharedText>,
        depth: u8,
        traced: Option<&Traced>,
    ) {
        if !journal.has_entries() {
            return;
        }
        journal.drop_unasked();
        for (_id, ask) in journal.take_new() {
            if matches!(ask, Ask::Compute { .. }) {
                continue;
            }
            let Some(place) = Place::take(self, ask.bytes()) else {
                self.hub.counters.refused_waits.add_one();
                log_unawaited(&self.hub, &too_much(self));
                continue;
            };
            let answer = self.answer(ask, room.cloned(), depth, traced.map(Traced::child));
            let hub = Arc::clone(&self.hub);
            tokio::spawn(async move {
                let _place = place;
                if let Some(why) = answer.await.error() {
                    log_unawaited(&hub, &why);
                }
            });
        }
    }
}

/// Logs why a request has failed, of which no handler hears.
fn log_unawaited(hub: &Hub, why: &str) {
    if hub.handler_log.permits(&hub.counters.dropped_log_lines, hub.clock.now()) {
        let why = printable(why);
        tracing::warn!(target: HANDLER_LOG_TARGET, "{why} (nothing waits for its answer)");
    }
}

/// The request as `onRequest` gets it. Its origin is that of rooms.
fn inner_request(request: OutgoingRequest) -> Request {
    let OutgoingRequest { method, url, headers, body, .. } = request;
    let target = url.strip_prefix("room:").unwrap_or(&url);
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let target = format!("room:\n{path}\n{query}");
    Request { method, target, headers, body: body.unwrap_or_default() }
}
