//! What must hold for any bytes, for the fuzz targets in `fuzz/`.

use crate::block::Block;
use crate::describe;
use crate::folder::blocks_of;
use crate::record::Record;

/// A file of records is read as far as it is whole.
pub fn recording(bytes: &[u8]) {
    for block in blocks_of(bytes).into_iter().flatten() {
        block.records().flatten().for_each(|record| read(&record));
    }
}

/// A block is refused, or its records can be shown and run. Without compression, which hides them from a fuzzer.
pub fn records(bytes: &[u8]) {
    if let Some(block) = Block::of_raw(bytes.to_vec()) {
        block.records().flatten().for_each(|record| read(&record));
    }
}

fn read(record: &Record<'_>) {
    let (input, given) = (describe::input(record), describe::given(record));
    assert!(input.iter().chain(&given).all(|line| !line.contains('\u{1b}')));
    assert_eq!(record.event().kind(), record.input.kind());
}
