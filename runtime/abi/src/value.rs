//! The kinds of values that cross between guest and host.

/// What a run of bytes is in JavaScript.
///
/// Messages are [`ValueKind::Text`] or [`ValueKind::ArrayBuffer`]; attachments may be any kind, and
/// come back as the kind they were stored with. The numbers are part of the guest interface and
/// of attachment files: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ValueKind {
    /// A string, as UTF-8.
    Text = 0,
    ArrayBuffer = 1,
    Int8Array = 2,
    Uint8Array = 3,
    Uint8ClampedArray = 4,
    Int16Array = 5,
    Uint16Array = 6,
    Int32Array = 7,
    Uint32Array = 8,
    BigInt64Array = 9,
    BigUint64Array = 10,
    Float16Array = 11,
    Float32Array = 12,
    Float64Array = 13,
}

impl ValueKind {
    /// Every kind, at the index of its number.
    pub const ALL: [ValueKind; 14] = [
        ValueKind::Text,
        ValueKind::ArrayBuffer,
        ValueKind::Int8Array,
        ValueKind::Uint8Array,
        ValueKind::Uint8ClampedArray,
        ValueKind::Int16Array,
        ValueKind::Uint16Array,
        ValueKind::Int32Array,
        ValueKind::Uint32Array,
        ValueKind::BigInt64Array,
        ValueKind::BigUint64Array,
        ValueKind::Float16Array,
        ValueKind::Float32Array,
        ValueKind::Float64Array,
    ];

    /// The kind with this number, if there is one.
    pub const fn from_number(number: u32) -> Option<ValueKind> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }

    /// The number that stands for this kind on the wire between guest and host and on disk.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The JavaScript name: `string` or a constructor.
    pub const fn name(self) -> &'static str {
        match self {
            ValueKind::Text => "string",
            ValueKind::ArrayBuffer => "ArrayBuffer",
            ValueKind::Int8Array => "Int8Array",
            ValueKind::Uint8Array => "Uint8Array",
            ValueKind::Uint8ClampedArray => "Uint8ClampedArray",
            ValueKind::Int16Array => "Int16Array",
            ValueKind::Uint16Array => "Uint16Array",
            ValueKind::Int32Array => "Int32Array",
            ValueKind::Uint32Array => "Uint32Array",
            ValueKind::BigInt64Array => "BigInt64Array",
            ValueKind::BigUint64Array => "BigUint64Array",
            ValueKind::Float16Array => "Float16Array",
            ValueKind::Float32Array => "Float32Array",
            ValueKind::Float64Array => "Float64Array",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ValueKind;

    #[test]
    fn kinds_stand_at_the_index_of_their_number() {
        for (number, kind) in ValueKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.number() as usize, number);
            assert_eq!(ValueKind::from_number(number as u32), Some(kind));
        }
        assert_eq!(ValueKind::from_number(14), None);
    }
}
