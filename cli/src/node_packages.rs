//! Packages in `node_modules`, and the aliases of `tsconfig.json`, found by the rules of Node.js and `tsc`.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use anyhow::bail;
use oxc_resolver::{
    FileMetadata, FileSystem, FileSystemOs, Resolution, ResolveError, ResolveOptions,
    ResolverGeneric, TsconfigDiscovery,
};
use serde_json::Value;
use zigts_compiler::{Decorators, PackageType, Request};
use zigts_rules::import::{ModuleName, package_of};

/// Conditions of `exports` that hold here, besides that of the request. A package for browsers expects a page, so
/// `browser` is none of them.
const CONDITIONS: [&str; 3] = ["zigttp", "worker", "default"];

/// Names the files that a package has in place of those for Node.js; mostly they do without what only that has.
const REPLACEMENTS: &str = "browser";

/// A `package.json` or `tsconfig.json` that is longer is none.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// Finds the modules of one handler that are outside of its own.
pub struct NodePackages {
    /// The folder that module names are relative to, absolute and without links.
    folder: PathBuf,
    /// For what TypeScript imports, where `./a.js` means `a.ts`.
    source: Resolver,
    /// For packages, as they are published.
    import: Resolver,
    require: Resolver,
}

/// The `type` of `package.json` by folder, as far as it has been asked for; `None` where there is none.
pub type PackageTypes = HashMap<PathBuf, Option<PackageType>>;

impl NodePackages {
    /// For a handler whose entry lies in this folder.
    pub fn new(folder: &Path) -> NodePackages {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let source = Resolver::new(options_of_source());
        let import = source.clone_with_options(options("import"));
        let require = source.clone_with_options(options("require"));
        NodePackages { folder, source, import, require }
    }

    /// Finds what a specifier means in a module; `None` if it means nothing.
    ///
    /// # Errors
    /// When there is a package or configuration that does not lead on; the text says why.
    pub fn find(
        &self,
        importer: &ModuleName,
        specifier: &str,
        request: Request,
    ) -> Result<Option<ModuleName>, String> {
        let published = match request {
            Request::Import => &self.import,
            Request::Require => &self.require,
        };
        let is_own = importer.package().is_none();
        let importer = self.folder.join(importer.as_str());
        let importer = fs::canonicalize(&importer).unwrap_or(importer);
        let mut found = match published.resolve_file(&importer, specifier) {
            // A package wants nothing in place of it. What is there says better what is missing.
            Err(ResolveError::Ignored(_)) => self.source.resolve_file(&importer, specifier),
            found => found,
        };
        let is_in_package =
            |it: &Resolution| it.path().components().any(|part| part.as_os_str() == "node_modules");
        // What is no package is source of one's own, by an alias or the link of a workspace.
        if is_own && !found.as_ref().is_ok_and(is_in_package) {
            found = self.source.resolve_file(&importer, specifier).or(found);
        }
        match found {
            Ok(found) => Ok(self.name_of(found.path())),
            Err(
                ResolveError::NotFound(_)
                | ResolveError::Builtin { .. }
                | ResolveError::MatchedAliasNotFound(..)
                | ResolveError::PackageImportNotDefined(..)
                | ResolveError::ExtensionAlias(..)
                | ResolveError::Ignored(_),
            ) => match installed(&importer, specifier) {
                Some(package) => Err(format!("`{package}` is installed, and has no such file")),
                None => Ok(None),
            },
            Err(ResolveError::PackagePathNotExported { subpath, .. }) => {
                Err(format!("the package does not export `{subpath}`"))
            }
            Err(error) => Err(reason(&error)),
        }
    }

