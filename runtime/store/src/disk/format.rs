//! The bytes of an attachment file.
//!
//! One line, `zigttp-attachment <version> <checksum> <header>`, and then the value. The header is JSON
//! ([`Header`]); the checksum is the CRC-32, in eight hexadecimal digits, of the header and the
//! value. The connection that a file belongs to is only in the file's name, so that one rename gives it to
//! another connection.
//!
//! The version is 1 for strings and bytes; 2 for JSON, which is stored as its text; and 3, with any value, for a
//! connection that has joined rooms or moved. A server that does not know a version yet reports its files and does
//! not change them.

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zigttp_abi::value::ValueKind;

use zigttp_abi::value::Value;

/// The beginning of every file, up to the checksum: the format and its version.
const MAGIC: &[u8; MAGIC_BYTES] = b"zigttp-attachment 1 ";
/// The same for a file with JSON.
const MAGIC_OF_JSON: &[u8; MAGIC_BYTES] = b"zigttp-attachment 2 ";
/// The same for a file of a connection that has joined rooms or moved.
const MAGIC_OF_ROOMS: &[u8; MAGIC_BYTES] = b"zigttp-attachment 3 ";
const MAGIC_BYTES: usize = 20;
const CHECKSUM_DIGITS: usize = 8;
/// Longest first line. URL and room are each at most as long as a request's head (16 KiB), of which JSON writes
/// each byte in two bytes at most; of the rooms that were joined there may be 1,000, with names of 1 KiB, of which
/// JSON writes each byte in six at most.
pub const MAX_LINE_BYTES: usize = 8 << 20;
/// Most bytes of a header without room and URL.
pub const OTHER_HEADER_BYTES: usize = 256;

/// What a file says about its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`ValueKind::name`].
    pub kind: String,
    /// Its own room.
    pub room: String,
    /// The room that it has opened in, if it has moved since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<String>,
    /// The rooms that it has joined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<String>,
    /// The path and query that the connection opened.
    pub url: String,
    /// The browser that opened it, where connections are resumed: 128 bits in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub written: u64,
    /// Bytes of the value.
    pub length: usize,
}

impl Header {
    /// The room that its connection has opened in.
    pub fn opened_in(&self) -> &str {
        self.opened.as_deref().unwrap_or(&self.room)
    }

    fn has_rooms(&self) -> bool {
        self.opened.is_some() || !self.joined.is_empty()
    }
}

/// Why a file is not a valid attachment file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It does not begin like an attachment file, or has an unknown version.
    #[error("it is not an attachment file of this version")]
    Foreign,
    /// Its value is shorter or longer than its header says.
    #[error("its value has {found} bytes instead of {told}")]
    Length { told: usize, found: usize },
    /// Its value is over the limit of the reader.
    #[error("its value has {told} bytes, and the largest attachment may have {most}")]
    TooLarge { told: usize, most: usize },
    /// Something in it has changed since it was written.
    #[error("its checksum does not match")]
    Checksum,
    /// The header is not valid JSON of its kind.
    #[error("its header cannot be read")]
    Header,
    /// A text that is not UTF-8, JSON that is not valid, or a kind of value that files of this version do not
    /// have.
    #[error("its value is not of the kind that its header says")]
    Kind,
}

/// The bytes of a file.
pub fn encode(header: &Header, value: &Value) -> Vec<u8> {
    let has_rooms = header.has_rooms();
    let header = serde_json::to_vec(header).expect("text and numbers always serialise");
    let mut bytes =
        Vec::with_capacity(MAGIC_BYTES + CHECKSUM_DIGITS + 2 + header.len() + value.bytes().len());
    bytes.extend_from_slice(match value.kind() {
        _ if has_rooms => MAGIC_OF_ROOMS,
        ValueKind::Json => MAGIC_OF_JSON,
        _ => MAGIC,
    });
    bytes.extend_from_slice(checksum(&header, value.bytes()).as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(&header);
    bytes.push(b'\n');
    bytes.extend_from_slice(value.bytes());
    bytes
}

/// The parts of the first line of a file.
struct Line<'a> {
    magic: &'a [u8],
    checksum: &'a [u8],
    header: &'a [u8],
    /// The length of the line, with its end.
    length: usize,
}

