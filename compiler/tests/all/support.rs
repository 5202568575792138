//! Handlers from memory, and one engine for all tests.

use std::sync::LazyLock;
use std::time::Duration;

use zigts_compiler::report::Report;
use zigts_compiler::{
    Artifact, BuildError, Builder, Counted, CountedKind, Counters, Decorators, Entry, ReadError,
    Request,
};
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;
use zigts_rules::span::ModuleId;
use zigttp_abi::route::Route;

/// Compiled once, which takes seconds. Its clock runs ten times as fast as a real one, so that
/// what never ends is stopped after a second.
static BUILDER: LazyLock<Builder> = LazyLock::new(|| {
    let builder = Builder::new(None).expect("the engine compiles");
    let clock = builder.clock();
    std::thread::spawn(move || {
        while clock.tick() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    builder
});

/// Modules by name, the entry first.
pub(crate) type Modules<'a> = &'a [(&'a str, &'a str)];

/// A route that is only a pattern.
pub(crate) fn plain(path: &str) -> Route {
    Route { path: path.to_owned(), room: None, upgrades: true }
}

pub(crate) fn check(modules: Modules<'_>) -> Report {
    zigts_compiler::check(entry(modules), &mut Given(modules), &Levels::default())
}

fn build(modules: Modules<'_>) -> Result<Artifact, BuildError> {
    let read = &mut Given(modules);
    zigts_compiler::build(&BUILDER, entry(modules), read, &Levels::default())
}

/// The artifact of a handler that has no errors.
#[track_caller]
pub(crate) fn built(modules: Modules<'_>) -> Artifact {
    match build(modules) {
        Ok(artifact) => artifact,
        Err(BuildError::Rejected(rejected)) => panic!("{:?}", lines(&rejected.report)),
        Err(error) => panic!("the engine fails: {error}"),
    }
}

/// Builds a handler whose entry logs what the test is about while it is built.
#[track_caller]
pub(crate) fn logs(modules: Modules<'_>, expected: &[&str]) {
    logs_with(Decorators::Standard, modules, expected);
}

#[track_caller]
pub(crate) fn logs_with(decorators: Decorators, modules: Modules<'_>, expected: &[&str]) {
    let read = &mut Given(modules);
    let entry = Entry { decorators, ..entry(modules) };
    let levels = Levels::default();
    let plain = zigts_compiler::build(&BUILDER, entry.clone(), read, &levels);
    let counting = zigts_compiler::build_counting(&BUILDER, entry, read, &levels);
    // Counters change nothing of what a handler does.
    for built in [plain, counting.map(|(artifact, _)| artifact)] {
        let artifact = match built {
            Ok(artifact) => artifact,
            Err(BuildError::Rejected(rejected)) => panic!("{:?}", lines(&rejected.report)),
            Err(error) => panic!("the engine fails: {error}"),
        };
        let logged: Vec<_> = artifact.console.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(logged, expected);
    }
}

/// What a handler has counted while it was built, as `what:line:count`, in the order of its text.
#[track_caller]
pub(crate) fn counted(modules: Modules<'_>) -> Vec<String> {
    let read = &mut Given(modules);
    let built = zigts_compiler::build_counting(&BUILDER, entry(modules), read, &Levels::default());
    let (artifact, Counters { mut counted, at_build, .. }) = built.unwrap();
    let mut counted: Vec<_> = counted.drain(..).zip(at_build).collect();
    counted.sort_by_key(|(Counted { span, .. }, _)| (span.module, span.start));
    let lines = counted.iter().map(|(Counted { kind, span }, count)| {
        let file = artifact.report.sources.file(span.module);
        let line = file.line_column(span.start).line;
        let what = match kind {
            CountedKind::Statement => "statement".to_owned(),
            CountedKind::Function(name) => name.clone().unwrap_or_else(|| "function".to_owned()),
            CountedKind::Branch(_) => "branch".to_owned(),
        };
        let module = if span.module == ModuleId::ENTRY { "" } else { file.name().as_str() };
        format!("{module}{what}:{line}:{count}")
    });
    lines.collect()
}

/// What building a handler reports, whether or not it succeeds.
pub(crate) fn report_of_build(modules: Modules<'_>) -> Report {
    match build(modules) {
        Ok(artifact) => artifact.report,
        Err(BuildError::Rejected(rejected)) => rejected.report,
        Err(error) => panic!("the engine fails: {error}"),
    }
}

/// `code line:column message` for each diagnostic.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    report
        .diagnostics
        .iter()
        .map(|found| {
            let file = report.sources.file(found.span.module);
            let at = file.line_column(found.span.start);
            let (code, name) = (found.rule.code, file.name());
            format!("{code} {name}:{}:{} {}", at.line, at.column, found.message)
        })
        .collect()
}

fn entry(modules: Modules<'_>) -> Entry {
    let (name, text) = modules[0];
    Entry { name: ModuleName::new(name), text: text.to_owned(), decorators: Decorators::Standard }
}

/// Modules that are all given; a package is its `index.js`.
struct Given<'a>(Modules<'a>);

impl zigts_compiler::Modules for Given<'_> {
    fn read(&mut self, module: &ModuleName) -> Result<String, ReadError> {
        let found = self.0.iter().find(|(name, _)| *name == module.as_str());
        found.map(|(_, text)| (*text).to_owned()).ok_or(ReadError::NotFound)
    }

    fn find(
        &mut self,
        _importer: &ModuleName,
        specifier: &str,
        _request: Request,
    ) -> Result<Option<ModuleName>, String> {
        let path = format!("node_modules/{specifier}/index.js");
        Ok(self.0.iter().any(|(name, _)| *name == path).then(|| ModuleName::new(path)))
    }
}
