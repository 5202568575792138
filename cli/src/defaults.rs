//! The values that a server has when no flag says otherwise: those of the library.

use std::sync::LazyLock;

use zigttp_runtime::Config;

/// The library's defaults; every flag takes its own from here.
pub(crate) static DEFAULTS: LazyLock<Config> = LazyLock::new(Config::default);
