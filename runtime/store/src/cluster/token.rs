//! Names that nobody else has, and waits that differ.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::error::ClusterError;

/// A name that nobody else has.
pub(crate) fn new() -> Result<String, ClusterError> {
    let mut bytes = [0; 8];
    let no_random = |error: getrandom::Error| {
        ClusterError::Refused(Arc::new(std::io::Error::from(error).into()))
    };
    getrandom::fill(&mut bytes).map_err(no_random)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

/// About this long: so that those who wait together do not come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let mut chance = [128];
    // Without it they may come together.
    let _ = getrandom::fill(&mut chance);
    pause.mul_f32(0.5 + f32::from(chance[0]) / 255.0)
}
