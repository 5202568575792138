//! The handler's requests to other servers, which the test answers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Value as Json, json};
use tokio::sync::{Notify, mpsc, oneshot};
use zigttp_rooms::hub::Hub;
use zigttp_rooms::outside::{OpenResponse, Outside};
use zigttp_sandbox::outgoing::{
    FetchError, FetchErrorKind, FetchedResponse, OutgoingRequest, ResponseHead,
};
use zigttp_sandbox::shared_text::SharedText;

use crate::values;

/// As of a server.
const TIME: Duration = Duration::from_secs(60);

/// What the test answers.
#[derive(Default)]
pub(crate) struct Answers {
    state: Mutex<State>,
    asked: Notify,
    /// Which streams there are.
    hub: OnceLock<Weak<Hub>>,
}

#[derive(Default)]
struct State {
    /// Whether the test answers requests at all.
    is_answered: bool,
    last: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Those that the test was not told of.
    new: Vec<Json>,
    /// What the test gives streams, by their names.
    fed: BTreeMap<String, VecDeque<Fed>>,
    /// Streams whose response has begun and goes on.
    open: BTreeMap<String, mpsc::UnboundedSender<Bytes>>,
    /// Streams that wait for their response.
    unfed: Vec<(String, oneshot::Sender<Fed>)>,
}

struct Waiting {
    what: String,
    answer: oneshot::Sender<Result<FetchedResponse, FetchError>>,
}

/// A response of a stream, or more of it.
pub(crate) struct Fed {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) ends: bool,
}

impl Answers {
    /// Those of the world after a crash: what has waited has gone.
    pub(crate) fn after_crash(&self) -> Answers {
        let mut before = self.lock();
        let (is_answered, last) = (before.is_answered, before.last);
        let fed = std::mem::take(&mut before.fed);
        let state = State { is_answered, last, fed, ..State::default() };
        Answers { state: Mutex::new(state), ..Answers::default() }
    }

    pub(crate) fn set_hub(&self, hub: &Arc<Hub>) {
        // A world has one.
        let _ = self.hub.set(Arc::downgrade(hub));
    }

    pub(crate) fn set_answered(&self, is_answered: bool) {
        self.lock().is_answered = is_answered;
    }

    pub(crate) fn take_new(&self) -> Vec<Json> {
        std::mem::take(&mut self.lock().new)
    }

    pub(crate) fn has_new(&self) -> bool {
        !self.lock().new.is_empty()
    }

    /// Waits for a request that is new.
    pub(crate) async fn asked(&self) {
        while !self.has_new() {
            self.asked.notified().await;
        }
    }

    /// The requests that wait for the test.
    pub(crate) fn unanswered(&self) -> Vec<String> {
        self.lock().waiting.values().map(|waiting| waiting.what.clone()).collect()
    }

    /// Answers a request. One that nobody waits for any more is left alone.
    pub(crate) fn answer(&self, id: u64, answer: Result<(u16, String, String, Bytes), String>) {
        let Some(Waiting { answer: waiting, what }) = self.lock().waiting.remove(&id) else {
            return;
        };
        let url = what.split_once(' ').map_or("", |(_, url)| url).to_owned();
        let answer = match answer {
            Ok((status, status_text, headers, body)) => {
                let head = ResponseHead { status, status_text, headers, url, redirected: false };
                Ok(FetchedResponse { head, body })
            }
            Err(message) => {
                Err(error(FetchErrorKind::Network, &format!("fetch: {what}: {message}")))
            }
        };
        // Its event may have given it up.
        let _ = waiting.send(answer);
    }

    /// Gives a stream its response, or more of one that goes on.
    pub(crate) fn feed(&self, name: &str, fed: Fed) {
        let mut state = self.lock();
        if let Some(open) = state.open.get(name).filter(|open| !open.is_closed()) {
            for piece in fed.pieces {
                let _ = open.send(piece);
            }
            if fed.ends {
                state.open.remove(name);
            }
            return;
        }
        if let Some(index) =
            state.unfed.iter().position(|(unfed, it)| unfed == name && !it.is_closed())
        {
            let (_name, unfed) = state.unfed.remove(index);
            let _ = unfed.send(fed);
        } else {
            state.fed.entry(name.to_owned()).or_default().push_back(fed);
        }
    }

