//! Decodes bodies: gzip and brotli, a piece of bounded size at a time.
//!
//! A decoder never makes more than the caller has room for, so that a few bytes that stand for gigabytes
//! end at the caller's bound and not after it.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The largest window of gzip (RFC 1952).
const GZIP_WINDOW_BITS: u8 = 15;

/// How a body is encoded, and how far it has been decoded.
pub(crate) enum Decoder {
    Gzip { inflate: Box<Decompress>, member: Member },
    Brotli { state: Box<Brotli>, is_finished: bool },
}

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Where in a gzip file, which is one member or several.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    /// Before the first byte of the first.
    First,
    Within,
    /// Behind one. What follows is another one, or is ignored.
    Behind,
}

/// The body is not what its header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Decoder {
    /// The decoder for a body with these headers; `None` if it is taken as it is. One that is encoded in
    /// another way, or twice, is what nobody has asked for.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Decoder> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let coding = codings.next()?.to_str().ok()?.trim().to_ascii_lowercase();
        if codings.next().is_some() {
            return None;
        }
        match coding.as_str() {
            "gzip" | "x-gzip" => Some(Decoder::Gzip {
                inflate: Box::new(Decompress::new_gzip(GZIP_WINDOW_BITS)),
                member: Member::First,
            }),
            "br" => {
                let alloc = StandardAlloc::default;
                // Strict: without windows over 16 MiB, which are no part of RFC 7932.
                let state = BrotliState::new_strict(alloc(), alloc(), alloc());
                Some(Decoder::Brotli { state: Box::new(state), is_finished: false })
            }
            _ => None,
        }
    }

    /// Decodes from the beginning of `input` to the beginning of `output`. Returns how many bytes it has
    /// taken and how many it has made; both are 0 when it needs more input.
    ///
    /// # Errors
    /// When the input is not encoded as it should be.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(usize, usize), Malformed> {
        match self {
            Decoder::Gzip { inflate, member } => inflate_some(inflate, member, input, output),
            Decoder::Brotli { is_finished: true, .. } => Ok((input.len(), 0)),
            Decoder::Brotli { state, is_finished } => {
                let (mut unread, mut taken) = (input.len(), 0);
                let (mut room, mut made, mut total) = (output.len(), 0, 0);
                let result = BrotliDecompressStream(
                    &mut unread,
                    &mut taken,
                    input,
                    &mut room,
                    &mut made,
                    output,
                    &mut total,
                    state,
                );
                match result {
                    BrotliResult::ResultFailure => return Err(Malformed),
                    BrotliResult::ResultSuccess => *is_finished = true,
                    BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                }
                Ok((taken, made))
            }
        }
    }

    /// Whether the body may end here.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            // An empty body is not encoded, whatever its header says.
            Decoder::Gzip { inflate, member } => match member {
                Member::First => inflate.total_in() == 0,
                Member::Within => false,
                Member::Behind => true,
            },
            Decoder::Brotli { is_finished, .. } => *is_finished,
        }
    }
}

fn inflate_some(
    inflate: &mut Decompress,
    member: &mut Member,
    input: &[u8],
    output: &mut [u8],
) -> Result<(usize, usize), Malformed> {
    if *member == Member::Behind {
        match input.first() {
            None => return Ok((0, 0)),
            // The first byte of another member.
            Some(0x1f) => *inflate = Decompress::new_gzip(GZIP_WINDOW_BITS),
            // Padding, which some servers send.
            Some(_) => return Ok((input.len(), 0)),
        }
    }
    let before = (inflate.total_in(), inflate.total_out());
    let status =
        inflate.decompress(input, output, FlushDecompress::None).map_err(|_error| Malformed)?;
    let taken = (inflate.total_in() - before.0) as usize;
    let made = (inflate.total_out() - before.1) as usize;
    if taken > 0 || made > 0 {
        *member = Member::Within;
    }
    if status == Status::StreamEnd {
        *member = Member::Behind;
    }
    Ok((taken, made))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;
    use crate::tests::encoded;

    fn decoder(coding: &'static str) -> Option<Decoder> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        Decoder::of(&headers)
    }

    /// Decodes input that comes in pieces, into pieces of `room` bytes.
    fn decode(coding: &'static str, pieces: &[&[u8]], room: usize) -> Result<Vec<u8>, Malformed> {
        let mut decoder = decoder(coding).expect("it is known");
        let mut decoded = Vec::new();
        for piece in pieces {
            let mut piece = *piece;
            loop {
                let mut output = vec![0; room];
                let (taken, made) = decoder.decode(piece, &mut output)?;
                piece = &piece[taken..];
                decoded.extend_from_slice(&output[..made]);
                if made == 0 && (taken == 0 || piece.is_empty()) {
                    break;
                }
            }
        }
        if decoder.is_complete() { Ok(decoded) } else { Err(Malformed) }
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn what_is_encoded_is_decoded_however_it_is_cut() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        let encoded = gzip(&text);
        for size in [1, 7, 1000, encoded.len()] {
            let pieces: Vec<&[u8]> = encoded.chunks(size).collect();
            assert_eq!(decode("gzip", &pieces, 100).as_deref(), Ok(&*text), "{size}");
        }
        for size in [1, 7, encoded::BROTLI.len()] {
            let pieces: Vec<&[u8]> = encoded::BROTLI.chunks(size).collect();
            let decoded = decode("br", &pieces, 3);
            assert_eq!(decoded.as_deref(), Ok(encoded::BROTLI_TEXT.as_bytes()), "{size}");
        }
    }

    #[test]
    fn gzip_may_have_several_members_and_padding_behind_them() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decode("x-gzip", &[&two], 100).as_deref(), Ok(&b"one two"[..]));
        let padded = [two, vec![0; 100]].concat();
        assert_eq!(decode("GZIP", &[&padded], 100).as_deref(), Ok(&b"one two"[..]));
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_malformed() {
        let encoded = gzip(b"some text that is long enough");
        for bad in [&encoded[..encoded.len() - 1], &encoded[..5], b"no gzip at all", b"\x1f"] {
            assert_eq!(decode("gzip", &[bad], 100), Err(Malformed), "{bad:?}");
        }
        let cut = &encoded::BROTLI[..encoded::BROTLI.len() - 1];
        assert_eq!(decode("br", &[cut], 100), Err(Malformed));
        assert_eq!(decode("br", &[&[0xff; 20]], 100), Err(Malformed));
        assert_eq!(decode("gzip", &[], 100).as_deref(), Ok(&b""[..]), "nothing is not encoded");
    }

    #[test]
    fn other_codings_are_left_alone() {
        for coding in ["identity", "zstd", "gzip, br", "deflate", ""] {
            assert!(decoder(coding).is_none(), "{coding}");
        }
    }
}
