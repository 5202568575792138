//! One loaded artifact: what runs for an event, and what is known about it beforehand.

use zigttp_abi::manifest::Manifest;
use zigttp_protocol::handshake;

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
    /// Subprotocols it speaks.
    pub(crate) protocols: Vec<String>,
    pub(crate) source_maps: SourceMaps,
    /// What it says of itself, for whoever looks.
    pub(crate) manifest: Manifest,
    exports: Exports,
    /// Set while it may have to give way to the one it has replaced.
    pub(crate) trial: Option<Trial>,
}

/// Which functions the handler has; an event without one is not run.
struct Exports {
    on_upgrade: bool,
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
            program: sandbox.load(wasm, &manifest.imports)?,
            routes: Routes::parse(manifest.routes.as_deref())?,
            source_maps,
            protocols: protocols(&manifest)?,
            exports: Exports {
                on_upgrade: manifest.has_export("onUpgrade"),
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
            Event::Upgrade { .. } => self.exports.on_upgrade,
            Event::Open { .. } => self.exports.on_open,
            Event::Message { .. } => self.exports.on_message,
            Event::Close { .. } => self.exports.on_close,
            Event::Request(_) => self.exports.handler,
        }
    }

    /// Whether it wants to be asked before a connection opens.
    pub(crate) fn asks_before_upgrades(&self) -> bool {
        self.exports.on_upgrade
    }

    /// Whether it answers HTTP requests.
    pub(crate) fn answers_requests(&self) -> bool {
        self.exports.handler
    }

    /// Whether it serves WebSockets at all.
    pub(crate) fn upgrades(&self) -> bool {
        self.exports.on_open || self.exports.on_message || self.exports.on_close
    }
}

fn protocols(manifest: &Manifest) -> Result<Vec<String>, LoadError> {
    let protocols = manifest.protocols.clone().unwrap_or_default();
    match protocols.iter().find(|name| !handshake::is_token(name)) {
        Some(name) => Err(LoadError::Protocol(name.clone())),
        None => Ok(protocols),
    }
}
