//! The gate: who may connect. It limits origins, handshakes for each address, and connections, and it
//! identifies clients that come back.

pub(crate) mod loopback;
pub(crate) mod origin;
pub(crate) mod resume;

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use zigttp_files::own_folder::OwnFolder;
use zigttp_rooms::pace::{AddressRates, Rate};

use crate::config::{Config, ConfigError};
use crate::gate::origin::Origins;
use crate::gate::resume::Resume;

pub(crate) struct Gate {
    /// The origins of web pages that may connect.
    pub(crate) origins: Origins,
    pub(crate) handshake_rates: Option<AddressRates>,
    /// One permit is one open connection, or one that is being admitted.
    pub(crate) connections: Arc<Semaphore>,
    /// Identifies clients, where connections are resumed.
    pub(crate) resume: Option<Resume>,
}

impl Gate {
    /// A gate without resuming.
    ///
    /// # Errors
    /// When a text given as an allowed origin is not an origin.
    pub(crate) fn new(config: &Config) -> Result<Gate, ConfigError> {
        let origins = Origins::parse(&config.allowed_origins)?;
        let connections = config.max_connections.min(Semaphore::MAX_PERMITS);
        Ok(Gate {
            origins: if config.loopback_only { origins.with_loopback() } else { origins },
            handshake_rates: config
                .handshake_rate
                .map(|rate| AddressRates::new(Rate::per_second(rate))),
            connections: Arc::new(Semaphore::new(connections)),
            resume: None,
        })
    }

    /// Lets clients resume. Their tokens are signed with the key of this durable directory.
    ///
    /// # Errors
    /// When the key cannot be read or made.
    pub(crate) fn enable_resume(&mut self, folder: &OwnFolder) -> io::Result<()> {
        self.resume = Some(Resume::open(folder)?);
        Ok(())
    }
}
