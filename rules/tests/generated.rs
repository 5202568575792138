//! `rules/README.md` is printed from the records: `UPDATE=1 cargo test generated` writes it anew.

use std::path::Path;

use zigts_rules::registry;

#[test]
fn generated_readme_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let printed = print();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &printed).expect("the repository is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(printed == committed, "{} is stale: UPDATE=1 cargo test generated", path.display());
}

fn print() -> String {
    let mut text = String::from(
        "# Rules\n\nWhat `zigts` checks in a handler. `zigts describe-rule CODE` prints the same pages.\n\
         This one is printed from the rules' records, by `UPDATE=1 cargo test generated`.\n\n\
         | code | name | severity | reports that the handler or a module |\n|---|---|---|---|\n",
    );
    for record in registry::records() {
        let (code, name, severity) = (record.code, record.name, record.severity.name());
        let summary = record.summary.replace('|', "\\|");
        text += &format!(
            "| [{code}](#{}-{name}) | {name} | {severity} | {summary} |\n",
            code.to_lowercase()
        );
    }
    for record in registry::records() {
        let (code, name, since) = (record.code, record.name, record.since);
        let (severity, category) = (record.severity.name(), record.category.name());
        // Under the rule's own heading, those of its page are one level deeper.
        let explanation = record.explanation.replace("\n## ", "\n### ");
        text +=
            &format!("\n## {code} {name}\n\n{severity}, {category}, since {since}\n{explanation}");
    }
    text
}
