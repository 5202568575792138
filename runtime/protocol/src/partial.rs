//! A data message while it is received, and how it is inflated once it is complete.

use zigttp_abi::value::{Value, ValueKind};

use crate::fault::Fault;
use crate::inflater::Inflater;

/// Most compressed bytes that are inflated at a time: they become 1 MiB at most.
const INFLATED_AT_ONCE: usize = 1024;

/// The received part of a data message.
pub(crate) struct Partial {
    pub(crate) is_text: bool,
    /// The received bytes; of a compressed message, the inflated ones.
    pub(crate) bytes: Vec<u8>,
    /// How many bytes of a text were checked to be UTF-8.
    pub(crate) checked: usize,
    pub(crate) fragments: u32,
    /// Boxed, because few connections have one.
    pub(crate) compressed: Option<Box<Compressed>>,
    /// The payload of all its frames, with all of the frame that is being received.
    pub(crate) wire_bytes: u64,
}

/// The compressed part of a message.
#[derive(Default)]
pub(crate) struct Compressed {
    /// What was received before the piece that completes the message.
    pub(crate) kept: Vec<u8>,
    /// How many bytes of `kept` are inflated.
    pub(crate) used: usize,
    /// Set once the message is complete.
    pub(crate) inflater: Option<Inflater>,
}

impl Partial {
    /// Appends payload. Returns its length.
    pub(crate) fn take(
        &mut self,
        piece: &[u8],
        mask: [u8; 4],
        offset: u64,
    ) -> Result<usize, Fault> {
        extend_unmasked(&mut self.bytes, piece, mask, offset);
        self.check_text()?;
        Ok(piece.len())
    }

    /// Whether a part of `kept` is still to be inflated.
    pub(crate) fn has_kept(&self) -> bool {
        self.compressed.as_ref().is_some_and(|it| it.used < it.kept.len())
    }

    /// Inflates a part of a complete message: first from `kept`, then from its last piece. Returns how
    /// much of that piece it has consumed.
    pub(crate) fn inflate(
        &mut self,
        piece: &[u8],
        mask: [u8; 4],
        offset: u64,
        max: usize,
    ) -> Result<usize, Fault> {
        let Some(compressed) = &mut self.compressed else { return Ok(0) };
        let Compressed { kept, used, inflater } = &mut **compressed;
        let inflater = inflater.get_or_insert_with(Inflater::take);
        let rest = &kept[*used..];
        let taken = if rest.is_empty() {
            let len = piece.len().min(INFLATED_AT_ONCE);
            let mut unmasked = [0; INFLATED_AT_ONCE];
            let unmasked = &mut unmasked[..len];
            unmasked.copy_from_slice(&piece[..len]);
            unmask(unmasked, mask, offset);
            inflater.push(unmasked, &mut self.bytes, max)?;
            len
        } else {
            let len = rest.len().min(INFLATED_AT_ONCE);
            inflater.push(&rest[..len], &mut self.bytes, max)?;
            *used += len;
            if *used == kept.len() {
                (*kept, *used) = (Vec::new(), 0);
            }
            0
        };
        self.check_text()?;
        Ok(taken)
    }

    /// Checks the received part of a text; its last character may be incomplete.
    pub(crate) fn check_text(&mut self) -> Result<(), Fault> {
        if !self.is_text {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_some() => return Err(Fault::NotUtf8),
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }

    /// Ends the message. Returns it and, if it was compressed, its length on the wire.
    pub(crate) fn end(mut self, max: usize) -> Result<(Value, Option<u64>), Fault> {
        let compressed = self.compressed.take();
        let compressed_bytes = compressed.is_some().then_some(self.wire_bytes);
        if let Some(inflater) = compressed.and_then(|compressed| compressed.inflater) {
            inflater.finish(&mut self.bytes, max)?;
            self.check_text()?;
        }
        // From here on its memory is counted by its length.
        self.bytes.shrink_to_fit();
        let value = if !self.is_text {
            Value::new(ValueKind::ArrayBuffer, self.bytes.into())
        } else if self.checked == self.bytes.len() {
            Value::checked_text(self.bytes.into())
        } else {
            return Err(Fault::NotUtf8);
        };
        Ok((value, compressed_bytes))
    }
}

/// Appends masked bytes, which begin at this offset of their frame's payload.
pub(crate) fn extend_unmasked(bytes: &mut Vec<u8>, masked: &[u8], mask: [u8; 4], offset: u64) {
    let start = bytes.len();
    bytes.extend_from_slice(masked);
    unmask(&mut bytes[start..], mask, offset);
}

/// RFC 6455, 5.3. In blocks of 16 bytes, each of which takes one instruction.
pub(crate) fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    let mask: [u8; 16] = std::array::from_fn(|index| mask[(offset as usize + index) % 4]);
    let whole = u128::from_ne_bytes(mask);
    let (blocks, rest) = bytes.as_chunks_mut::<16>();
    for block in blocks {
        *block = (u128::from_ne_bytes(*block) ^ whole).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(&mask) {
        *byte ^= mask;
    }
}
