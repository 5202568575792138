//! Which test files there are, and which handler each is about.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use zigts_compiler::is_test;

use crate::checking::source_files;

/// A test file.
pub struct Found {
    pub tests: PathBuf,
    /// `None` if there is none where it would be.
    pub handler: Option<PathBuf>,
}

/// What a handler is called that is not named as its test.
const HANDLER: &str = "handler";

const EXTENSIONS: [&str; 4] = ["ts", "mts", "js", "mjs"];

/// The test files named, and those in the folders named, as `zigts check` finds files. With a handler all are about that.
///
/// # Errors
/// When a file or folder cannot be read, or there is no test.
pub fn find(paths: &[PathBuf], handler: Option<&Path>) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            if !is_test_file(path) {
                bail!("`{}` is not a test: its name should end in .test.ts", path.display());
            }
            std::fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        for file in source_files(path) {
            let file = file.with_context(|| format!("cannot read `{}`", path.display()))?;
            found.extend(file.filter(|file| is_test_file(file)));
        }
        if found.len() == before {
            bail!("there is no test in `{}`: files *.test.ts are tests", path.display());
        }
    }
    let found = found.into_iter().map(|tests| {
        // Without the `./` that a walk of this folder begins with.
        let tests = tests.strip_prefix(".").map(Path::to_owned).unwrap_or(tests);
        let handler = handler.map(Path::to_owned).or_else(|| handler_of(&tests));
        Found { tests, handler }
    });
    Ok(found.collect())
}

fn is_test_file(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(is_test)
}

/// The handler of a test file `chat.test.ts`: `chat.ts` beside it, else `handler.ts`; else the same in a folder above, up
/// to that of a `package.json`.
fn handler_of(tests: &Path) -> Option<PathBuf> {
    let name = tests.file_name()?.to_str()?;
    let own = name.split(".test.").next()?;
    let mut folder = tests.parent().unwrap_or(Path::new("")).to_owned();
    // Where a relative path ends, the folders above are still there.
    for _ in 0..16 {
        for stem in [own, HANDLER] {
            let files =
                EXTENSIONS.iter().map(|extension| folder.join(format!("{stem}.{extension}")));
            if let Some(file) = files.into_iter().find(|file| file.is_file()) {
                return Some(file);
            }
        }
        if folder.join("package.json").is_file() {
            return None;
        }
        folder = match folder.parent() {
            Some(above) if folder.file_name().is_some() => above.to_owned(),
            _ => return None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_test_is_about_the_handler_of_its_name_or_the_nearest_handler() {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let root = folder.path();
        fs::create_dir_all(root.join("app/tests")).expect("it is writable");
        fs::write(root.join("handler.ts"), "").expect("it is writable");
        fs::write(root.join("app/package.json"), "{}").expect("it is writable");
        let of = |path: &str| handler_of(&root.join(path));
        assert_eq!(of("app/tests/chat.test.ts"), None, "the package ends there");
        fs::write(root.join("app/handler.mts"), "").expect("it is writable");
        assert_eq!(of("app/tests/chat.test.ts"), Some(root.join("app/handler.mts")));
        fs::write(root.join("app/chat.ts"), "").expect("it is writable");
        assert_eq!(of("app/tests/chat.test.ts"), Some(root.join("app/chat.ts")));
        assert_eq!(of("app/chat.slow.test.ts"), Some(root.join("app/handler.mts")));
    }
}
