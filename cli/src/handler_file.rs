//! A handler on a disk, as the compiler reads it: an entry and a function that reads modules.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use zigts_compiler::{Decorators, Entry, Modules, PackageType, ReadError, Request};
use zigts_rules::import::ModuleName;

use crate::node_packages::{NodePackages, PackageTypes};
use crate::overlay::{self, Overlay};
use crate::package_costs::{PackageCost, PackageCosts};

/// The compiler reads files with these extensions as source text.
const EXTENSIONS: [&str; 4] = ["ts", "mts", "js", "mjs"];

/// Longer than any module that is written by hand.
const MAX_MODULE_BYTES: u64 = 16 << 20;

/// A handler's entry file, found and read.
pub struct HandlerFile {
    folder: PathBuf,
    name: ModuleName,
    text: String,
    decorators: Decorators,
    packages: NodePackages,
}

impl HandlerFile {
    /// Reads the entry file at a path, or its text in the overlay.
    ///
    /// # Errors
    /// When it cannot be read, or is not a source file, or its `tsconfig.json` cannot be read.
    pub fn open(path: &Path, overlay: &Overlay) -> anyhow::Result<HandlerFile> {
        let shown = path.display();
        let text = match overlay.get(path) {
            Some(text) => text.to_owned(),
            None => {
                std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?
            }
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| is_source(path)) else {
            bail!("`{shown}` is not a handler: its name should end in .ts, .mts, .js or .mjs");
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let name = ModuleName::new(name);
        let packages = NodePackages::new(&folder);
        let decorators = packages.decorators(&name)?;
        Ok(HandlerFile { folder, name, text, decorators, packages })
    }

    /// The entry for the compiler.
    pub fn entry(&self) -> Entry {
        Entry { name: self.name.clone(), text: self.text.clone(), decorators: self.decorators }
    }

    /// Reads a module of the handler, or its text in the overlay.
    ///
    /// # Errors
    /// When it does not exist, or cannot be read.
    fn read(&self, module: &ModuleName, overlay: &Overlay) -> Result<String, ReadError> {
        let path = self.folder.join(module.as_str());
        if let Some(text) = overlay.get(&path) {
            return Ok(text.to_owned());
        }
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::NotFound,
            io::ErrorKind::InvalidData => ReadError::Unreadable("it is not UTF-8 text".to_owned()),
            _ => ReadError::Unreadable(error.to_string()),
        };
        // The source may come from a stranger, and the path be a link to a device that never ends.
        let found = std::fs::metadata(&path).map_err(unreadable)?;
        if found.is_dir() {
            return Err(ReadError::NotFound);
        }
        if !found.is_file() {
            return Err(ReadError::Unreadable("it is not a plain file".to_owned()));
        }
        if found.len() > MAX_MODULE_BYTES {
            return Err(ReadError::Unreadable("it is over 16 MiB".to_owned()));
        }
        std::fs::read_to_string(path).map_err(unreadable)
    }

    /// The modules of the handler, for the compiler.
    pub fn modules<'a>(&'a self, overlay: &'a Overlay) -> HandlerModules<'a> {
        HandlerModules {
            file: self,
            overlay,
            types: PackageTypes::default(),
            costs: PackageCosts::default(),
        }
    }

    /// A module's path as the user would write it.
    pub fn path_of(&self, module: &ModuleName) -> String {
        overlay::plain(&self.folder.join(module.as_str())).display().to_string()
    }
}

/// The modules of a handler on a disk.
pub struct HandlerModules<'a> {
    file: &'a HandlerFile,
    overlay: &'a Overlay,
    types: PackageTypes,
    costs: PackageCosts,
}

impl HandlerModules<'_> {
    /// The packages that were loaded: the name of each, its version if it has one, and what it costs.
    pub fn into_packages(self) -> Vec<(String, Option<String>, PackageCost)> {
        let HandlerModules { file, costs, .. } = self;
        let costs = costs.into_list().into_iter();
        costs.map(|(name, module, cost)| (name, file.packages.version(&module), cost)).collect()
    }
}

impl Modules for HandlerModules<'_> {
    fn read(&mut self, module: &ModuleName) -> Result<String, ReadError> {
        self.costs.next(module);
        let text = self.file.read(module, self.overlay)?;
        self.costs.has_read(&text);
        Ok(text)
    }

    fn find(
        &mut self,
        importer: &ModuleName,
        specifier: &str,
        request: Request,
    ) -> Result<Option<ModuleName>, String> {
        self.file.packages.find(importer, specifier, request)
    }

    fn package_type(&mut self, module: &ModuleName) -> Option<PackageType> {
        self.file.packages.package_type(module, &mut self.types)
    }
}

/// Whether the compiler reads a file as source text, by its name.
pub fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use zigts_compiler::Decorators;
    use zigts_rules::import::ModuleName;

    use super::{HandlerFile, NodePackages};

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
            let file = HandlerFile {
                folder: PathBuf::from(folder),
                name,
                text: String::new(),
                decorators: Decorators::Standard,
                packages: NodePackages::new(Path::new(folder)),
            };
            assert_eq!(file.path_of(&ModuleName::new(module)), expected);
        }
    }
}
