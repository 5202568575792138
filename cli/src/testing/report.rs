//! What running tests has shown, for people and for programs.
//!
//! Each reporter is told of each file as it ends, and of all of them at the end.

mod frame;
mod json;
mod junit;
mod pretty;
mod reporter;
mod tap;

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

pub use self::reporter::Reporter;
use self::reporter::Sink;

/// In which form results are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReporterKind {
    /// For people.
    #[default]
    Pretty,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// XML as JUnit's, which CI servers read.
    Junit,
    /// A JSON object on each line.
    #[value(skip)]
    Json,
}

/// A reporter that writes to a file, or else to standard output.
///
/// # Errors
/// When the file cannot be made.
pub fn open(kind: ReporterKind, file: Option<&Path>) -> anyhow::Result<Box<dyn Reporter>> {
    let sink = match file {
        None => Sink::Out,
        Some(path) => {
            let file = File::create(path);
            Sink::File(file.with_context(|| format!("cannot write `{}`", path.display()))?)
        }
    };
    Ok(match kind {
        ReporterKind::Pretty => Box::new(pretty::Pretty::new(sink)),
        ReporterKind::Tap => Box::new(tap::Tap::new(sink)),
        ReporterKind::Junit => Box::new(junit::Junit::new(sink)),
        ReporterKind::Json => Box::new(json::Json::new(sink)),
    })
}
