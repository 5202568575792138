//! The body of an answer: read, decoded and counted as far as somebody asks for it.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::counters::Counters;
use crate::decoder::Decoder;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::request::Target;

/// What is decoded at a time.
const PIECE_BYTES: usize = 16 << 10;

pub(crate) struct Body {
    /// `None` once it has ended.
    incoming: Option<Incoming>,
    decoder: Option<Decoder>,
    /// What was read and not yet handed out.
    input: Bytes,
    bound: Option<Bound>,
    target: Target,
    counters: Arc<Counters>,
}

/// The most bytes of a body, once decoded.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) bytes: usize,
    /// The flag that says so.
    pub(crate) flag: &'static str,
}

impl Body {
    /// # Errors
    /// When the head says already that it is too large.
    pub(crate) fn new(
        method: &Method,
        head: &Parts,
        incoming: Incoming,
        bound: Option<Bound>,
        target: Target,
        counters: &Arc<Counters>,
    ) -> Result<Body, Error> {
        // Fetch, "null body status", and HEAD.
        let is_empty = *method == Method::HEAD
            || matches!(
                head.status,
                StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
            );
        let decoder = if is_empty { None } else { Decoder::of(&head.headers) };
        let body = Body {
            incoming: (!is_empty).then_some(incoming),
            input: Bytes::new(),
            bound,
            target,
            counters: Arc::clone(counters),
            decoder,
        };
        if !is_empty && body.decoder.is_none() {
            let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
            body.check(length.and_then(|length| length.parse().ok()).unwrap_or(0))?;
        }
        Ok(body)
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(piece) = self.decoded()? {
                return Ok(Some(piece));
            }
            let Some(incoming) = &mut self.incoming else {
                return match &self.decoder {
                    Some(decoder) if !decoder.is_complete() => Err(self.malformed()),
                    _ => Ok(None),
                };
            };
            match incoming.frame().await {
                // Trailers are no part of a body.
                Some(Ok(frame)) => self.input = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Err(failure::broken(&self.target, &error)),
                None => self.incoming = None,
            }
            self.counters.count_received(self.input.len());
        }
    }

    /// All of it, if it is within the bound.
    pub(crate) async fn whole(mut self) -> Result<Bytes, Error> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            self.check(whole.len() + piece.len())?;
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// A piece of what was read; `None` when more has to be read for it.
    fn decoded(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(decoder) = &mut self.decoder else {
            return Ok((!self.input.is_empty()).then(|| std::mem::take(&mut self.input)));
        };
        let mut output = [0; PIECE_BYTES];
        // Without input as well: a decoder may hold something back.
        loop {
            let Ok((taken, made)) = decoder.decode(&self.input, &mut output) else {
                return Err(self.malformed());
            };
            self.input.advance(taken);
            if made > 0 {
                return Ok(Some(Bytes::copy_from_slice(&output[..made])));
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            if taken == 0 {
                return Err(self.malformed());
            }
        }
    }

    fn malformed(&self) -> Error {
        failure::network(format!("the answer of {} is not encoded as it says", self.target))
    }

    fn check(&self, length: usize) -> Result<(), Error> {
        match self.bound {
            Some(Bound { bytes, flag }) if length > bytes => {
                let target = &self.target;
                let message =
                    format!("fetch: the answer of {target} is over {bytes} bytes ({flag})");
                Err(Error::new(ErrorKind::TooLarge, message))
            }
            _ => Ok(()),
        }
    }
}
