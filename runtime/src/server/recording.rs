//! Recording of a server's events: its start, and what it is told.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use zigttp_recording::block::RecordedLimits;
use zigttp_recording::recorder::{Recorder, RecorderOptions};
use zigttp_recording::redaction::Redaction;
use zigttp_sandbox::view::EventLimits;

use crate::config::Config;
use crate::error::StartError;
use crate::server::Server;

/// Starts to record, if that is asked for.
pub(super) fn start(
    config: &Config,
    limits: &EventLimits,
    hash: &[u8; 32],
    artifact: &[u8],
) -> Result<Option<Arc<Recorder>>, StartError> {
    let Some(options) = &config.record else { return Ok(None) };
    let cannot = |source| StartError::Record { path: options.folder.clone(), source };
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| cannot(error.into()))?;
    let recorder = Recorder::start(RecorderOptions {
        folder: options.folder.clone(),
        rooms: options.rooms.clone(),
        max_bytes: options.max_bytes,
        redaction: Redaction::new(&options.redact, salt),
        limits: RecordedLimits::of(config.cpu_limit, config.memory_limit, limits),
    });
    let recorder = recorder.map_err(cannot)?;
    recorder.keep_artifact(hash, artifact).map_err(cannot)?;
    Ok(Some(Arc::new(recorder)))
}

impl Server {
    /// Keeps the values of settings out of recordings.
    pub(super) fn hide_settings(&self) {
        if let Some(recorder) = &self.dispatcher.recorder {
            let settings = self.hub.settings.current();
            recorder.hide(settings.iter().map(|(_name, value)| value.clone()).collect());
        }
    }

    /// Keeps a copy of a new handler beside the recordings of its events.
    pub(super) fn keep_artifact(&self, artifact: &[u8]) {
        let Some(recorder) = &self.dispatcher.recorder else { return };
        if let Err(error) = recorder.keep_artifact(&Sha256::digest(artifact).into(), artifact) {
            let folder = recorder.folder().display();
            tracing::error!(
                "the new handler cannot be copied to {folder}: {error}; a replay of its events needs it there"
            );
        }
    }

    /// Writes what is recorded and not on disk yet. Blocks.
    pub(crate) fn finish_recording(&self) {
        if let Some(recorder) = &self.dispatcher.recorder {
            recorder.finish();
        }
    }
}
