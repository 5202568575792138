//! The state of a server's inspector.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use zigttp_recording::block::RecordedLimits;
use zigttp_recording::replay::{ReplayError, Replayer};

use crate::config::inspector::{InspectorAccess, InspectorOptions};
use crate::server::last_build::Builds;

/// The state of a server's inspector.
pub(crate) struct Inspector {
    pub(crate) access: InspectorAccess,
    pub(crate) builds: Builds,
    /// On which events run again.
    pub(crate) present: Arc<Present>,
    /// One permit is one event that runs again.
    pub(crate) running: Semaphore,
}

impl Inspector {
    pub(crate) fn new(options: &InspectorOptions, artifact: &[u8]) -> Inspector {
        Inspector {
            access: options.access.clone(),
            builds: Builds::default(),
            present: Arc::new(Present(Mutex::new(Build {
                artifact: artifact.into(),
                loaded: None,
            }))),
            running: Semaphore::new(1),
        }
    }
}

/// The present build. It is loaded to run events again when that is first asked for.
pub(crate) struct Present(Mutex<Build>);

#[derive(Clone)]
struct Build {
    artifact: Arc<[u8]>,
    loaded: Option<Arc<Replayer>>,
}

impl Present {
    pub(crate) fn set(&self, artifact: &[u8]) {
        *self.lock() = Build { artifact: artifact.into(), loaded: None };
    }

    /// Loads it, unless it is. Blocks.
    ///
    /// # Errors
    /// When it cannot be loaded once more.
    pub(crate) fn load(
        &self,
        limits: &RecordedLimits,
        cache_dir: Option<PathBuf>,
    ) -> Result<Arc<Replayer>, ReplayError> {
        let Build { artifact, loaded } = self.lock().clone();
        if let Some(loaded) = loaded {
            return Ok(loaded);
        }
        let loaded =
            Replayer::new(&artifact, limits, Arc::default(), cache_dir, 1).map(Arc::new)?;
        let mut present = self.lock();
        // Another build may have come meanwhile.
        if Arc::ptr_eq(&present.artifact, &artifact) {
            present.loaded = Some(Arc::clone(&loaded));
        }
        Ok(loaded)
    }

    fn lock(&self) -> MutexGuard<'_, Build> {
        // No change can panic in the middle.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
