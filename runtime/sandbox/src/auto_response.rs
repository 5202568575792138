//! Auto-responses: a message answered by the frame loop, without JavaScript.

use bytes::Bytes;

use zigttp_abi::value::Value;

/// A request and its answer, compared and sent as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoResponse {
    pub request: Bytes,
    pub response: Bytes,
}

impl AutoResponse {
    /// The answer to this message, in the message's own kind, if its bytes are the request's.
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
    fn the_answer_has_the_opcode_of_the_message() {
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
