//! What scripts answer: lists of words.

use std::error::Error;
use std::fmt::Write as _;

use bytes::Bytes;
use redis::Value;

use crate::cluster::error::ClusterError;

/// A list of words.
pub(crate) fn words(answer: Value) -> Result<Vec<Bytes>, ClusterError> {
    list(answer)?.into_iter().map(word).collect()
}

pub(crate) fn list(answer: Value) -> Result<Vec<Value>, ClusterError> {
    match answer {
        Value::Array(list) | Value::Set(list) => Ok(list),
        // RESP3 has answers that are pairs.
        Value::Map(pairs) => Ok(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()),
        Value::Nil => Ok(Vec::new()),
        other => Err(nonsense(&other)),
    }
}

pub(crate) fn word(answer: Value) -> Result<Bytes, ClusterError> {
    match answer {
        Value::BulkString(word) => Ok(Bytes::from(word)),
        Value::SimpleString(word) => Ok(Bytes::from(word)),
        Value::VerbatimString { text, .. } => Ok(Bytes::from(text)),
        Value::Int(number) => Ok(Bytes::from(number.to_string())),
        Value::Double(number) => Ok(Bytes::from(number.to_string())),
        Value::Okay => Ok(Bytes::from_static(b"OK")),
        other => Err(nonsense(&other)),
    }
}

pub(crate) fn number(word: &[u8]) -> Result<u64, ClusterError> {
    let text = std::str::from_utf8(word).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| ClusterError::Nonsense(String::from_utf8_lossy(word).into_owned()))
}

pub(crate) fn string(word: &[u8]) -> Result<Box<str>, ClusterError> {
    let text = std::str::from_utf8(word).map(Box::from);
    text.map_err(|_| ClusterError::Nonsense(String::from_utf8_lossy(word).into_owned()))
}

/// What can be read of an answer.
pub(crate) fn text(answer: &Value) -> String {
    match answer {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        _ => String::new(),
    }
}

pub(crate) fn nonsense(answer: &Value) -> ClusterError {
    ClusterError::Nonsense(format!("{answer:?}").chars().take(200).collect())
}

/// An error with all of its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
