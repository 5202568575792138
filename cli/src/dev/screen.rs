//! What a developer sees in the terminal.
//!
//! Addresses, routes and exports go to standard output; diagnostics and results of builds to standard
//! error, as everywhere.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};
use zigts_compiler::report::ReportView;
use zigts_rules::import::ModuleName;
use zigts_rules::printable::printable;
use zigttp_abi::manifest::{Manifest, Schedule};
use zigttp_abi::route::Route;

use super::build::{Build, Outcome};
use crate::output::{self, Stream};
use crate::show;

const LABEL: Style = Style::new().dimmed();
const LINK: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// The server's addresses. The first line is that of `zigttp run`, for scripts.
pub fn addresses(address: SocketAddr) {
    let (http, ws) = (format!("http://{address}"), format!("ws://{address}"));
    line("listening on", &format!("{LINK}{http}{LINK:#} and {LINK}{ws}{LINK:#}"));
    line("inspector", &format!("{LINK}{http}/__zigttp{LINK:#}"));
}

/// What is served: the routes, the schedules, and each export with its effects.
pub fn handler(manifest: &Manifest) {
    let routes = match &manifest.routes {
        Some(routes) if routes.is_empty() => "none".to_owned(),
        Some(routes) => {
            let routes: Vec<_> = routes.iter().map(Route::to_string).collect();
            printable(&routes.join("  ")).into_owned()
        }
        None => "every path".to_owned(),
    };
    line("routes", &routes);
    for Schedule { cron, room, name } in &manifest.schedules {
        line("schedule", &printable(&format!("{cron} UTC: {name} in {room}")));
    }
    if !manifest.env.is_empty() {
        line("settings", &printable(&manifest.env.join(", ")));
    }
    let width = manifest.effects.keys().map(String::len).max().unwrap_or(0);
    for (index, (export, effects)) in manifest.effects.iter().enumerate() {
        let effects = if effects.is_empty() { "pure".to_owned() } else { effects.join(", ") };
        let label = if index == 0 { "exports" } else { "" };
        line(label, &format!("{export:<width$}  {LABEL}{effects}{LABEL:#}"));
    }
}

/// Which files are watched.
pub fn watched<'a>(modules: impl Iterator<Item = &'a Path>) {
    let mut names: Vec<_> = modules.map(|path| path.display().to_string()).collect();
    const MANY: usize = 4;
    let others = names.len().saturating_sub(MANY);
    names.truncate(MANY);
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let names = names.join(", ");
    line("watching", &format!("{}{others}; Ctrl-C stops", printable(&names)));
}

/// The console output and the diagnostics of a build.
///
/// # Errors
/// When standard error is closed.
pub fn diagnostics(build: &Build) -> anyhow::Result<()> {
    show::console(build.console());
    if let (Some(file), Some(report)) = (&build.file, build.report()) {
        let path_of = &|module: &ModuleName| file.path_of(module);
        show::diagnostics(&[ReportView { report, path_of }])?;
        show::tally(std::iter::once(report));
    }
    if let Outcome::Failed(error) = &build.outcome {
        show::error(error);
    }
    Ok(())
}

/// A build has been served for the first time, or after others.
pub fn serving(what: &str, took: Duration, sockets: usize) {
    let sockets = match sockets {
        0 => String::new(),
        1 => "; 1 connection stays open".to_owned(),
        count => format!("; {count} connections stay open"),
    };
    let seconds = took.as_secs_f64();
    remark(&format!("{GOOD}{what}{GOOD:#} in {seconds:.2} s{sockets}"));
}

/// A build cannot be served; `note` says what is served instead.
pub fn broken(path: &Path, note: &str) {
    let path = path.display().to_string();
    remark(&format!("{BAD}{} does not build{BAD:#}: {note}", printable(&path)));
}

fn remark(text: &str) {
    output::settle();
    output::write_styled(Stream::Error, &format!("{text}\n"));
}

fn line(label: &str, text: &str) {
    output::settle();
    output::write_styled(Stream::Out, &format!("{LABEL}{label:<12}{LABEL:#}  {text}\n"));
}
