//! What the compiler asks of its caller: the modules of a handler.

use zigts_rules::import::{ImportKind, ModuleName};

/// Where a handler's modules come from.
///
/// A closure that reads modules is one, without packages.
pub trait Modules {
    /// Reads the text of a module.
    ///
    /// # Errors
    /// When it does not exist, or cannot be read.
    fn read(&mut self, module: &ModuleName) -> Result<String, ReadError>;

    /// Finds the module that a specifier means, where it is no relative path from a module of the handler's own: a
    /// package, an alias, or whatever stands in a module of a package. `None` if there is none.
    ///
    /// # Errors
    /// When there is something of that name that does not offer what is asked for; the text says why.
    fn find(
        &mut self,
        _importer: &ModuleName,
        _specifier: &str,
        _request: Request,
    ) -> Result<Option<ModuleName>, String> {
        Ok(None)
    }

    /// The `type` of the `package.json` that a module belongs to.
    fn package_type(&mut self, _module: &ModuleName) -> Option<PackageType> {
        None
    }
}

/// How a module asks for another one, which packages may answer differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// `import`
    Import,
    /// `require`
    Require,
}

impl Request {
    pub(crate) fn of(kind: ImportKind) -> Request {
        match kind {
            ImportKind::Require => Request::Require,
            ImportKind::Static
            | ImportKind::ReExport
            | ImportKind::ReExportAll
            | ImportKind::Dynamic
            | ImportKind::ImportRequire
            | ImportKind::Implied => Request::Import,
        }
    }
}

/// What `.js` files of a package are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageType {
    Module,
    CommonJs,
}

/// Why a module cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It does not exist; the next candidate may.
    NotFound,
    /// It exists, but its text cannot be read, for this reason.
    Unreadable(String),
}

impl<F: FnMut(&ModuleName) -> Result<String, ReadError>> Modules for F {
    fn read(&mut self, module: &ModuleName) -> Result<String, ReadError> {
        self(module)
    }
}
