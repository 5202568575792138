//! One loaded artifact: what runs for an event, and what is known about it beforehand.

use zigttp_abi::manifest::Manifest;

use crate::artifact::Artifact;
use crate::error::LoadError;
use crate::event::Event;
use crate::route::Routes;
use crate::sandbox::{Program, Sandbox};
use crate::source_position::SourceMaps;
use crate::swap::Trial;

/// A handler that can be served.
pub(crate) struct App {
    pub(crate) program: Program,
    pub(crate) routes: Routes,
    pub(crate) source_maps: SourceMaps,
    pub(crate) manifest: Manifest,
    exports: Exports,
    /// Set while it may have to give way to the one it has replaced.
    pub(crate) trial: Option<Trial>,
}

/// Which functions the handler has; an event without one is not run.
struct Exports {
    on_open: bool,
    on_message: bool,
    on_close: bool,
    handler: bool,
}

impl App {
    /// Checks, compiles and links an artifact.
    pub(crate) fn load(sandbox: &Sandbox, wasm: &[u8]) -> Result<App, LoadError> {
        let Artifact { manifest, source_maps } = Artifact::read(wasm)?;
        Ok(App {
            program: sandbox.load(wasm)?,
            routes: Routes::parse(manifest.routes.as_deref())?,
            source_maps,
            exports: Exports {
                on_open: manifest.has_export("onOpen"),
                on_message: manifest.has_export("onMessage"),
                on_close: manifest.has_export("onClose"),
                handler: manifest.has_export("handler"),
            },
            manifest,
            trial: None,
        })
    }

    /// Whether it has a function for this event.
    pub(crate) fn handles(&self, event: &Event) -> bool {
        match event {
            Event::Open { .. } => self.exports.on_open,
            Event::Message { .. } => self.exports.on_message,
            Event::Close { .. } => self.exports.on_close,
            Event::Request(_) => self.exports.handler,
        }
    }

    /// Whether it serves WebSockets at all.
    pub(crate) fn upgrades(&self) -> bool {
        self.exports.on_open || self.exports.on_message || self.exports.on_close
    }
}
