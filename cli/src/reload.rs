//! Serves a new handler when its file has changed or a SIGHUP comes; connections stay open.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use zigttp_runtime::{Server, on_own_thread};

use crate::artifact;
use crate::watch::Watch;

/// The two causes for serving a new handler: SIGHUP, and a change of the file if it is watched.
pub struct Reload {
    handler: PathBuf,
    /// Loaded again with it.
    shadow: Option<PathBuf>,
    hang_up: Signal,
    watch: Option<Watch>,
}

impl Reload {
    /// Listens for both from now on.
    ///
    /// # Errors
    /// When the file cannot be watched.
    pub fn new(
        handler: PathBuf,
        shadow: Option<PathBuf>,
        hang_up: Signal,
        is_watching: bool,
    ) -> anyhow::Result<Reload> {
        let files = std::iter::once(&*handler).chain(shadow.as_deref());
        let watch = if is_watching { Some(Watch::files(files)?) } else { None };
        Ok(Reload { handler, shadow, hang_up, watch })
    }

    /// Replaces the server's handler each time, for ever. One that does not build or load is
    /// refused, and the present one stays in use.
    pub async fn follow(mut self, server: Arc<Server>) {
        loop {
            let changed = async {
                match &mut self.watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.hang_up.recv() => {}
                () = changed => {}
            }
            let of_shadow = Arc::clone(&server);
            let server = Arc::clone(&server);
            let handler = self.handler.clone();
            // Compiling takes up to a second; connections are served meanwhile.
            let replaced = on_own_thread(move || {
                server.swap(&artifact::load(&handler)?)?;
                anyhow::Ok(())
            });
            let handler = self.handler.display();
            match replaced.await.map_err(anyhow::Error::from).flatten() {
                Ok(()) => tracing::info!("serving the new {handler}"),
                Err(error) => {
                    tracing::error!(
                        "the new {handler} is refused, the old one stays in use: {error:#}"
                    );
                }
            }
            if let Some(shadow) = &self.shadow {
                replace_shadow(shadow.clone(), of_shadow).await;
            }
        }
    }
}

/// Runs events on the new shadow as well, unless it does not build or load.
async fn replace_shadow(path: PathBuf, server: Arc<Server>) {
    let shadow = path.display().to_string();
    let replaced = on_own_thread(move || {
        server.replace_shadow(&artifact::load(&path)?)?;
        anyhow::Ok(())
    });
    match replaced.await.map_err(anyhow::Error::from).flatten() {
        Ok(()) => tracing::info!("events run on the new {shadow} too"),
        Err(error) => {
            tracing::error!("the new {shadow} is refused, the old one stays the shadow: {error:#}");
        }
    }
}
