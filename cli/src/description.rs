//! The description of a handler in its manifest, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;
use zigts_rules::printable::printable;
use zigttp_abi::manifest::{Manifest, Properties, Schedule};
use zigttp_abi::route::Route;

/// A handler as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JsonHandler<'a> {
    abi: u32,
    compiler: &'a str,
    source_hash: &'a str,
    exports: Vec<JsonExport<'a>>,
    /// `null` where every path upgrades.
    routes: Option<&'a [Route]>,
    /// Signals that come by themselves.
    #[serde(skip_serializing_if = "<[Schedule]>::is_empty")]
    schedules: &'a [Schedule],
    /// `null` where none are negotiated.
    protocols: Option<&'a [String]>,
    /// Hosts of URLs that it fetches, as far as they are literals.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    hosts: &'a [String],
    /// Functions of `zigttp:websocket` that it may call.
    api: &'a [String],
    /// Names of settings that it reads, as far as they are literals.
    env: &'a [String],
    properties: Properties,
}

#[derive(Serialize)]
struct JsonExport<'a> {
    name: &'a str,
    /// Empty where it has none, `null` where the manifest does not say.
    effects: Option<&'a [String]>,
}

impl<'a> From<&'a Manifest> for JsonHandler<'a> {
    fn from(manifest: &'a Manifest) -> JsonHandler<'a> {
        let export = |name: &'a String| JsonExport {
            name,
            effects: manifest.effects.get(name).map(Vec::as_slice),
        };
        JsonHandler {
            abi: manifest.abi,
            compiler: &manifest.compiler,
            source_hash: &manifest.source_hash,
            exports: manifest.exports.iter().map(export).collect(),
            routes: manifest.routes.as_deref(),
            schedules: &manifest.schedules,
            protocols: manifest.protocols.as_deref(),
            hosts: &manifest.hosts,
            api: &manifest.imports,
            env: &manifest.env,
            properties: manifest.properties,
        }
    }
}

/// A small table: the routes, the effects of each export, the properties of all of them, and the functions
/// that the handler may call.
///
/// # Errors
/// When the output is closed.
pub fn write(manifest: &Manifest, output: &mut impl Write) -> io::Result<()> {
    let effects = |name| match manifest.effects.get(name) {
        Some(effects) if effects.is_empty() => "pure".to_owned(),
        Some(effects) => listed(effects),
        None => "unknown".to_owned(),
    };
    let properties = manifest.properties.names();
    let routes = manifest.routes.as_deref().map_or("every path".to_owned(), |routes| {
        listed(&routes.iter().map(Route::to_string).collect::<Vec<_>>())
    });
    let mut rows = vec![("routes", routes)];
    rows.extend(manifest.schedules.iter().map(|Schedule { cron, room, name }| {
        let [cron, room, name] = [cron, room, name].map(|text| printable(text));
        ("schedule", format!("{cron} UTC: {name} in {room}"))
    }));
    rows.extend(manifest.protocols.as_deref().map(|names| ("protocols", listed(names))));
    rows.extend(manifest.exports.iter().map(|name| (name.as_str(), effects(name))));
    rows.extend((!properties.is_empty()).then(|| ("(all)", listed(&properties))));
    rows.extend((!manifest.imports.is_empty()).then(|| ("may call", listed(&manifest.imports))));
    rows.extend((!manifest.env.is_empty()).then(|| ("settings", listed(&manifest.env))));
    let allowed = manifest.hosts.iter().map(|host| format!("--allow-fetch {host}"));
    let allowed: Vec<_> = allowed.collect();
    rows.extend((!allowed.is_empty()).then(|| ("fetches", listed_with(&allowed, " "))));
    for (name, words) in rows {
        writeln!(output, "  {:<9}  {words}", printable(name))?;
    }
    Ok(())
}

/// Names with unprintable characters escaped: an artifact may come from a stranger.
fn listed(names: &[impl AsRef<str>]) -> String {
    listed_with(names, ", ")
}

fn listed_with(names: &[impl AsRef<str>], separator: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| printable(name.as_ref())).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(separator) }
}

/// A size for people.
pub fn size(bytes: usize) -> String {
    bytesize::ByteSize(bytes as u64).display().iec().to_string()
}
