//! One loaded artifact: its program, and what its manifest says.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use zigttp_abi::manifest::Manifest;
use zigttp_abi::schedule;
use zigttp_protocol::handshake;

use crate::artifact::Artifact;
use crate::error::LoadError;
use crate::event::{Event, EventKind};
use crate::program::Program;
use crate::route::{Matched, Routes};
use crate::sandbox::Sandbox;
use crate::source_position::SourceMaps;
use crate::view::View;

/// A handler that is ready to serve events.
pub struct App<V: View> {
    pub program: Program<V>,
    pub routes: Arc<Routes>,
    /// The subprotocols that it speaks.
    pub protocols: Vec<String>,
    pub source_maps: SourceMaps,
    pub manifest: Manifest,
    /// SHA-256 of the artifact.
    pub hash: [u8; 32],
    exports: Exports,
}

/// Which functions the handler exports. An event without a function is not run.
struct Exports {
    room_of: bool,
    on_upgrade: bool,
    on_open: bool,
    on_message: bool,
    on_close: bool,
    on_request: bool,
    handler: bool,
    on_signal: bool,
    on_stream: bool,
}

impl<V: View> App<V> {
    /// Checks, compiles and links an artifact.
    ///
    /// # Errors
    /// When this server cannot run it.
    pub fn load(sandbox: &Sandbox<V>, wasm: &[u8]) -> Result<App<V>, LoadError> {
        let Artifact { manifest, source_maps } = Artifact::read(wasm)?;
        schedule::check(&manifest.schedules)?;
        let routes = Arc::new(Routes::parse(manifest.routes.as_deref())?);
        Ok(App {
            program: sandbox.load(wasm, &manifest.imports, &routes)?,
            routes,
            source_maps,
            protocols: protocols(&manifest)?,
            exports: Exports {
                room_of: manifest.has_export("roomOf"),
                on_upgrade: manifest.has_export("onUpgrade"),
                on_open: manifest.has_export("onOpen"),
                on_message: manifest.has_export("onMessage"),
                on_close: manifest.has_export("onClose"),
                on_request: manifest.has_export("onRequest"),
                handler: manifest.has_export("handler"),
                on_signal: manifest.has_export("onSignal"),
                on_stream: manifest.has_export("onStream"),
            },
            manifest,
            hash: Sha256::digest(wasm).into(),
        })
    }

    /// Whether it has a function for this event.
    pub fn handles(&self, event: &Event) -> bool {
        match event.kind() {
            EventKind::RoomOf => self.exports.room_of,
            EventKind::Upgrade => self.exports.on_upgrade,
            EventKind::Open => self.exports.on_open,
            EventKind::Message => self.exports.on_message,
            EventKind::Close => self.exports.on_close,
            EventKind::Request if event.room.is_some() => self.exports.on_request,
            EventKind::Request => self.exports.handler,
            EventKind::Signal => self.exports.on_signal,
            EventKind::Stream => self.exports.on_stream,
        }
    }

    /// Whether it decides about connections before they open (`onUpgrade`).
    pub fn asks_before_upgrades(&self) -> bool {
        self.exports.on_upgrade
    }

    /// Whether it names the rooms of upgrades and requests (`roomOf`).
    pub fn names_rooms(&self) -> bool {
        self.exports.room_of
    }

    /// Whether it takes signals.
    pub fn takes_signals(&self) -> bool {
        self.exports.on_signal
    }

    /// Whether it responds to HTTP requests.
    pub fn answers_requests(&self) -> bool {
        self.exports.handler
    }

    /// Whether requests may be events of a room (`onRequest`).
    pub fn answers_in_rooms(&self) -> bool {
        self.exports.on_request
    }

    /// The route of a request that is no upgrade: without `routes` there is none.
    pub fn route_of_request(&self, url: &str) -> Option<Matched<'_>> {
        self.manifest.routes.as_ref().and_then(|_| self.routes.find(url))
    }

    /// Whether it serves WebSockets.
    pub fn upgrades(&self) -> bool {
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
