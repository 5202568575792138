//! What whoever runs a server's events again is told: the recorder, the shadow and the inspector.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use zigttp_recording::given_view::ReplaySettings;
use zigttp_recording::shadow::ShadowError;

use crate::server::Server;

impl Server {
    /// Runs events on another shadow from now on, if the server began with one. Blocks while it compiles.
    ///
    /// # Errors
    /// When it cannot be loaded; the one before stays.
    pub fn replace_shadow(&self, artifact: &[u8]) -> Result<(), ShadowError> {
        match &self.dispatcher.shadow {
            Some(shadow) => shadow.replace(artifact),
            None => Ok(()),
        }
    }

    /// Keeps the values of settings out of recordings, and gives them to the shadow.
    pub(super) fn tell_settings(&self) {
        let settings = self.hub.settings.current();
        if let Some(recorder) = &self.dispatcher.recorder {
            recorder.hide(settings.iter().map(|(_name, value)| value.clone()).collect());
        }
        if let Some(shadow) = &self.dispatcher.shadow {
            shadow.set_settings(self.replay_settings());
        }
    }

    /// The present settings, for events that run again.
    pub(crate) fn replay_settings(&self) -> Arc<ReplaySettings> {
        let settings = self.hub.settings.current();
        let text = |value: &Bytes| String::from_utf8_lossy(value).into_owned();
        Arc::new(settings.iter().map(|(name, value)| (name.to_owned(), text(value))).collect())
    }

    /// Another handler serves: keeps a copy of it beside the recordings of its events.
    pub(super) fn tell_swapped(&self, artifact: &[u8]) {
        if let Some(inspector) = &self.inspector {
            inspector.present.set(artifact);
        }
        if let Some(shadow) = &self.dispatcher.shadow {
            shadow.set_served(artifact);
        }
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
