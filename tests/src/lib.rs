//! What the black-box tests in `all/` share with the fuzz targets in `fuzz/`.

pub mod caller;
pub mod echo;
