//! What must hold for any bytes, for the fuzz target in `fuzz/`.
//!
//! It is here so that the tests run the same check over the committed seeds. Ordinary builds have no such
//! module.

use crate::request::Request;
use crate::wire::pack;

/// More than this takes too long to be tried.
const MAX_WORK: u64 = 100_000;

/// Bytes are no request, or it is answered or fails. A key that was imported can be exported and imported
/// again, and is the same. The first line has the words of the operation, the others are its fields, which may
/// be hexadecimal behind `0x`.
pub fn crypto(bytes: &[u8]) {
    let fields: Vec<Vec<u8>> = bytes.splitn(9, |byte| *byte == b'\n').map(decode).collect();
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let _ = Request::parse(bytes);
    let Some(handle) = answer(&fields) else { return };
    let Some(("import", rest)) =
        std::str::from_utf8(fields[0]).ok().and_then(|words| words.split_once(' '))
    else {
        return;
    };
    let Some((format @ ("raw" | "spki" | "pkcs8"), key)) = rest.split_once(' ') else { return };
    let exported = answer(&[format!("export {format} {key}").as_bytes(), &handle]);
    let exported = exported.expect("what was imported can be exported");
    assert_eq!(answer(&[fields[0], &exported]), Some(handle));
}

fn answer(fields: &[&[u8]]) -> Option<Vec<u8>> {
    let bytes = pack(fields);
    let request = Request::parse(&bytes).ok()?;
    if request.work().exceeds(MAX_WORK) { None } else { request.run().ok() }
}

fn decode(line: &[u8]) -> Vec<u8> {
    let digits = line.strip_prefix(b"0x").and_then(|digits| std::str::from_utf8(digits).ok());
    let decoded =
        digits.filter(|digits| digits.is_ascii() && digits.len() % 2 == 0).and_then(|digits| {
            (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
                .collect::<Option<Vec<u8>>>()
        });
    decoded.unwrap_or_else(|| line.to_vec())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn what_must_hold_for_any_bytes_holds_for_the_seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/crypto");
        let seeds = folder.read_dir().expect("the target has seeds").map(|entry| {
            super::crypto(
                &std::fs::read(entry.expect("a folder can be read").path()).expect("a file"),
            );
        });
        assert!(seeds.count() > 0, "the target has no seeds");
    }
}