    /// The name of the stream of a room that makes this request: the newest one with its URL.
    fn stream_of(&self, request: &OutgoingRequest, room: Option<&SharedText>) -> Option<String> {
        let hub = self.hub.get()?.upgrade()?;
        let url = request.url.split('?').next().unwrap_or_default();
        let streams = hub.states.storage.list_streams();
        let found = streams.iter().rev().find(|(stream, _)| {
            room.is_some_and(|room| **room == *stream.room)
                && hub
                    .open_streams
                    .progress(stream.id)
                    .is_some_and(|it| it.url == url && it.status().is_none())
        });
        found.map(|(stream, _)| stream.name.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(kind: FetchErrorKind, message: &str) -> FetchError {
    FetchError { kind, message: message.to_owned() }
}

/// Answers of the world that is there, for a dispatcher.
pub(crate) struct TestOutside(pub(crate) Arc<Answers>);

impl Outside for TestOutside {
    fn fetch(
        &self,
        request: OutgoingRequest,
        _room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<FetchedResponse, FetchError>> {
        let OutgoingRequest { method, url, headers, body, timeout, .. } = request;
        let what = format!("{method} {url}");
        let mut state = self.0.lock();
        if !state.is_answered {
            let message =
                format!("fetch: {what}: the test answers no requests; it can with world.fetch");
            return std::future::ready(Err(error(FetchErrorKind::Network, &message))).boxed();
        }
        state.last += 1;
        let id = state.last;
        let (answer, answered) = oneshot::channel();
        state.new.push(json!({
            "id": id,
            "method": method,
            "url": url,
            "headers": values::header_pairs(&headers),
            "body": body.map(|body| values::base64(&body)),
        }));
        state.waiting.insert(id, Waiting { what: what.clone(), answer });
        drop(state);
        self.0.asked.notify_one();
        let answers = Arc::clone(&self.0);
        async move {
            let answered = tokio::time::timeout(timeout.unwrap_or(TIME).min(TIME), answered).await;
            match answered {
                Ok(Ok(answer)) => answer,
                Ok(Err(_gone)) => Err(error(FetchErrorKind::Network, "fetch: the test has ended")),
                Err(_late) => {
                    answers.lock().waiting.remove(&id);
                    Err(error(FetchErrorKind::TimedOut, "The operation timed out"))
                }
            }
        }
        .boxed()
    }

    fn open(
        &self,
        request: OutgoingRequest,
        room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<OpenResponse, FetchError>> {
        let answers = Arc::clone(&self.0);
        async move {
            let Some(name) = answers.stream_of(&request, room.as_ref()) else {
                return Err(error(FetchErrorKind::Network, "the stream has gone"));
            };
            let unfed = {
                let mut state = answers.lock();
                match state.fed.get_mut(&name).and_then(VecDeque::pop_front) {
                    Some(fed) => Ok(fed),
                    None => {
                        let (unfed, fed) = oneshot::channel();
                        state.unfed.push((name.clone(), unfed));
                        Err(fed)
                    }
                }
            };
            let fed = match unfed {
                Ok(fed) => fed,
                Err(fed) => fed
                    .await
                    .map_err(|_gone| error(FetchErrorKind::Network, "the test has ended"))?,
            };
            let Fed { status, headers, pieces, ends } = fed;
            let (sender, receiver) = mpsc::unbounded_channel();
            for piece in pieces {
                let _ = sender.send(piece);
            }
            if !ends {
                answers.lock().open.insert(name, sender);
            }
            let head = ResponseHead {
                status,
                status_text: String::new(),
                headers,
                url: request.url,
                redirected: false,
            };
            let body = stream::unfold(receiver, |mut receiver| async move {
                receiver.recv().await.map(|piece| (Ok(piece), receiver))
            });
            Ok(OpenResponse { head, body: body.boxed() })
        }
        .boxed()
    }
}
