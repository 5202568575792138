//! A handler under development: built, served, and built again whenever its files change.
//!
//! ```text
//!     build ── reads the handler and its imports, remembers what it has read
//!       │
//!     swap ── the new build takes over, connections stay open; of a broken one the errors are shown
//!       │
//!     watch ── the same files, and those that were not found
//! ```

pub mod build;
pub mod screen;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use zigts_compiler::{Builder, Decorators, Entry, ReadError};
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;
use zigttp_abi::manifest::Manifest;
use zigttp_runtime::{Server, on_own_thread};

use self::build::{Build, Outcome};
use crate::watch::Watch;
use crate::{building, show};

/// Served in place of a handler that has not built yet: the server runs from the beginning.
const PLACEHOLDER: &str = r#"
export function handler(req: Request) {
  return Response.text("the handler does not build yet: see the terminal\n", { status: 503 });
}
"#;

/// A handler's files, and the state of their last build.
pub struct Project {
    handler: PathBuf,
    builder: Builder,
    /// The manifest of the build that is served.
    served: Option<Manifest>,
    is_broken: bool,
}

impl Project {
    /// Builds a handler for the first time. Returns an artifact for the server to begin with: the
    /// handler's, or the placeholder if it does not build.
    ///
    /// # Errors
    /// When the handler cannot be read, or the engine does not run here.
    pub fn open(handler: PathBuf) -> anyhow::Result<(Project, Build, Vec<u8>)> {
        let builder = building::builder()?;
        let build = build_aloud(&handler, &builder);
        let build = match build.outcome {
            Outcome::Failed(error) => return Err(error),
            _ => build,
        };
        screen::diagnostics(&build)?;
        let mut project = Project { handler, builder, served: None, is_broken: true };
        let artifact = match &build.outcome {
            Outcome::Built(artifact) => {
                project.is_broken = false;
                project.served = Some(artifact.manifest.clone());
                artifact.bytes.clone()
            }
            _ => placeholder(&project.builder)?,
        };
        Ok((project, build, artifact))
    }

    /// Shows what is served.
    pub fn show(&self, build: &Build, server: &Server) {
        server.show_build(build.for_page(&self.handler, None, self.note()));
        match &self.served {
            Some(manifest) => screen::handler(manifest),
            None => screen::broken(&self.handler, self.note()),
        }
        screen::watched(build.modules());
        if !self.is_broken {
            screen::serving("built", build.took, 0);
        }
    }

    /// Whether the handler has a function for HTTP requests.
    pub fn serves_pages(&self) -> bool {
        self.served.as_ref().is_some_and(|served| served.has_export("handler"))
    }

    /// What is served while the handler does not build.
    fn note(&self) -> &'static str {
        match self.served {
            Some(_) => "the build before it stays in use",
            None => "it is served once it builds",
        }
    }

    /// Builds and swaps whenever a file of the last build changes, for ever.
    ///
    /// # Errors
    /// When files cannot be watched, standard error is closed, or the system gives no thread.
    pub async fn follow(mut self, mut build: Build, server: Arc<Server>) -> anyhow::Result<()> {
        let mut watch = Watch::files(build.files())?;
        loop {
            // Includes changes before the files were watched.
            if !build.is_stale() {
                watch.changed().await;
                continue;
            }
            let server = Arc::clone(&server);
            // Connections are served meanwhile.
            let rebuilt = on_own_thread(move || {
                let build = build_aloud(&self.handler, &self.builder);
                let served = self.serve(&build, &server);
                (self, build, served)
            });
            let served;
            (self, build, served) = rebuilt.await.context("cannot build it again")?;
            served?;
            watch.set(build.files())?;
        }
    }

    /// Serves a build, if it can be served, and shows the result.
    fn serve(&mut self, build: &Build, server: &Server) -> anyhow::Result<()> {
        screen::diagnostics(build)?;
        let (swapped, refusal) = match &build.outcome {
            Outcome::Built(artifact) => match server.swap(&artifact.bytes) {
                Ok(()) => (Some(&artifact.manifest), None),
                Err(error) => {
                    let error = anyhow::Error::new(error).context("the server cannot serve it");
                    show::error(&error);
                    (None, Some(format!("{error:#}")))
                }
            },
            _ => (None, None),
        };
        server.show_build(build.for_page(&self.handler, refusal, self.note()));
        let Some(manifest) = swapped else {
            self.is_broken = true;
            screen::broken(&self.handler, self.note());
            return Ok(());
        };
        let is_fixed = std::mem::replace(&mut self.is_broken, false);
        let what = if is_fixed { "fixed: rebuilt" } else { "rebuilt" };
        screen::serving(what, build.took, server.connections());
        let is_the_same = self.served.as_ref().is_some_and(|served| {
            served.routes == manifest.routes
                && served.schedules == manifest.schedules
                && served.effects == manifest.effects
                && served.env == manifest.env
        });
        if !is_the_same {
            screen::handler(manifest);
        }
        self.served = Some(manifest.clone());
        Ok(())
    }
}

fn build_aloud(handler: &Path, builder: &Builder) -> Build {
    let what = format!("building {}", handler.display());
    show::while_working(&what, || Build::of(handler, builder))
}

fn placeholder(builder: &Builder) -> anyhow::Result<Vec<u8>> {
    let entry = Entry {
        name: ModuleName::new("placeholder.ts"),
        text: PLACEHOLDER.to_owned(),
        decorators: Decorators::Standard,
    };
    let mut read = |_: &ModuleName| Err(ReadError::NotFound);
    let artifact = zigts_compiler::build(builder, entry, &mut read, &Levels::default())?;
    Ok(artifact.bytes)
}
