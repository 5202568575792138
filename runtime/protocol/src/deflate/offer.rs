//! The negotiation (RFC 7692, 7.1): which of the client's offers the server accepts, and its response.

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

use super::window::WindowBits;
use crate::list;

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// Accepts the first valid offer of permessage-deflate. Returns the window of what the server compresses,
/// and the header for the 101; `None` for no compression.
pub fn negotiate(headers: &HeaderMap) -> Option<(WindowBits, HeaderValue)> {
    let offers = headers
        .get_all(SEC_WEBSOCKET_EXTENSIONS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| list::split(value, ','));
    let offer = offers.into_iter().find_map(Offer::read)?;
    Some((offer.server_window.unwrap_or(WindowBits::MAX), offer.response()))
}

/// What the server needs of a valid offer.
struct Offer {
    /// The window that the client asks for.
    server_window: Option<WindowBits>,
}

impl Offer {
    /// Parses an offer; `None` for another extension, or a parameter that is unknown, repeated or has an
    /// invalid value: all of these are declined (RFC 7692, 7.1).
    fn read(offer: &str) -> Option<Offer> {
        let mut parts = list::split(offer, ';');
        if !parts.next()?.eq_ignore_ascii_case(NAME) {
            return None;
        }
        let mut seen: Vec<&str> = Vec::new();
        let mut server_window = None;
        for part in parts {
            let (name, value) = match part.split_once('=') {
                // A value may be written as a quoted string (RFC 6455, 9.1).
                Some((name, value)) => (name.trim_end(), Some(list::unquoted(value.trim_start())?)),
                None => (part, None),
            };
            if seen.contains(&name) {
                return None;
            }
            match (name, value.as_deref()) {
                (SERVER_NO_CONTEXT_TAKEOVER | CLIENT_NO_CONTEXT_TAKEOVER, None) => {}
                // 8 is valid, but zlib cannot compress with it: the offer is declined.
                (SERVER_MAX_WINDOW_BITS, Some(bits)) => {
                    server_window = Some(WindowBits::new(window_bits(bits)?)?);
                }
                // A hint: the server inflates windows of every size.
                (CLIENT_MAX_WINDOW_BITS, None) => {}
                (CLIENT_MAX_WINDOW_BITS, Some(bits)) => drop(window_bits(bits)?),
                _ => return None,
            }
            seen.push(name);
        }
        Some(Offer { server_window })
    }

    /// A server may ask for both kinds of no context takeover whether or not they were offered, and
    /// must repeat the window that the client asked for (RFC 7692, 7.1.1 and 7.1.2).
    fn response(&self) -> HeaderValue {
        let mut response =
            format!("{NAME}; {SERVER_NO_CONTEXT_TAKEOVER}; {CLIENT_NO_CONTEXT_TAKEOVER}");
        if let Some(bits) = self.server_window.map(WindowBits::get) {
            response += &format!("; {SERVER_MAX_WINDOW_BITS}={bits}");
        }
        HeaderValue::try_from(response).expect("names and digits")
    }
}

/// 8 to 15, in decimal and without leading zeros (RFC 7692, 7.1.2.1).
fn window_bits(value: &str) -> Option<u8> {
    (8..=15).find(|bits| bits.to_string() == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The window, and the response to these header lines.
    fn response(lines: &[&'static str]) -> Option<(u8, String)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(line));
        }
        negotiate(&headers).map(|(window, response)| {
            (window.get(), response.to_str().expect("names and digits").to_owned())
        })
    }

    const PLAIN: &str =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    #[test]
    fn valid_offers_get_no_context_takeover() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=8",
            "permessage-deflate;server_no_context_takeover;client_no_context_takeover",
            "PerMessage-Deflate ; client_max_window_bits = \"15\"",
            "x-webkit-deflate-frame, permessage-deflate",
            "x; y=\"a, b\", permessage-deflate",
            "permessage-deflate; client_max_window_bits=\"1\\5\"",
        ] {
            assert_eq!(response(&[offer]), Some((15, PLAIN.to_owned())), "{offer}");
        }
    }

    #[test]
    fn a_window_of_9_to_15_bits_that_the_client_asks_for_is_accepted() {
        for (offer, bits) in [
            ("permessage-deflate; server_max_window_bits=9", 9),
            ("permessage-deflate; server_max_window_bits=\"12\"; client_max_window_bits", 12),
            ("permessage-deflate; server_max_window_bits=15", 15),
        ] {
            let expected = format!("{PLAIN}; server_max_window_bits={bits}");
            assert_eq!(response(&[offer]), Some((bits, expected)), "{offer}");
        }
    }

    #[test]
    fn offers_that_cannot_be_accepted_are_declined() {
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
            "permessage-deflate; unknown",
            "permessage-deflate; client_max_window_bits=\"15",
            "permessage-deflate; client_max_window_bits=15\"",
            // A comma in a quoted string does not start an offer.
            "x; y=\"a, permessage-deflate\"",
            "x; y=\"\\\", permessage-deflate\"",
            "x; y=\", permessage-deflate",
            "permessage-deflate;",
        ] {
            assert_eq!(response(&[offer]), None, "{offer}");
        }
        assert_eq!(response(&[]), None);
    }

    #[test]
    fn the_first_valid_offer_is_accepted() {
        let offers = "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10";
        let later = "permessage-deflate";
        assert_eq!(response(&[offers, later]).map(|(bits, _)| bits), Some(10));
        assert_eq!(response(&["other", later]).map(|(bits, _)| bits), Some(15));
    }
}