    /// What decorators do in a module, as its `tsconfig.json` says.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn decorators(&self, module: &ModuleName) -> anyhow::Result<Decorators> {
        let found = match self.import.find_tsconfig(self.folder.join(module.as_str())) {
            Ok(found) => found,
            Err(ResolveError::TsconfigLoadFailed { path, source }) => {
                bail!("cannot read `{}`: {}", path.display(), reason(&source))
            }
            Err(error) => bail!("cannot read tsconfig.json: {}", reason(&error)),
        };
        let Some(found) = found else { return Ok(Decorators::Standard) };
        let options = &found.compiler_options;
        Ok(if options.experimental_decorators == Some(true) {
            if options.use_define_for_class_fields == Some(false) {
                bail!(
                    "`{}` sets `useDefineForClassFields` to false, which is not supported with decorators: fields are defined on an object, not assigned to it",
                    found.path().display()
                );
            }
            let with_metadata = options.emit_decorator_metadata == Some(true);
            Decorators::Legacy { with_metadata }
        } else {
            Decorators::Standard
        })
    }

    /// The `type` of the nearest `package.json`.
    pub fn package_type(
        &self,
        module: &ModuleName,
        known: &mut PackageTypes,
    ) -> Option<PackageType> {
        let mut folder = self.folder.join(module.as_str());
        let mut passed = Vec::new();
        let mut found = None;
        while folder.pop() {
            if let Some(&of_folder) = known.get(&folder) {
                found = of_folder;
                break;
            }
            passed.push(folder.clone());
            if let Some(package) = read_package(&folder) {
                found = match package.get("type").and_then(Value::as_str) {
                    Some("module") => Some(PackageType::Module),
                    Some("commonjs") => Some(PackageType::CommonJs),
                    _ => None,
                };
                break;
            }
            // What lies outside of a package has no type.
            if folder.ends_with("node_modules") {
                break;
            }
        }
        known.extend(passed.into_iter().map(|folder| (folder, found)));
        found
    }

    /// The version of the package that a module belongs to.
    pub fn version(&self, module: &ModuleName) -> Option<String> {
        let package = module.package()?;
        let name = module.as_str();
        let folder = format!("node_modules/{package}");
        let root = &name[..name.rfind(&folder)? + folder.len()];
        let package = read_package(&self.folder.join(root))?;
        Some(package.get("version")?.as_str()?.to_owned())
    }

    /// A file as its path from the handler's folder.
    fn name_of(&self, file: &Path) -> Option<ModuleName> {
        let (mut from, mut to) =
            (self.folder.components().peekable(), file.components().peekable());
        while from.peek().is_some() && from.peek() == to.peek() {
            from.next();
            to.next();
        }
        let up = from.map(|_| "..".to_owned());
        let down = to.map(|part| match part {
            Component::Normal(name) => name.to_str().map(str::to_owned),
            _ => None,
        });
        let parts: Option<Vec<String>> = up.map(Some).chain(down).collect();
        Some(ModuleName::new(parts?.join("/")))
    }
}

type Resolver = ResolverGeneric<PlainFiles>;

/// The file system, of which only plain files of a bounded length are read: a package may come from a stranger, and
/// a pipe or device never ends.
struct PlainFiles;

impl FileSystem for PlainFiles {
    fn new() -> PlainFiles {
        PlainFiles
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = fs::metadata(path)?;
        if !found.is_file() || found.len() > MAX_CONFIG_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no plain file of 4 MiB at most",
            ));
        }
        fs::read(path)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        FileSystemOs::metadata(path)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        FileSystemOs::symlink_metadata(path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        FileSystemOs::read_link(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        FileSystemOs::canonicalize(path)
    }
}

/// The package that a specifier names, if it is installed where its importer looks for it.
fn installed<'a>(importer: &Path, specifier: &'a str) -> Option<&'a str> {
    if specifier.starts_with(['.', '/', '#']) {
        return None;
    }
    let package = package_of(specifier);
    let is_there = |folder: &Path| folder.join("node_modules").join(package).is_dir();
    (!package.ends_with('/') && importer.ancestors().skip(1).any(is_there)).then_some(package)
}

fn options_of_source() -> ResolveOptions {
    ResolveOptions {
        extensions: [".ts", ".mts", ".js", ".mjs", ".cjs", ".json"].map(str::to_owned).to_vec(),
        alias_fields: Vec::new(),
        extension_alias: [(".js", ".ts"), (".mjs", ".mts")]
            .map(|(to, from)| (to.to_owned(), vec![from.to_owned(), to.to_owned()]))
            .to_vec(),
        ..options("import")
    }
}

fn options(request: &str) -> ResolveOptions {
    let conditions = CONDITIONS.iter().copied().chain([request]);
    ResolveOptions {
        alias_fields: vec![vec![REPLACEMENTS.to_owned()]],
        condition_names: conditions.map(str::to_owned).collect(),
        extensions: [".js", ".mjs", ".cjs", ".json"].map(str::to_owned).to_vec(),
        // Packages from before `exports` name their ECMAScript modules so.
        main_fields: if request == "import" { vec!["module", "main"] } else { vec!["main"] }
            .into_iter()
            .map(str::to_owned)
            .collect(),
        tsconfig: Some(TsconfigDiscovery::Auto),
        builtin_modules: false,
        // No setting of this machine decides what a handler is built from.
        node_path: false,
        ..ResolveOptions::default()
    }
}

/// Why something cannot be resolved, in a line.
fn reason(error: &ResolveError) -> String {
    match error {
        ResolveError::Json(error) => {
            let file = error.path.file_name().unwrap_or_default().to_string_lossy();
            format!("`{file}`, line {}, is no JSON: {}", error.line, error.message)
        }
        error => error.to_string(),
    }
}

/// The `package.json` of a folder; `None` where there is none that can be read.
fn read_package(folder: &Path) -> Option<Value> {
    let path = folder.join("package.json");
    let is_file = |it: &fs::Metadata| it.is_file() && it.len() <= MAX_CONFIG_BYTES;
    fs::metadata(&path).ok().filter(is_file)?;
    serde_json::from_slice(&fs::read(&path).ok()?).ok()
}
