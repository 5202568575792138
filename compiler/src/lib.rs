//! From the text of a TypeScript handler to diagnostics, or to a `handler.wasm`.
//!
//! ```text
//!            load.rs                     zigts-rules
//! Entry ──▶ read, parse, collect ──▶ HandlerModel ──▶ Report          check()
//!                    │
//!                    ▼
//!             emit.rs: JavaScript ──▶ snapshot.rs ──▶ artifact.rs     build()
//! ```
//!
//! - `load`: reads a module ([`Entry`] first), `parse`s it, `model` collects its facts, `resolve`
//!   says which modules its imports may mean, and so on until no new module is reached;
//! - `guards`: code that never runs here, as packages have for other platforms; `commonjs`: what modules of
//!   that system export; `node_builtins`: the modules in place of those of Node.js;
//! - `effects`: the call graph across modules, and with it the effects of each function;
//! - [`report`]: the rules' diagnostics and how they are shown;
//! - [`fix`]: the fixes of diagnostics, made in the text;
//! - `emit`: TypeScript without its types, imports rewritten to module names, source maps;
//! - `snapshot`: runs the top-level code in the engine and keeps the resulting state;
//! - `coverage`: where a handler counts what of it runs, if it is built to;
//! - `testing`: test files, and the library that they import;
//! - `artifact`: the bytes of a `handler.wasm` and its manifest;
//! - [`typings`]: the API for `tsc` and editors.
//!
//! The compiler is a function. It reads no file (the caller passes the [`Modules`]), no
//! clock and no environment, and prints nothing; `clippy.toml` enforces that. The same texts make the same
//! artifact, byte by byte.

mod ambiguity;
mod artifact;
mod commonjs;
mod console;
mod coverage;
mod declared;
mod early;
mod effects;
mod emit;
mod error;
pub mod fix;
mod guards;
mod load;
mod model;
mod modules;
mod namespaces;
mod nesting;
mod node_builtins;
mod parse;
pub mod report;
mod resolve;
mod snapshot;
pub mod source;
#[cfg(test)]
mod suite;
mod surrogates;
mod testing;
pub mod typings;

use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;
use zigts_rules::model::Evaluation;
use zigttp_abi::guest::ABI_VERSION;
use zigttp_abi::manifest::Manifest;

pub use console::ConsoleLine;
pub use coverage::{Counted, CountedKind, Counters};
pub use error::BuildError;
pub use load::{MAX_PACKAGE_BYTES, MAX_SOURCE_BYTES};
pub use modules::{Modules, PackageType, ReadError, Request};
use report::Report;
pub use snapshot::{Builder, Clock, TICK};
pub use testing::is_test;

/// The entry module of a handler.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its file name; other modules are named relative to its folder.
    pub name: ModuleName,
    pub text: String,
    pub decorators: Decorators,
}

/// What a decorator does in all modules of a handler, as the project's `tsconfig.json` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decorators {
    /// What ECMAScript's proposal says, as of November 2023.
    #[default]
    Standard,
    /// What TypeScript did before (`experimentalDecorators`).
    Legacy {
        /// Whether the types of what is decorated are told to `Reflect.metadata`, where a library
        /// defines it (`emitDecoratorMetadata`).
        with_metadata: bool,
    },
}

/// Checks a handler without running it.
pub fn check(entry: Entry, modules: &mut dyn Modules, levels: &Levels) -> Report {
    stacker::grow(nesting::WALKING_STACK_BYTES, || {
        let handler = load::load(entry, modules);
        Report::new(&handler.model, handler.sources, levels)
    })
}

/// A handler that is ready to be served.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The `handler.wasm`.
    pub bytes: Vec<u8>,
    /// Its manifest.
    pub manifest: Manifest,
    /// Warnings, if any.
    pub report: Report,
    /// What the top-level code printed.
    pub console: Vec<ConsoleLine>,
}

