//! The client: makes requests within its bounds, to hosts that its grants allow.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, Version};
use hyper::ext::ReasonPhrase;
use tokio::time::Instant;
use url::Url;

use crate::body::{Body, Bound};
use crate::connection::Via;
use crate::connector::Connector;
use crate::counters::{Counters, HostClass};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::failure;
use crate::grants::{Cover, Grants};
use crate::headers;
use crate::options::{MAX_IDLE, MAX_REDIRECTS, Options};
use crate::places::{Place, Places};
use crate::pool::Pool;
use crate::redirect::{self, Hop};
use crate::request::{Redirect, Request, Target};
use crate::resolver::Resolve;
use crate::response::{Head, OpenResponse, Response};
use crate::roots::{RootsError, Tls};

/// Hosts that are reported as lacking a grant, where every host is allowed.
const MAX_REPORTED: usize = 1_000;

/// A client, shared by all who call out. A clone is the same client.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    options: Options,
    user_agent: HeaderValue,
    tls: Arc<Tls>,
    places: Arc<Places>,
    counters: Arc<Counters>,
    /// That of the present grants.
    pool: RwLock<Arc<Pool>>,
    /// Hosts that were called and that no grant names.
    reported: Mutex<HashSet<String>>,
}

/// An answer whose body is still to be read.
struct Answer {
    head: Head,
    body: Body,
    /// Given back when the body was read.
    place: Option<Place>,
}

impl Client {
    /// A client without connections.
    pub fn new(options: Options, grants: Grants, tls: Tls, resolver: Arc<dyn Resolve>) -> Client {
        let tls = Arc::new(tls);
        let counters = Arc::<Counters>::default();
        let connector = Connector {
            grants: Arc::new(grants),
            resolver,
            tls: Arc::clone(&tls),
            proxy: options.proxy.clone(),
            open: Arc::default(),
            counters: Arc::clone(&counters),
        };
        let user_agent = HeaderValue::from_str(&options.user_agent);
        Client(Arc::new(Inner {
            user_agent: user_agent.unwrap_or(HeaderValue::from_static("zigttp")),
            places: Places::new(&options),
            tls,
            counters,
            pool: RwLock::new(Arc::new(Pool::new(connector))),
            reported: Mutex::default(),
            options,
        }))
    }

    /// Reads the certificate authorities, which the first request over TLS would do otherwise.
    ///
    /// # Errors
    /// When a variable names a file that cannot be used.
    pub fn load_roots(&self) -> Result<(), RootsError> {
        self.0.tls.load()
    }

    pub fn grants(&self) -> Arc<Grants> {
        Arc::clone(&self.pool().grants)
    }

    /// Whether a host, written as in a URL, may be called, as far as its name alone tells: without a port by `http` or
    /// `https`, whichever its caller uses.
    pub fn allows(&self, host: &str) -> bool {
        let grants = self.grants();
        ["http", "https"].iter().any(|scheme| {
            let url = Url::parse(&format!("{scheme}://{host}/"));
            let target = url.ok().and_then(|url| Target::of(&url).ok());
            target.is_some_and(|target| grants.find(&target).is_ok())
        })
    }

    /// Uses these grants from now on. What is under way goes on, but is not redirected to what they do not
    /// allow; connections of before are used for nothing new.
    pub fn set_grants(&self, grants: Grants) {
        let mut pool = self.0.pool.write().unwrap_or_else(PoisonError::into_inner);
        *pool = Arc::new(pool.renewed(Arc::new(grants)));
    }

    pub fn options(&self) -> &Options {
        &self.0.options
    }

    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Requests under way for which the whole answer is waited for.
    pub fn in_flight(&self) -> usize {
        self.0.places.taken()
    }

    /// Requests that wait because too many are under way.
    pub fn waiting(&self) -> usize {
        self.0.places.waiting()
    }

    /// Makes a request and returns the whole answer. `group` is who asks, for the bound of one group.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::error::ErrorKind).
    pub async fn fetch(
        &self,
        request: Request,
        group: Option<Arc<str>>,
    ) -> Result<Response, Error> {
        let began = Instant::now();
        let Options { timeout, max_response, .. } = self.0.options;
        let bound = Bound { bytes: max_response, flag: "--max-fetch-response" };
        let deadline = Deadline::new(timeout, "--fetch-timeout", request.timeout);
        let result = async {
            let target = Target::of(&request.url).map_err(unrequestable)?;
            let whole = async {
                let answer = self.follow(request, Some(group), Some(bound)).await?;
                let Answer { head, body, place } = answer;
                let body = body.whole().await?;
                drop(place);
                Ok(Response { head, body })
            };
            deadline.limit(&target, whole).await
        };
        let result = self.counted(result.await);
        self.0.counters.durations.record(began.elapsed());
        result
    }

    /// Makes a request and returns its answer as soon as its head is there. It has no bound of its own but
    /// for the time that a connection may take: whoever calls this bounds how many there are, their time
    /// and their bytes.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::error::ErrorKind).
    pub async fn open(&self, request: Request) -> Result<OpenResponse, Error> {
        let Answer { head, body, .. } = self.counted(self.follow(request, None, None).await)?;
        self.0.counters.add_open_response();
        let reading = Reading { client: self.clone(), body };
        Ok(OpenResponse { head, body: Box::pin(stream::try_unfold(reading, Reading::next)) })
    }

