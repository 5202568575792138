//! The form of requests, and of answers with several parts: fields one after the other, each behind its
//! length as a little-endian `u32`.

/// Most fields of a request: the operation, and the eight numbers of a private RSA key.
const MAX_FIELDS: usize = 9;

/// Writes fields.
pub fn pack(fields: &[&[u8]]) -> Vec<u8> {
    let len = fields.iter().map(|field| size_of::<u32>() + field.len()).sum();
    let mut bytes = Vec::with_capacity(len);
    for field in fields {
        let len = u32::try_from(field.len()).expect("a guest's memory is smaller than 4 GiB");
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// Reads fields; `None` for other bytes, or more fields than a request has.
pub(crate) fn unpack(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        if fields.len() == MAX_FIELDS {
            return None;
        }
        let (field, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        fields.push(field);
        bytes = rest;
    }
    bytes.is_empty().then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_were_written() {
        let fields: [&[u8]; 3] = [b"digest SHA-256", b"", b"abc"];
        assert_eq!(unpack(&pack(&fields)), Some(fields.to_vec()));
        assert_eq!(unpack(&[]), Some(Vec::new()));
    }

    #[test]
    fn bytes_that_are_cut_are_no_fields() {
        let whole = pack(&[b"one", b"two"]);
        for len in (1..whole.len()).filter(|len| *len != 7) {
            assert_eq!(unpack(&whole[..len]), None, "{len}");
        }
        assert_eq!(unpack(&pack(&[&[][..]; 10])), None, "too many");
    }
}