impl Line<'_> {
    fn read(bytes: &[u8]) -> Result<Line<'_>, Damage> {
        let (magic, rest) = bytes.split_at_checked(MAGIC_BYTES).ok_or(Damage::Foreign)?;
        if ![MAGIC, MAGIC_OF_JSON, MAGIC_OF_ROOMS].iter().any(|known| *known == magic) {
            return Err(Damage::Foreign);
        }
        let (checksum, rest) = rest.split_at_checked(CHECKSUM_DIGITS).ok_or(Damage::Foreign)?;
        let rest = rest.strip_prefix(b" ").ok_or(Damage::Foreign)?;
        let end = memchr::memchr(b'\n', rest).ok_or(Damage::Header)?;
        let length = MAGIC_BYTES + CHECKSUM_DIGITS + 1 + end + 1;
        Ok(Line { magic, checksum, header: &rest[..end], length })
    }

    fn header(&self) -> Result<Header, Damage> {
        serde_json::from_slice(self.header).map_err(|_bad| Damage::Header)
    }
}

/// The header at the beginning of a file of this length, and the length of its line. Only [`decode`] checks
/// the checksum.
///
/// # Errors
/// When there is no valid header, or the file has another length than the header says.
pub fn header(bytes: &[u8], file_bytes: u64) -> Result<(Header, usize), Damage> {
    let line = Line::read(bytes)?;
    let header = line.header()?;
    let found = file_bytes.saturating_sub(line.length as u64);
    if found != header.length as u64 {
        let found = usize::try_from(found).unwrap_or(usize::MAX);
        return Err(Damage::Length { told: header.length, found });
    }
    Ok((header, line.length))
}

/// Reads the bytes of a file.
///
/// # Errors
/// When they are not exactly what [`encode`] makes.
pub fn decode(bytes: &[u8]) -> Result<(Header, Value), Damage> {
    let line = Line::read(bytes)?;
    let header = line.header()?;
    let value = &bytes[line.length..];
    if value.len() != header.length {
        return Err(Damage::Length { told: header.length, found: value.len() });
    }
    if checksum(line.header, value).as_bytes() != line.checksum {
        return Err(Damage::Checksum);
    }
    let kind = ValueKind::ALL
        .iter()
        .copied()
        .find(|kind| kind.name() == header.kind)
        .filter(|&kind| match header.has_rooms() {
            true => line.magic == MAGIC_OF_ROOMS,
            false => line.magic == if kind == ValueKind::Json { MAGIC_OF_JSON } else { MAGIC },
        })
        .ok_or(Damage::Kind)?;
    if kind.is_utf8() && std::str::from_utf8(value).is_err() {
        return Err(Damage::Kind);
    }
    // A handler could not parse it. This does not recurse, at any depth of nesting.
    if kind == ValueKind::Json && serde_json::from_slice::<IgnoredAny>(value).is_err() {
        return Err(Damage::Kind);
    }
    Ok((header, Value::new(kind, Bytes::copy_from_slice(value))))
}

