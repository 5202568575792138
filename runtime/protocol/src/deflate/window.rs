//! How far back compressed data may refer (RFC 7692, 7.1.2).

/// How far back compressed data may refer: the base-2 logarithm of the window's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowBits(u8);

impl WindowBits {
    pub const MAX: WindowBits = WindowBits(15);
    /// zlib's compressor has no window of 8 bits.
    const MIN: u8 = 9;
    /// How many sizes there are.
    pub const COUNT: usize = 7;

    /// `None` for a size that the server does not support.
    pub fn new(bits: u8) -> Option<WindowBits> {
        (WindowBits::MIN..=WindowBits::MAX.0).contains(&bits).then_some(WindowBits(bits))
    }

    /// Every size, from the smallest.
    pub fn all() -> impl Iterator<Item = WindowBits> {
        (WindowBits::MIN..=WindowBits::MAX.0).map(WindowBits)
    }

    /// The logarithm.
    pub fn get(self) -> u8 {
        self.0
    }

    /// One bit for each size.
    pub fn bit(self) -> u8 {
        1 << self.index()
    }

    /// Its position among all sizes.
    pub fn index(self) -> usize {
        usize::from(self.0 - WindowBits::MIN)
    }
}
