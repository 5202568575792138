//! `--fix` and `--fix-dry-run`: fixes of diagnostics, made in memory until none is left.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use zigts_compiler::fix::fixed;
use zigts_rules::levels::Levels;
use zigts_rules::printable::printable;

use crate::checking::{self, Candidate, Checked};
use crate::overlay::Overlay;
use crate::user_file;

/// One fix can make another possible, but not for ever.
const MAX_ROUNDS: usize = 8;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Fixes what can be fixed, in the overlay, and checks again.
pub(super) fn fix(
    mut checked: Vec<Checked>,
    candidates: &[Candidate],
    overlay: &mut Overlay,
    levels: &Levels,
) -> anyhow::Result<Vec<Checked>> {
    for _ in 0..MAX_ROUNDS {
        let mut changed = Overlay::default();
        for Checked { file, report } in &checked {
            let texts = fixed(report);
            let path = |module| file.path_of(report.sources.file(module).name());
            // A module of two handlers is changed for one of them in each round.
            if texts.iter().any(|(module, _)| changed.get(Path::new(&path(*module))).is_some()) {
                continue;
            }
            for (module, text) in texts {
                changed.set(Path::new(&path(module)), text);
            }
        }
        if changed.iter().next().is_none() {
            break;
        }
        for (path, text) in changed.iter() {
            overlay.set(path, text.to_owned());
        }
        checked = checking::check(candidates, overlay, levels)?;
    }
    Ok(checked)
}

/// Writes the changed files.
pub(super) fn write(overlay: &Overlay) -> anyhow::Result<()> {
    for (path, text) in overlay.iter() {
        let old = read(path)?;
        let mark = if old.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { "" };
        user_file::write(path, format!("{mark}{text}").as_bytes())
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

/// Prints what would change as a patch.
pub(super) fn print(overlay: &Overlay) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    for (path, text) in overlay.iter() {
        let old = read(path)?;
        let old = old.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&old);
        let shown = path.display();
        let diff = similar::TextDiff::from_lines(old, text);
        let names = (format!("a/{shown}"), format!("b/{shown}"));
        let patch = diff.unified_diff().header(&names.0, &names.1).to_string();
        if std::io::stdout().is_terminal() {
            for line in patch.split_inclusive('\n') {
                let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
                write!(output, "{}{end}", printable(line))?;
            }
        } else {
            // Programs need it exactly.
            write!(output, "{patch}")?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
