//! The start of whoever runs a server's events again: the recorder and the shadow.

use std::sync::Arc;

use zigttp_recording::block::RecordedLimits;
use zigttp_recording::recorder::{Recorder, RecorderOptions};
use zigttp_recording::redaction::Redaction;
use zigttp_recording::shadow::Shadow;
use zigttp_sandbox::view::EventLimits;

use crate::config::Config;
use crate::config::recording::ShadowArtifact;
use crate::error::StartError;

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

/// Loads the shadow, if there is to be one.
pub(super) fn start_shadow(
    config: &mut Config,
    limits: &EventLimits,
    served: &[u8],
) -> Result<Option<Arc<Shadow>>, StartError> {
    let Some(ShadowArtifact(artifact)) = config.shadow.take() else { return Ok(None) };
    let limits = RecordedLimits::of(config.cpu_limit, config.memory_limit, limits);
    let shadow = Shadow::start(&artifact, served, limits, config.cache_dir.clone())?;
    Ok(Some(Arc::new(shadow)))
}
