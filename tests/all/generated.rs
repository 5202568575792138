//! Texts that the programs print and that are committed, so that they can be read without running the
//! programs.
//!
//! `UPDATE=1 cargo test generated` writes them anew.

use super::support::admin;
use super::support::programs::{self, program, root};

const BEGIN: &str = "<!-- the metrics: printed by UPDATE=1 cargo test generated -->\n";
const END: &str = "<!-- end of the metrics -->\n";

#[test]
fn generated_typings_beside_the_examples_are_fresh() {
    let output = program("zigts").arg("types").output().expect("zigts starts");
    assert!(output.status.success());
    let typings = String::from_utf8(output.stdout).expect("output is UTF-8");
    is_fresh("examples/zigttp.d.ts", |_committed| typings);
}

#[test]
fn generated_table_of_metrics_is_fresh() {
    let handler = programs::compile("export function handler(req: Request) {}");
    let (_server, admin) = admin::start(&handler, &[]);
    let table = metrics(&admin::get(admin, "/metrics").1);
    is_fresh("README.md", |committed| {
        let (before, rest) = committed.split_once(BEGIN).expect("the table has a beginning");
        let (_, after) = rest.split_once(END).expect("the table has an end");
        format!("{before}{BEGIN}{table}{END}{after}")
    });
}

/// Compares a file of the repository with what it should contain.
fn is_fresh(path: &str, print: impl FnOnce(&str) -> String) {
    let shown = path;
    let path = root().join(path);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let printed = print(&committed);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, printed).expect("the repository is writable");
    } else {
        assert!(printed == committed, "{shown} is stale: UPDATE=1 cargo test generated");
    }
}

/// A row for each metric of a page, with its kind, its label and the label's values.
fn metrics(page: &str) -> String {
    let mut text = String::from("\n| metric `zigttp_…` | kind | |\n|---|---|---|\n");
    for family in page.split("# HELP zigttp_").skip(1) {
        let (name, rest) = family.split_once(' ').expect("a help has a name");
        let (help, rest) = rest.split_once('\n').expect("a help is a line");
        let (kind, samples) = rest.split_once('\n').expect("a type is a line");
        let kind = kind.rsplit(' ').next().expect("a type is a word");
        let mut labels: Vec<(&str, &str)> = samples
            .lines()
            .filter_map(|sample| sample.split_once('{')?.1.split_once('}')?.0.split_once('='))
            .filter_map(|(label, value)| Some((label, value.split('"').nth(1)?)))
            // Every histogram has that label.
            .filter(|&(label, _)| label != "le")
            .collect();
        labels.dedup();
        text += &match labels.first() {
            Some((label, _)) => {
                let values: Vec<_> = labels.iter().map(|(_, value)| format!("`{value}`")).collect();
                format!("| `{name}{{{label}}}` | {kind} | {help}: {} |\n", values.join(", "))
            }
            None => format!("| `{name}` | {kind} | {help} |\n"),
        };
    }
    text + "\n"
}
