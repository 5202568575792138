//! Custom section `zigttp.manifest`: the artifact's description of itself, as JSON.
//!
//! It is the artifact's own claim. A host checks it for consistency and serves by it, but grants
//! nothing because of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::guest::ABI_VERSION;
use crate::route::Route;

/// Name of the custom section that holds the manifest.
pub const MANIFEST_SECTION: &str = "zigttp.manifest";

/// Name of the custom section that holds the source maps: a JSON object from module name, as it
/// stands in stack traces, to a source map of version 3.
pub const SOURCEMAP_SECTION: &str = "zigttp.sourcemap";

/// What a `handler.wasm` says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`ABI_VERSION`] of the engine inside.
    pub abi: u32,
    /// Version of the compiler that built it.
    pub compiler: String,
    /// SHA-256, in hex, over names and texts of the handler's modules.
    pub source_hash: String,
    /// Event exports the handler has, by JavaScript name, sorted.
    pub exports: Vec<String>,
    /// Those of `export const routes`; without it every path upgrades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<Route>>,
    /// Names of `export const protocols`: the subprotocols it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocols: Option<Vec<String>>,
    /// Signals that come by themselves: `export const schedules`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// API functions the handler imports, by JavaScript name, sorted.
    pub imports: Vec<String>,
    /// Names of settings that it reads, as far as they are literals, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Hosts of the URLs that it fetches or streams, as far as they are literals, sorted: what an operator has to
    /// allow with `--allow-fetch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Inferred effects of each export (`io`, `state`; empty is pure).
    #[serde(default)]
    pub effects: BTreeMap<String, Vec<String>>,
    /// What follows from the inferred effects of all exports together.
    #[serde(default)]
    pub properties: Properties,
}

/// One of `export const schedules`: a room gets the signal of this name at each time of the cron expression, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Schedule {
    pub cron: String,
    pub room: String,
    pub name: String,
}

/// What holds for every event of a handler, as far as the compiler can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// No event has an effect.
    #[serde(default)]
    pub pure: bool,
    /// No event sends, closes, keeps an attachment or sets an auto-response.
    #[serde(default)]
    pub read_only: bool,
    /// No event asks for the time or for random numbers.
    #[serde(default)]
    pub deterministic: bool,
}

impl Properties {
    /// The names of those that hold, as they stand in JSON.
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            ("pure", self.pure),
            ("read_only", self.read_only),
            ("deterministic", self.deterministic),
        ];
        all.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
    }
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The section is not the JSON of a manifest.
    #[error("its manifest cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The artifact was built for another interface; rebuild it with a matching compiler.
    #[error(
        "it was built for ABI {found}, this server speaks ABI {ABI_VERSION}: build it again, with the zigts \
         of the same version as the server"
    )]
    AbiMismatch { found: u32 },
}

impl Manifest {
    /// Reads the section's bytes, refusing an ABI this crate does not describe.
    ///
    /// # Errors
    /// When the bytes are no manifest, or one of another ABI.
    pub fn from_section(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        /// Read first, so that another version's manifest is named as such whatever its shape.
        #[derive(Deserialize)]
        struct Version {
            abi: u32,
        }
        let Version { abi } = serde_json::from_slice(bytes)?;
        if abi != ABI_VERSION {
            return Err(ManifestError::AbiMismatch { found: abi });
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The section's bytes.
    pub fn to_section(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }

    /// Whether the handler exports this event.
    pub fn has_export(&self, name: &str) -> bool {
        self.exports.iter().any(|export| export == name)
    }
}