fn checksum(header: &[u8], value: &[u8]) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(b"\n");
    hasher.update(value);
    format!("{:08x}", hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &Value) -> Header {
        Header {
            kind: value.kind().name().to_owned(),
            room: "/room/\"a\"\n".to_owned(),
            opened: None,
            joined: Vec::new(),
            url: "/room/a?b=c".to_owned(),
            browser: None,
            written: 1_700_000_000_000,
            length: value.bytes().len(),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for value in [
            Value::text(""),
            Value::text("line\nbreak"),
            Value::new(ValueKind::Uint8Array, Bytes::from_static(&[0, 255, 10])),
            json(r#"{"n":[-0,1e21,"\n\u0000é",null]}"#),
            json(&("[".repeat(100_000) + &"]".repeat(100_000))),
        ] {
            let header = header(&value);
            assert_eq!(decode(&encode(&header, &value)), Ok((header, value)));
        }
    }

    fn json(text: &str) -> Value {
        Value::new(ValueKind::Json, Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn only_files_with_json_have_version_2() {
        let file = |value: &Value| {
            String::from_utf8(encode(&header(value), value)).expect("all of these are text")
        };
        assert_eq!(
            file(&Value::text("kept")),
            "zigttp-attachment 1 09453ecb {\"kind\":\"string\",\"room\":\"/room/\\\"a\\\"\\n\",\
             \"url\":\"/room/a?b=c\",\"written\":1700000000000,\"length\":4}\nkept"
        );
        let with_json = file(&json("{\"a\":1}"));
        assert!(with_json.starts_with("zigttp-attachment 2 "), "{with_json}");
        assert!(with_json.ends_with("\n{\"a\":1}"), "{with_json}");
    }

    #[test]
    fn only_files_of_connections_with_other_rooms_have_version_3() {
        for value in [Value::text("kept"), json("{}")] {
            let plain = header(&value);
            for header in [
                Header { joined: vec!["user:42".into()], ..plain.clone() },
                Header { opened: Some("/lobby".into()), ..plain },
            ] {
                let file = encode(&header, &value);
                assert!(file.starts_with(b"zigttp-attachment 3 "));
                assert_eq!(decode(&file), Ok((header, value.clone())));
                for version in [b'1', b'2'] {
                    let other = [b"zigttp-attachment ", &[version][..], &file[19..]].concat();
                    assert_eq!(decode(&other), Err(Damage::Kind));
                }
            }
        }
    }

    #[test]
    fn a_file_of_the_other_version_or_with_invalid_json_is_refused() {
        for (value, version) in [(json("1"), "1"), (Value::text("1"), "2")] {
            let whole = encode(&header(&value), &value);
            let other = [b"zigttp-attachment ", version.as_bytes(), &whole[19..]].concat();
            assert_eq!(decode(&other), Err(Damage::Kind));
        }
        for text in ["", "{", "1 2", "undefined", "{a:1}", "[1,]"] {
            let value = json(text);
            assert_eq!(decode(&encode(&header(&value), &value)), Err(Damage::Kind), "{text}");
        }
    }

    #[test]
    fn a_header_is_read_alone_if_the_file_has_the_length_that_it_says() {
        let value = Value::text("some value");
        let whole = encode(&header(&value), &value);
        let length = whole.len() - value.bytes().len();
        let read = |bytes: &[u8], file_bytes| super::header(bytes, file_bytes);
        assert_eq!(read(&whole[..length], whole.len() as u64), Ok((header(&value), length)));
        for other in [0, length as u64, whole.len() as u64 - 1, whole.len() as u64 + 1, u64::MAX] {
            assert!(matches!(read(&whole, other), Err(Damage::Length { told: 10, .. })), "{other}");
        }
        assert_eq!(read(&whole[..length - 1], whole.len() as u64), Err(Damage::Header));
        let longest =
            Header { room: "\"".repeat(16 << 10), url: "\"".repeat(16 << 10), ..header(&value) };
        let whole = encode(&longest, &value);
        assert!(whole.len() - 4 * (16 << 10) < OTHER_HEADER_BYTES + value.bytes().len());
        assert!(whole.len() < MAX_LINE_BYTES);
    }

    #[test]
    fn every_incomplete_or_changed_file_is_refused() {
        for value in [Value::text("some value"), json("[\"some\",1.5]")] {
            refuses_incomplete_and_changed(&value);
        }
    }

    fn refuses_incomplete_and_changed(value: &Value) {
        let whole = encode(&header(value), value);
        for len in 0..whole.len() {
            assert!(decode(&whole[..len]).is_err(), "{len}");
        }
        assert!(decode(&[&whole[..], b"x"].concat()).is_err());
        for at in 0..whole.len() {
            for change in [1, 0x20, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                assert!(decode(&changed).is_err(), "{at} {change}");
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic() {
        let mut random = fastrand::Rng::with_seed(7);
        let whole = encode(&header(&Value::text("abc")), &Value::text("abc"));
        for _ in 0..20_000 {
            let mut bytes: Vec<u8> = (0..random.usize(..200)).map(|_| random.u8(..)).collect();
            if random.bool() {
                let keep = random.usize(..whole.len());
                bytes.splice(..0, whole[..keep].iter().copied());
            }
            assert!(decode(&bytes).is_err());
        }
    }
}