    /// Makes a request and follows its redirects, with a place if the caller's group is given.
    async fn follow(
        &self,
        request: Request,
        group: Option<Option<Arc<str>>>,
        bound: Option<Bound>,
    ) -> Result<Answer, Error> {
        let Request { method, mut url, headers, body, redirect, timeout: _ } = request;
        url.set_fragment(None);
        let mut hop = Hop { method, url, headers, body };
        headers::prepare(&mut hop.headers, &self.0.user_agent);
        let mut target = Target::of(&hop.url).map_err(unrequestable)?;
        let mut from: Option<Target> = None;
        let mut place: Option<Place> = None;
        let mut redirects = 0;
        loop {
            // Asked at each redirect again, as the grants are then.
            let pool = self.pool();
            let cover = pool
                .grants
                .find(&target)
                .map_err(|refusal| failure::not_allowed(&target, refusal, from.as_ref()))?;
            self.report(cover, &target);
            let host = target.host.to_string();
            if let Some(group) = &group
                && place.as_ref().is_none_or(|place| place.host() != host)
            {
                // Never two at a time: those who hold one wait for no other.
                drop(place.take());
                place = Some(self.0.places.take(&host, group.clone()).await);
            }
            let mut via = None;
            let sent = pool.send(&hop, &target, &mut via).await;
            if redirects == 0 {
                self.0.counters.count_request(class(cover, via.as_ref()));
            }
            let (head, incoming) = sent?.into_parts();
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(failure::network(format!("{target} switches to another protocol")));
            }
            let location = match redirect {
                Redirect::Manual => None,
                _ => redirect::location(&hop.url, &target, head.status, &head.headers)?,
            };
            let Some(location) = location else {
                let body =
                    Body::new(&hop.method, &head, incoming, bound, target, &self.0.counters)?;
                let status_text = status_text(&head);
                let head = Head {
                    status: head.status,
                    status_text,
                    headers: head.headers,
                    url: hop.url,
                    redirected: redirects > 0,
                };
                return Ok(Answer { head, body, place });
            };
            if redirect == Redirect::Error {
                return Err(failure::network(format!(
                    "{target} redirects, and the request's redirect is \"error\""
                )));
            }
            if redirects == MAX_REDIRECTS {
                return Err(failure::network(format!(
                    "{target} redirects for the {}th time",
                    MAX_REDIRECTS + 1
                )));
            }
            redirects += 1;
            self.0.counters.count_redirect();
            let next = Target::of(&location)
                .map_err(|why| failure::network(format!("{target} redirects, and {why}")))?;
            from = Some(std::mem::replace(&mut target, next));
            hop = hop.redirected(head.status, location);
        }
    }

    /// The connections of the present grants. Where so many are open that most are idle, all are left for
    /// new ones.
    fn pool(&self) -> Arc<Pool> {
        let pool = Arc::clone(&self.0.pool.read().unwrap_or_else(PoisonError::into_inner));
        let busy = self.0.places.taken() + self.0.counters.open_responses();
        if pool.open_connections() <= MAX_IDLE + busy {
            return pool;
        }
        let mut present = self.0.pool.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&present, &pool) {
            *present = Arc::new(pool.renewed(Arc::clone(&pool.grants)));
        }
        Arc::clone(&present)
    }

    /// Tells the operator once of a host that only `zigttp dev` allows.
    fn report(&self, cover: Cover, target: &Target) {
        if cover != Cover::Open {
            return;
        }
        let mut reported = self.0.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() < MAX_REPORTED && reported.insert(target.to_string()) {
            tracing::info!("the handler calls {target}: `zigttp run` needs --allow-fetch {target}");
        }
    }

    fn counted<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.inspect_err(|error| self.0.counters.count_failure(error.kind))
    }
}

/// A body that is read piece by piece.
struct Reading {
    client: Client,
    body: Body,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Reading)>, Error> {
        let piece = self.body.next().await;
        Ok(self.client.counted(piece)?.map(|piece| (piece, self)))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.client.0.counters.remove_open_response();
    }
}

fn unrequestable(why: &str) -> Error {
    failure::network(why.to_owned())
}

fn class(cover: Cover, via: Option<&Via>) -> HostClass {
    match cover {
        _ if via.is_some_and(|via| via.is_internal) => HostClass::Internal,
        Cover::Named => HostClass::Named,
        Cover::Wildcard | Cover::Open => HostClass::Wildcard,
    }
}

/// The text behind the status. HTTP/2 has none, and hyper keeps one only if it is not the usual one.
fn status_text(head: &http::response::Parts) -> String {
    match head.extensions.get::<ReasonPhrase>() {
        // Isomorphic decoding: a character for each byte.
        Some(text) => text.as_bytes().iter().copied().map(char::from).collect(),
        None if head.version >= Version::HTTP_2 => String::new(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    }
}
