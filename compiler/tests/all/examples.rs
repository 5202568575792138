//! The examples of every rule's manual do what their tags say.

use zigts_rules::record::Category;
use zigts_rules::registry;

use crate::support::{check, lines, report_of_build};

/// The packages that examples import.
const PACKAGES: [(&str, &str); 3] = [
    (
        "node_modules/reads-files/index.js",
        "const fs = require('fs');\nexports.readAll = (path) => fs.readFileSync(path, 'utf8');",
    ),
    ("node_modules/page-title/index.js", "exports.title = () => document.title;"),
    ("node_modules/numbers/index.js", "exports.isEven = (number) => number % 2 === 0;"),
];

#[test]
fn examples_fire_or_are_silent_as_they_are_tagged() {
    // What ZTS340 imports.
    let words = format!("export const words = \"{}\";", "x".repeat(600 * 1024));
    for record in registry::records() {
        for example in record.examples() {
            let mut modules = vec![("example.ts", example.source), ("words.ts", words.as_str())];
            modules.extend(PACKAGES);
            let report = match record.category {
                Category::Build => report_of_build(&modules),
                _ => check(&modules),
            };
            let fires = report.diagnostics.iter().any(|found| found.rule == record);
            let found = lines(&report);
            assert_eq!(fires, example.fires, "{}: {found:?}\n{}", record.code, example.source);
            if !example.fires {
                assert_eq!(found, [""; 0], "{}: {}", record.code, example.source);
            }
        }
    }
}
