//! A handler on a disk, as the compiler wants it: an entry and a function that reads modules.

use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use zigts_compiler::{Entry, ReadError};
use zigts_rules::model::ModuleName;

/// What the compiler takes for source text.
const EXTENSIONS: [&str; 4] = ["ts", "mts", "js", "mjs"];

/// A handler's entry file, found and read.
pub struct HandlerFile {
    folder: PathBuf,
    name: ModuleName,
    text: String,
}

impl HandlerFile {
    /// Reads the entry file at a path.
    ///
    /// # Errors
    /// When it cannot be read, or is no source file.
    pub fn open(path: &Path) -> anyhow::Result<HandlerFile> {
        let shown = path.display();
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
        let is_source = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| EXTENSIONS.contains(&extension));
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| is_source) else {
            bail!("`{shown}` is no handler: it should end in .ts, .mts, .js or .mjs");
        };
        Ok(HandlerFile {
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            name: ModuleName::new(name),
            text,
        })
    }

    /// The entry as the compiler wants it.
    pub fn entry(&self) -> Entry {
        Entry { name: self.name.clone(), text: self.text.clone() }
    }

    /// Reads a module of the handler.
    ///
    /// # Errors
    /// When there is none of this name, or it cannot be read.
    pub fn read(&self, module: &ModuleName) -> Result<String, ReadError> {
        let path = self.folder.join(module.as_str());
        if path.is_dir() {
            return Err(ReadError::NotFound);
        }
        std::fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::NotFound,
            io::ErrorKind::InvalidData => ReadError::Unreadable("it is not UTF-8 text".to_owned()),
            _ => ReadError::Unreadable(error.to_string()),
        })
    }

    /// The path under which the user knows a module.
    pub fn path_of(&self, module: &ModuleName) -> String {
        let mut path = PathBuf::new();
        for part in self.folder.join(module.as_str()).components() {
            let last = path.components().next_back();
            match (part, last) {
                (Component::ParentDir, Some(Component::Normal(_))) => {
                    path.pop();
                }
                (Component::CurDir, _) => {}
                (part, _) => path.push(part),
            }
        }
        path.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use zigts_rules::model::ModuleName;

    use super::HandlerFile;

    #[test]
    fn paths_are_shown_as_the_user_would_write_them() {
        for (folder, module, expected) in [
            ("", "chat.ts", "chat.ts"),
            ("examples/websocket", "chat.ts", "examples/websocket/chat.ts"),
            ("examples/websocket", "../names.ts", "examples/names.ts"),
            ("./app", "lib/a.ts", "app/lib/a.ts"),
            ("..", "../a.ts", "../../a.ts"),
            ("/srv/app", "a.ts", "/srv/app/a.ts"),
        ] {
            let name = ModuleName::new("chat.ts");
            let file = HandlerFile { folder: PathBuf::from(folder), name, text: String::new() };
            assert_eq!(file.path_of(&ModuleName::new(module)), expected);
        }
    }
}
