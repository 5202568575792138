//! What must hold for any bytes, for the fuzz target in `fuzz/`.
//!
//! It is here so that the tests run the same checks over the committed seeds. Ordinary builds have no such
//! module.

use crate::disk::format;

/// An attachment file is refused, or it is read and the same when written again.
pub fn attachment_file(bytes: &[u8]) {
    let Ok((header, value)) = format::decode(bytes) else { return };
    assert_eq!(header.length, value.bytes().len());
    let again = format::encode(&header, &value);
    assert_eq!(format::decode(&again), Ok((header, value)));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn what_must_hold_for_any_bytes_holds_for_the_seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/attachment_file");
        let seeds = folder.read_dir().expect("the target has seeds").map(|entry| {
            let path = entry.expect("a folder can be read").path();
            super::attachment_file(&std::fs::read(&path).expect("a seed can be read"));
        });
        assert!(seeds.count() > 0, "the target has no seeds");
    }
}
