//! How a handler comes to load the modules of packages.

use std::collections::{BTreeMap, VecDeque};

use crate::import::Target;
use crate::model::HandlerModel;
use crate::span::{ModuleId, Span};

/// Most modules of a chain that are shown, the first ones and the last: longer ones say no more.
const MAX_SHOWN: usize = 6;

/// The shortest ways to modules of packages, by module.
pub(crate) struct ImportChains(BTreeMap<ModuleId, Link>);

/// The last step of such a way.
struct Link {
    importer: ModuleId,
    /// The import in a module of the handler's own that the way begins with.
    start: Span,
}

impl ImportChains {
    /// Those of a handler. Imports that are only asked for when a function runs count as well.
    pub(crate) fn of(handler: &HandlerModel) -> ImportChains {
        let mut links: BTreeMap<ModuleId, Link> = BTreeMap::new();
        let is_own = |id: ModuleId| handler.module(id).name.package().is_none();
        let mut queue: VecDeque<ModuleId> =
            (0..handler.modules.len()).map(ModuleId::new).filter(|&id| is_own(id)).collect();
        while let Some(importer) = queue.pop_front() {
            for import in &handler.module(importer).imports {
                let Target::Module(id) = import.target else { continue };
                if is_own(id) || links.contains_key(&id) {
                    continue;
                }
                let start = links.get(&importer).map_or(import.span, |link| link.start);
                links.insert(id, Link { importer, start });
                queue.push_back(id);
            }
        }
        ImportChains(links)
    }

    /// The import of the handler's own that leads to a module of a package.
    pub(crate) fn start(&self, module: ModuleId) -> Option<Span> {
        self.0.get(&module).map(|link| link.start)
    }

    /// The modules from the handler's own to this one, as a line for people.
    pub(crate) fn describe(&self, handler: &HandlerModel, module: ModuleId) -> String {
        let name = |id: ModuleId| {
            let name = handler.module(id).name.as_str();
            // What stands before it is the same for all, and long where packages are linked.
            let start = name.rfind("node_modules/").map_or(0, |at| at + "node_modules/".len());
            format!("`{}`", &name[start..])
        };
        let mut chain = vec![name(module)];
        let mut at = module;
        while let Some(link) = self.0.get(&at) {
            chain.push(name(link.importer));
            at = link.importer;
        }
        chain.reverse();
        if chain.len() > MAX_SHOWN {
            let omitted = chain.len() - MAX_SHOWN;
            chain.splice(MAX_SHOWN / 2..MAX_SHOWN / 2 + omitted, ["…".to_owned()]);
        }
        chain.join(" → ")
    }
}
