//! What README.md says of flags and metrics, against the programs.

use std::collections::BTreeSet;

use super::support::admin;
use super::support::programs::{self, program, root};

/// The rows of README's table with this head.
fn table(head: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let (_, rest) = readme.split_once(&format!("{head}\n")).expect("the table is there");
    rest.lines().skip(1).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// The cells of a row.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// What stands in backticks.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn each_metric_stands_in_the_readme_with_its_label_and_there_are_no_others() {
    let handler = programs::compile("export function handler(req: Request) {}");
    let (_server, admin) = admin::start(&handler, &[]);
    let (_status, page) = admin::get(admin, "/metrics");
    let families: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE zigttp_")?.split(' ').next())
        .map(|family| {
            // `le` is of every histogram.
            let labels = |part: &str| page.split_once(&format!("\nzigttp_{family}{part}{{"));
            match labels("_count").or_else(|| labels("")).and_then(|(_, it)| it.split_once('=')) {
                Some((label, _)) => format!("{family}{{{label}}}"),
                None => family.to_owned(),
            }
        })
        .collect();
    let rows = table("| metric `zigttp_…` | |");
    let told: Vec<&str> = rows.iter().flat_map(|row| terms(cells(row)[0])).collect();
    assert_eq!(told.len(), families.len(), "none stands there twice");
    assert_eq!(told.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), families);
}

#[test]
fn each_flag_of_run_stands_in_the_readme_and_each_bound_with_its_default() {
    let output = program("zigttp").args(["run", "--help"]).output().expect("zigttp starts");
    let help = String::from_utf8(output.stdout).expect("help is text");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md is there");
    // A value as the help has it: `100,000` and `1 MiB` are for people.
    let bare = |text: &str| text.replace([' ', ','], "");
    let rows = table("| bound | default | beyond it |");
    let mut bounds: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| terms(cells(row)[0]))
        .filter_map(|term| term.strip_prefix("--"))
        .collect();
    for option in help.split("\n      --").skip(1) {
        let name = option.split([' ', '\n']).next().expect("a flag has a name");
        let is_told = readme.split(&format!("--{name}")).skip(1).any(|rest| {
            !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-')
        });
        assert!(is_told, "--{name}");
        let Some(row) =
            rows.iter().find(|row| terms(cells(row)[0]).any(|it| it == format!("--{name}")))
        else {
            continue;
        };
        bounds.remove(name);
        let default = option.split("[default: ").nth(1).and_then(|rest| rest.split(']').next());
        // Some are told in words.
        if let Some(default) = default.filter(|it| !it.contains([' ', '\n'])) {
            assert!(bare(cells(row)[1]).contains(default), "--{name} is {default}: {row}");
        }
    }
    assert_eq!(bounds, BTreeSet::new(), "flags that there are not");
}
