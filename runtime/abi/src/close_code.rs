//! Close codes of RFC 6455, section 7.4.

pub const NORMAL: u16 = 1000;
pub const GOING_AWAY: u16 = 1001;
pub const PROTOCOL_ERROR: u16 = 1002;
/// Never on the wire: reported when a close frame held no code.
pub const NO_STATUS: u16 = 1005;
/// Never on the wire: reported when the connection ended without a close frame.
pub const ABNORMAL: u16 = 1006;
pub const INVALID_PAYLOAD: u16 = 1007;
pub const POLICY_VIOLATION: u16 = 1008;
pub const MESSAGE_TOO_BIG: u16 = 1009;
pub const INTERNAL_ERROR: u16 = 1011;
/// Registered with IANA.
pub const TRY_AGAIN_LATER: u16 = 1013;

/// Most bytes of UTF-8 a close reason may have: a control frame holds 125, two are the code
/// (RFC 6455, 5.5).
pub const MAX_REASON_BYTES: usize = 123;

/// Whether an endpoint may put this code into a close frame.
///
/// 1004, 1005, 1006 and 1015 are reserved, 1012 to 1014 are registered with IANA, 3000 to 4999
/// are for libraries and applications; the rest is not defined.
pub const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::may_be_sent;

    #[test]
    fn reserved_and_undefined_codes_may_not_be_sent() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            assert!(!may_be_sent(code), "{code}");
        }
        for code in [1000, 1003, 1007, 1011, 1014, 3000, 4999] {
            assert!(may_be_sent(code), "{code}");
        }
    }
}
