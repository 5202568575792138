//! README's table of flags is printed from their declarations: `UPDATE=1 cargo test generated` writes it anew.

use std::path::Path;

use clap::{Arg, Args, Command};
use zigttp_cli::commands::run;

const BEGIN: &str = "<!-- the flags of zigttp run: printed by UPDATE=1 cargo test generated -->\n";
const END: &str = "<!-- end of the flags -->\n";

#[test]
fn generated_table_of_flags_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md is there");
    let (before, rest) = readme.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    let printed = print();
    if std::env::var_os("UPDATE").is_some() {
        let readme = format!("{before}{BEGIN}{printed}{END}{after}");
        std::fs::write(&path, readme).expect("the repository is writable");
    } else {
        assert!(printed == table, "README.md is stale: UPDATE=1 cargo test generated");
    }
}

/// Such as "`--resume-window` (2 minutes)".
#[test]
fn defaults_in_the_text_of_the_readme_are_those_of_the_flags() {
    // The other test is writing it.
    if std::env::var_os("UPDATE").is_some() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md is there").replace('\n', " ");
    let mut checked = 0;
    for flag in command().get_arguments() {
        let [default] = flag.get_default_values() else { continue };
        let Some(name) = flag.get_long() else { continue };
        let named = format!("`--{name}` (");
        for (at, _) in readme.match_indices(&named) {
            let said = readme[at + named.len()..].split([')', ':', ';']).next().unwrap_or_default();
            let said = said
                .replace([',', ' '], "")
                .replace("minutes", "min")
                .replace("second", "s")
                .replace("days", "d");
            if said.starts_with(|first: char| first.is_ascii_digit()) {
                assert_eq!(said, default.to_string_lossy(), "--{name}");
                checked += 1;
            }
        }
    }
    assert!(checked > 3, "the text has changed its form");
}

fn command() -> Command {
    run::Arguments::augment_args(Command::new("run"))
}

fn print() -> String {
    let command = command();
    let mut text = String::from("\n| flag | default | |\n|---|---|---|\n");
    let mut last_heading = None;
    for flag in command.get_arguments().filter(|it| it.get_long().is_some()) {
        let heading = flag.get_help_heading();
        if heading != last_heading {
            text += &format!("| **{}** | | |\n", heading.unwrap_or_default());
            last_heading = heading;
        }
        text += &row(flag);
    }
    text + "\n"
}

fn row(flag: &Arg) -> String {
    let name = flag.get_long().expect("it has a long name");
    let value = flag.get_value_names().filter(|_| flag.get_action().takes_values());
    let value = value.map_or(String::new(), |names| format!(" {}", names.concat()));
    let help = flag.get_long_help().or(flag.get_help()).expect("every flag has a help text");
    let help = sentences(&help.to_string());
    // A default that is no value, or is none of the same on every machine, is a part of the text.
    let (help, in_words) = match help.split_once(" [default: ") {
        Some((before, rest)) => {
            let (default, after) = rest.split_once(']').expect("it has an end");
            (format!("{before}{after}"), default.to_owned())
        }
        None => (help, String::new()),
    };
    let values = flag.get_default_values().iter().map(|value| value.to_string_lossy());
    let default = values.map(|value| format!("`{value}`")).chain([in_words]).collect::<String>();
    let choices = flag.get_possible_values();
    let choices = choices.iter().filter_map(|it| {
        Some(format!(" `{}`: {}.", it.get_name(), uncapitalised(&it.get_help()?.to_string())))
    });
    let help = help.replace('*', "\\*") + &choices.collect::<String>();
    format!("| `--{name}{value}` | {default} | {help} |\n")
}

/// The paragraphs of a help text as one; the first has no full stop in the declaration.
fn sentences(help: &str) -> String {
    let paragraphs = help.split("\n\n").map(|it| it.replace('\n', " "));
    let sentences: Vec<_> = paragraphs.map(|it| format!("{}.", it.trim_end_matches('.'))).collect();
    sentences.join(" ")
}

fn uncapitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or(String::new(), |first| first.to_lowercase().chain(characters).collect())
}
