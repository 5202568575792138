//! The text of a handler: whatever it is, it is checked to the end, and what is found lies inside of
//! it and can be shown.

#![no_main]

use std::sync::Once;

use codespan_reporting::term::termcolor::NoColor;
use zigts_compiler::report::{Shown, compact, github, json, pretty, sarif};
use zigts_compiler::{Decorators, Entry, ReadError, check, fix};
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;

libfuzzer_sys::fuzz_target!(|text: &str| {
    static HOOK: Once = Once::new();
    HOOK.call_once(let_parser_panic);
    let entry = Entry {
        name: ModuleName::new("app.ts"),
        text: text.to_owned(),
        decorators: Decorators::Standard,
    };
    let read = &mut |name: &ModuleName| match name.as_str() {
        "lib.ts" => Ok("export const a = 1;".to_owned()),
        _ => Err(ReadError::NotFound),
    };
    let report = check(entry, read, &Levels::default());
    for diagnostic in &report.diagnostics {
        let file = report.sources.file(diagnostic.span.module);
        let span = diagnostic.span.start as usize..diagnostic.span.end as usize;
        assert!(file.text().get(span).is_some(), "{diagnostic:?} lies outside");
    }
    let path_of = &|name: &ModuleName| name.as_str().to_owned();
    let shown = Shown { report: &report, path_of };
    pretty::write(shown, Some(80), &mut NoColor::new(Vec::new())).expect("memory takes everything");
    let reports = [shown];
    compact::to_string(&reports);
    github::to_string(&reports);
    json::to_string(&reports, true);
    sarif::to_string(&reports);
    fix::fixed(&report);
});

/// The compiler makes diagnostics of panics in the parser; all others end the process, as libFuzzer's
/// own hook has it.
fn let_parser_panic() {
    let fuzzer = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains("swc_ecma_parser")) {
            fuzzer(panic);
        }
    }));
}
