//! The order of commits.

/// The number of a commit: of two, the later one has the larger number. It means nothing after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

impl Version {
    pub const fn from_number(number: u64) -> Version {
        Version(number)
    }
}
