//! Handlers with a few things changed at random: whatever comes out is checked to the end.
//!
//! `ZIGTS_MUTATIONS=100000 cargo test mutated` goes on for longer; `ZIGTS_SEED` repeats a run.

use std::path::Path;

use crate::support::check;

/// What is put in: what ends, begins or confuses things.
const PIECES: &[&str] = &[
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "<",
    ">",
    "`",
    "${",
    "\"",
    "'",
    "/*",
    "*/",
    "//",
    "\n",
    "\u{2028}",
    ";",
    ",",
    ":",
    "?",
    "=>",
    "=",
    "...",
    "@",
    "#",
    "\\",
    "\\u{110000}",
    "/",
    "0x",
    "1e",
    "😀",
    "\0",
    "async ",
    "await ",
    "yield ",
    "function ",
    "class ",
    "export ",
    "export default ",
    "import ",
    "import(",
    " from \"zigttp:websocket\"",
    "* as ",
    "type ",
    "enum ",
    "namespace ",
    "declare ",
    "abstract ",
    "const ",
    "let ",
    "var ",
    "using ",
    "new ",
    "typeof ",
    "delete ",
    "in ",
    "of ",
    "for (",
    "while (",
    "if (",
    "else ",
    "try {",
    "catch ",
    "finally ",
    "switch (",
    "case ",
    "return ",
    "throw ",
    "super",
    "this",
    "arguments",
    "eval",
    "onMessage",
    "onOpen",
    "routes",
    "send(",
    "close(ws, 1005)",
    "getWebSockets(",
    "/** @effects pure */",
    "/** @effects */",
    "// zigts-ignore ",
    "// zigts-ignore-file ZTS310: x\n",
    "as any",
    "satisfies ",
    "!",
    "?.",
    "??=",
];

#[test]
fn mutated_handlers_are_checked_to_the_end() {
    let cases = number("ZIGTS_MUTATIONS").unwrap_or(1_500);
    let seed = number("ZIGTS_SEED").unwrap_or(1);
    let mut random = fastrand::Rng::with_seed(seed);
    let sources = sources();
    for case in 0..cases {
        let mut text = sources[random.usize(..sources.len())].clone();
        for _ in 0..random.usize(1..6) {
            mutate(&mut random, &mut text, &sources);
        }
        let blame = Blame { seed, case, text: &text };
        let report = check(&[("app.ts", &text), ("lib.ts", "export const a = 1;")]);
        for diagnostic in &report.diagnostics {
            let file = report.sources.file(diagnostic.span.module);
            let span = diagnostic.span.start as usize..diagnostic.span.end as usize;
            assert!(file.text().get(span).is_some(), "{diagnostic:?} lies outside");
        }
        std::mem::forget(blame);
    }
}

/// Says which text was checked when the test did not get past it.
struct Blame<'a> {
    seed: u64,
    case: u64,
    text: &'a str,
}

impl Drop for Blame<'_> {
    #[expect(
        clippy::disallowed_macros,
        clippy::print_stderr,
        reason = "it is how a test explains itself"
    )]
    fn drop(&mut self) {
        eprintln!("seed {}, case {}:\n{}", self.seed, self.case, self.text);
    }
}

fn mutate(random: &mut fastrand::Rng, text: &mut String, others: &[String]) {
    let start = place(random, text);
    let end = (start + random.usize(..40)).min(text.len());
    let end = (end..=text.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(text.len());
    match random.u8(..6) {
        0 => text.replace_range(start..end, ""),
        1 | 2 => text.insert_str(start, PIECES[random.usize(..PIECES.len())]),
        3 => text.insert_str(start, &text[start..end].repeat(random.usize(1..30))),
        4 => {
            let piece = text[start..end].to_owned();
            let to = place(random, text);
            text.insert_str(to, &piece);
        }
        _ => {
            let other = &others[random.usize(..others.len())];
            let from = place(random, other);
            text.insert_str(start, &other[from..]);
        }
    }
}

fn place(random: &mut fastrand::Rng, text: &str) -> usize {
    let at = random.usize(..=text.len());
    (at..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("it is a number"))
}

/// The corpus and the fixtures of all rules.
fn sources() -> Vec<String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let mut folders = vec![fixtures.join("corpus"), fixtures.join("rules")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ts") {
                sources.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(sources.len() > 50, "the fixtures have moved");
    sources
}
