//! Auto-responses: replies to messages without running JavaScript.

use bytes::Bytes;

use zigttp_abi::value::Value;

/// A request and its response, which are compared and sent as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoResponse {
    pub request: Bytes,
    pub response: Bytes,
}

impl AutoResponse {
    /// The response to this message, with the same kind (text or bytes), if its bytes are those of the request.
    pub fn answer(&self, message: &Value) -> Option<Value> {
        (message.bytes() == &self.request)
            .then(|| Value::new(message.kind(), self.response.clone()))
    }
}

#[cfg(test)]
mod tests {
    use zigttp_abi::value::ValueKind;

    use super::*;

    #[test]
    fn the_response_has_the_kind_of_the_message() {
        let pair = AutoResponse {
            request: Bytes::from_static(b"ping"),
            response: Bytes::from_static(b"pong"),
        };
        assert_eq!(pair.answer(&Value::text("ping")), Some(Value::text("pong")));
        let binary = |bytes| Value::new(ValueKind::ArrayBuffer, Bytes::from_static(bytes));
        assert_eq!(pair.answer(&binary(b"ping")), Some(binary(b"pong")));
        assert_eq!(pair.answer(&Value::text("pings")), None);
    }
}
