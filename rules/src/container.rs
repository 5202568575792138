//! Kinds of containers of the language, and the methods that change them.

/// Kinds of objects whose methods change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Array,
    Bytes,
    Map,
    Set,
}

impl Kind {
    /// The methods that change it.
    pub(crate) fn mutators(self) -> &'static [&'static str] {
        match self {
            Kind::Array => &[
                "push",
                "pop",
                "shift",
                "unshift",
                "splice",
                "sort",
                "reverse",
                "fill",
                "copyWithin",
            ],
            Kind::Bytes => &["set", "fill", "sort", "reverse", "copyWithin"],
            Kind::Map => &["set", "delete", "clear", "getOrInsert", "getOrInsertComputed"],
            Kind::Set => &["add", "delete", "clear"],
        }
    }
}