/// A handler that cannot be served.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The errors, and warnings beside them.
    pub report: Report,
    /// What the top-level code printed, if it ran.
    pub console: Vec<ConsoleLine>,
}

/// Builds a handler.
///
/// Its top-level code runs here, in the engine's sandbox. The builder's [`Clock`] has to be ticked
/// meanwhile, or code that does not end is never stopped.
///
/// # Errors
/// When something is wrong with the handler ([`BuildError::Rejected`]), or with the engine.
pub fn build(
    builder: &Builder,
    entry: Entry,
    modules: &mut dyn Modules,
    levels: &Levels,
) -> Result<Artifact, BuildError> {
    build_with(builder, entry, modules, levels, None).map(|(artifact, _)| artifact)
}

/// The same of a handler that counts what of it runs, for coverage. It does what the other does, but slower.
///
/// # Errors
/// As [`build`].
pub fn build_counting(
    builder: &Builder,
    entry: Entry,
    modules: &mut dyn Modules,
    levels: &Levels,
) -> Result<(Artifact, Counters), BuildError> {
    let mut counted = Vec::new();
    let (artifact, counters) = build_with(builder, entry, modules, levels, Some(&mut counted))?;
    let (address, at_build) = counters.expect("a build that counts has counters");
    Ok((artifact, Counters { counted, address, at_build }))
}

/// Builds a handler, which counts if there is a list for what is counted; then also says where it counts, and what
/// its top-level code has counted.
fn build_with(
    builder: &Builder,
    entry: Entry,
    modules: &mut dyn Modules,
    levels: &Levels,
    mut counted: Option<&mut Vec<Counted>>,
) -> Result<(Artifact, Option<coverage::Found>), BuildError> {
    stacker::grow(nesting::WALKING_STACK_BYTES, || {
        let mut handler = load::load(entry, modules);
        let report = Report::new(&handler.model, handler.sources.clone(), levels);
        if report.has_errors() {
            return Err(BuildError::Rejected(Box::new(Rejected { report, console: Vec::new() })));
        }

        let emitted = emit::emit(&mut handler, counted.as_deref_mut());
        let counted = counted.map(|counted| counted.len());
        let snapshot::TopLevelRun { evaluation, console, snapshot, counters } =
            builder.run_top_level(&emitted, &handler.sources, counted)?;
        let mut exports = match &evaluation {
            Evaluation::Completed { callable } => callable.clone(),
            _ => Vec::new(),
        };
        exports.sort_unstable();

        // The rules now also see the result of running it.
        handler.model.evaluation = Some(evaluation);
        let report = Report::new(&handler.model, handler.sources, levels);
        let Some(snapshot) = snapshot.filter(|_| !report.has_errors()) else {
            return Err(BuildError::Rejected(Box::new(Rejected { report, console })));
        };

        let manifest = Manifest {
            abi: ABI_VERSION,
            compiler: env!("CARGO_PKG_VERSION").to_owned(),
            source_hash: artifact::source_hash(&report.sources),
            schedules: report.facts.schedules.clone(),
            exports: exports.into_iter().map(str::to_owned).collect(),
            routes: report.facts.routes.clone(),
            protocols: report.facts.protocols.clone(),
            hosts: report.facts.hosts.clone(),
            imports: report.facts.imports.iter().map(|&name| name.to_owned()).collect(),
            env: report.facts.settings.clone(),
            effects: report
                .facts
                .effects
                .iter()
                .map(|(&event, effects)| {
                    (event.to_owned(), effects.iter().map(|&effect| effect.to_owned()).collect())
                })
                .collect(),
            properties: report.facts.properties,
        };
        let bytes = artifact::write(&snapshot, &manifest, &emitted).map_err(|error| {
            BuildError::Engine { action: "cannot write the artifact", source: error.into() }
        })?;
        Ok((Artifact { bytes, manifest, report, console }, counters))
    })
}
