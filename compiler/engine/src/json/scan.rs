//! Looks for the end of a string's plain part: a quote, a backslash or a control character, sixteen units at a
//! time. A message is mostly text, and this is what its reading and writing cost then.

use std::arch::wasm32::{
    i8x16_bitmask, i8x16_eq, i16x8_bitmask, i16x8_eq, u8x16_lt, u8x16_splat, u16x8_lt, u16x8_splat,
    v128, v128_and, v128_load, v128_or, v128_store,
};

/// A unit of a string: a byte of Latin 1, or 16 bits of UTF-16.
pub(super) trait Unit: Copy + Into<u32> {
    /// How many units at the start are plain.
    fn plain(units: &[Self]) -> usize;
}

/// Whether JSON has another way to write this unit of a string.
pub(super) fn is_special(unit: u32) -> bool {
    unit < 0x20 || unit == u32::from(b'"') || unit == u32::from(b'\\')
}

const LANES: usize = 16;
const WIDE_LANES: usize = 8;

impl Unit for u8 {
    fn plain(units: &[u8]) -> usize {
        plain_narrow(units)
    }
}

impl Unit for u16 {
    fn plain(units: &[u16]) -> usize {
        plain_wide(units)
    }
}

/// A bit for each special byte.
#[target_feature(enable = "simd128")]
fn specials(bytes: v128) -> u16 {
    i8x16_bitmask(v128_or(
        u8x16_lt(bytes, u8x16_splat(0x20)),
        v128_or(i8x16_eq(bytes, u8x16_splat(b'"')), i8x16_eq(bytes, u8x16_splat(b'\\'))),
    ))
}

#[target_feature(enable = "simd128")]
fn plain_narrow(units: &[u8]) -> usize {
    let (blocks, rest) = units.as_chunks::<LANES>();
    for (at, block) in blocks.iter().enumerate() {
        // SAFETY: a block has this many bytes.
        let bits = specials(unsafe { v128_load(block.as_ptr().cast()) });
        if bits != 0 {
            return at * LANES + bits.trailing_zeros() as usize;
        }
    }
    let plain = rest.iter().take_while(|unit| !is_special(u32::from(**unit))).count();
    units.len() - rest.len() + plain
}

#[target_feature(enable = "simd128")]
fn plain_wide(units: &[u16]) -> usize {
    let (blocks, rest) = units.as_chunks::<WIDE_LANES>();
    for (at, block) in blocks.iter().enumerate() {
        // SAFETY: a block has this many units.
        let bits = i16x8_bitmask(wide_specials(unsafe { v128_load(block.as_ptr().cast()) }));
        if bits != 0 {
            return at * WIDE_LANES + bits.trailing_zeros() as usize;
        }
    }
    let plain = rest.iter().take_while(|unit| !is_special(u32::from(**unit))).count();
    units.len() - rest.len() + plain
}

/// All bits of each unit that is special.
#[target_feature(enable = "simd128")]
fn wide_specials(units: v128) -> v128 {
    v128_or(
        u16x8_lt(units, u16x8_splat(0x20)),
        v128_or(
            i16x8_eq(units, u16x8_splat(b'"'.into())),
            i16x8_eq(units, u16x8_splat(b'\\'.into())),
        ),
    )
}

/// How many units at the start are plain and no surrogates.
#[target_feature(enable = "simd128")]
pub(super) fn without_surrogates(units: &[u16]) -> usize {
    const KIND: u16 = 0xf800;
    const SURROGATE: u16 = 0xd800;
    let (blocks, rest) = units.as_chunks::<WIDE_LANES>();
    for (at, block) in blocks.iter().enumerate() {
        // SAFETY: a block has this many units.
        let block = unsafe { v128_load(block.as_ptr().cast()) };
        let surrogates = i16x8_eq(v128_and(block, u16x8_splat(KIND)), u16x8_splat(SURROGATE));
        let bits = i16x8_bitmask(v128_or(wide_specials(block), surrogates));
        if bits != 0 {
            return at * WIDE_LANES + bits.trailing_zeros() as usize;
        }
    }
    let is_plain = |unit: &&u16| !is_special(u32::from(**unit)) && **unit & KIND != SURROGATE;
    units.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

/// Copies the plain bytes at the start; how many.
///
/// # Safety
/// There is room for all of the bytes at `to`, which may be written whatever they are.
#[target_feature(enable = "simd128")]
pub(super) unsafe fn copy_plain(bytes: &[u8], to: *mut u8) -> usize {
    let (from, len) = (bytes.as_ptr(), bytes.len());
    if len < LANES {
        // SAFETY: the caller's promise.
        return unsafe { copy_few_plain(bytes, to) };
    }
    let mut at = 0;
    loop {
        // SAFETY: so many bytes are there from `at` on, which is at most `len - LANES`, and there is room.
        let bits = unsafe {
            let block = v128_load(from.add(at).cast());
            v128_store(to.add(at).cast(), block);
            specials(block)
        };
        if bits != 0 {
            return at + bits.trailing_zeros() as usize;
        }
        if at + LANES == len {
            return len;
        }
        // The last block may have some of those before, which are plain.
        at = (at + LANES).min(len - LANES);
    }
}

/// The same for less than sixteen bytes.
///
/// # Safety
/// As of [`copy_plain`].
unsafe fn copy_few_plain(bytes: &[u8], to: *mut u8) -> usize {
    let len = bytes.len();
    // Both ends, which may have the middle in common.
    // SAFETY: the caller's promise.
    unsafe {
        if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            if !has_special(first) && !has_special(last) {
                to.cast::<u64>().write_unaligned(first);
                to.add(len - 8).cast::<u64>().write_unaligned(last);
                return len;
            }
        } else if let (Some(first), Some(last)) =
            (bytes.first_chunk::<4>(), bytes.last_chunk::<4>())
        {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            if !has_special(u64::from(first) | u64::from(last) << 32) {
                to.cast::<u32>().write_unaligned(first);
                to.add(len - 4).cast::<u32>().write_unaligned(last);
                return len;
            }
        }
        let mut at = 0;
        while let Some(&byte) = bytes.get(at)
            && !is_special(byte.into())
        {
            to.add(at).write(byte);
            at += 1;
        }
        at
    }
}

/// Whether any of eight bytes is not plain.
fn has_special(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // A byte's high bit is set where it was zero, and else only behind one that was.
    let zeros = |word: u64| word.wrapping_sub(EACH) & !word;
    let controls = word.wrapping_sub(EACH * 0x20) & !word;
    let quotes = zeros(word ^ (EACH * u64::from(b'"')));
    let backslashes = zeros(word ^ (EACH * u64::from(b'\\')));
    (controls | quotes | backslashes) & (EACH * 0x80) != 0
}
