//! Streams, as events open them and take their pieces.

use bytes::Bytes;
use serde::Serialize;

use crate::outgoing::OutgoingRequest;

/// One effect of an event on the streams of its own room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEffect {
    /// Make a request once the event has committed. A stream of the same name is cancelled.
    Open {
        name: Box<str>,
        request: Box<StreamRequest>,
    },
    Cancel {
        name: Box<str>,
    },
    CancelAll,
}

/// A request whose response comes in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRequest {
    pub request: OutgoingRequest,
    /// How its body is cut; `None` leaves it to the type that the response says.
    pub cut: Option<Cut>,
}

/// How the body of a response is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Server-sent events (HTML, "Server-sent events").
    Events,
    /// Lines of text.
    Lines,
    /// As it comes.
    Bytes,
}

/// A piece of a stream, for the guest.
#[derive(Debug)]
pub struct StreamPiece {
    /// Of the stream.
    pub id: u64,
    pub name: Box<str>,
    pub piece: Piece,
    /// Without bytes, which are an input of their own.
    json: String,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Piece {
    Start {
        status: u16,
        /// `name: value` lines, names in lower case.
        headers: String,
    },
    Lines {
        lines: Vec<String>,
    },
    Events {
        events: Vec<ServerEvent>,
    },
    Bytes {
        #[serde(skip)]
        bytes: Bytes,
    },
    /// The last one.
    End {
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<StreamError>,
        /// What the error is about, for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// A server-sent event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerEvent {
    /// Its type: `message`, unless it says another.
    pub event: String,
    pub data: String,
    /// The last id that the stream has said.
    pub id: String,
}

/// Why a stream has ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamError {
    /// The other server is too slow, or the stream too long.
    Timeout,
    /// The server has stopped.
    Interrupted,
    /// By the handler, or by an operator.
    Cancelled,
    /// The event that took the piece before has failed.
    Handler,
    /// There is no connection, or it has broken; also when the operator has not allowed it.
    Network,
    /// The response is over a limit of bytes.
    TooLarge,
}

impl StreamError {
    pub const ALL: [StreamError; 6] = [
        StreamError::Timeout,
        StreamError::Interrupted,
        StreamError::Cancelled,
        StreamError::Handler,
        StreamError::Network,
        StreamError::TooLarge,
    ];

    /// The word in the handler, in logs and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            StreamError::Timeout => "timeout",
            StreamError::Interrupted => "interrupted",
            StreamError::Cancelled => "cancelled",
            StreamError::Handler => "handler",
            StreamError::Network => "network",
            StreamError::TooLarge => "too-large",
        }
    }
}

impl StreamEffect {
    /// How much memory it takes.
    pub(crate) fn held_bytes(&self) -> usize {
        /// Its entry in a list that doubles as it grows, and what its commit holds for it.
        const EFFECT_BYTES: usize = 4 * size_of::<StreamEffect>();
        EFFECT_BYTES
            + match self {
                // Twice: its commit makes the form in which it is stored.
                StreamEffect::Open { name, request } => {
                    size_of::<StreamRequest>() + name.len() + 2 * request.bytes()
                }
                StreamEffect::Cancel { name } => name.len(),
                StreamEffect::CancelAll => 0,
            }
    }
}

impl StreamRequest {
    /// Bytes of its request.
    pub fn bytes(&self) -> usize {
        let OutgoingRequest { method, url, headers, body, .. } = &self.request;
        method.len() + url.len() + headers.len() + body.as_ref().map_or(0, Bytes::len)
    }
}

impl Cut {
    /// The one with this number, by which guests name it.
    pub(crate) fn from_number(number: i32) -> Option<Cut> {
        [Cut::Events, Cut::Lines, Cut::Bytes].get(usize::try_from(number).ok()?).copied()
    }

    /// Its name in the handler.
    pub const fn name(self) -> &'static str {
        match self {
            Cut::Events => "events",
            Cut::Lines => "lines",
            Cut::Bytes => "bytes",
        }
    }
}

impl StreamPiece {
    pub fn new(id: u64, name: Box<str>, piece: Piece) -> StreamPiece {
        let json = serde_json::to_string(&piece).expect("a piece always serialises");
        StreamPiece { id, name, piece, json }
    }

    /// Whether it is the last one.
    pub fn is_end(&self) -> bool {
        matches!(self.piece, Piece::End { .. })
    }

    /// Whether it is the last one of the stream that has had this name until now.
    pub(crate) fn ends(&self, name: &str) -> bool {
        let is_cancelled =
            matches!(self.piece, Piece::End { error: Some(StreamError::Cancelled), .. });
        self.is_end() && *self.name == *name && !is_cancelled
    }

    pub(crate) fn json(&self) -> &[u8] {
        self.json.as_bytes()
    }

    /// How many bytes it has for the guest.
    pub fn bytes(&self) -> usize {
        self.json.len() + self.binary().len()
    }

    pub(crate) fn binary(&self) -> &[u8] {
        match &self.piece {
            Piece::Bytes { bytes } => bytes,
            _ => &[],
        }
    }
}

impl Piece {
    /// Its `kind` in the handler.
    pub const fn kind(&self) -> &'static str {
        match self {
            Piece::Start { .. } => "start",
            Piece::Lines { .. } => "lines",
            Piece::Events { .. } => "events",
            Piece::Bytes { .. } => "bytes",
            Piece::End { .. } => "end",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_json_as_the_typings_say() {
        let events =
            vec![ServerEvent { event: "message".into(), data: "a\nb".into(), id: "".into() }];
        for (piece, expected) in [
            (
                Piece::Start { status: 200, headers: "a: b\n".into() },
                r#"{"kind":"start","status":200,"headers":"a: b\n"}"#,
            ),
            (Piece::Lines { lines: vec!["a".into()] }, r#"{"kind":"lines","lines":["a"]}"#),
            (
                Piece::Events { events },
                r#"{"kind":"events","events":[{"event":"message","data":"a\nb","id":""}]}"#,
            ),
            (Piece::Bytes { bytes: "abc".into() }, r#"{"kind":"bytes"}"#),
            (Piece::End { error: None, message: None }, r#"{"kind":"end"}"#),
            (
                Piece::End { error: Some(StreamError::TooLarge), message: Some("m".into()) },
                r#"{"kind":"end","error":"too-large","message":"m"}"#,
            ),
        ] {
            let kind = piece.kind();
            let piece = StreamPiece::new(1, "name".into(), piece);
            assert_eq!(piece.json, expected);
            assert!(expected.contains(&format!(r#""kind":"{kind}""#)));
        }
        for error in StreamError::ALL {
            let json = serde_json::to_string(&error).expect("it serialises");
            assert_eq!(json, format!("\"{}\"", error.name()));
        }
    }
}
