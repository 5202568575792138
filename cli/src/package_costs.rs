//! What the packages of a handler add to its build.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use zigts_rules::import::ModuleName;

/// What one package adds.
#[derive(Clone, Debug, Default)]
pub struct PackageCost {
    /// How many of its modules are loaded.
    pub modules: usize,
    /// Bytes of their texts.
    pub bytes: usize,
    /// How long it took to read and parse them.
    pub time: Duration,
}

/// The costs of packages, by a module of each. The compiler reads a module and parses it before it reads the next.
#[derive(Default)]
pub struct PackageCosts {
    costs: BTreeMap<String, (ModuleName, PackageCost)>,
    /// The package whose module is being parsed, since when.
    current: Option<(String, Instant)>,
}

impl PackageCosts {
    /// A module is about to be read.
    pub fn next(&mut self, module: &ModuleName) {
        if let Some((package, since)) = self.current.take()
            && let Some((_, cost)) = self.costs.get_mut(&package)
        {
            cost.time += since.elapsed();
        }
        self.current = module.package().map(|package| {
            self.costs
                .entry(package.to_owned())
                .or_insert_with(|| (module.clone(), PackageCost::default()));
            (package.to_owned(), Instant::now())
        });
    }

    /// The module that was to be read has this text.
    pub fn has_read(&mut self, text: &str) {
        if let Some((package, _)) = &self.current
            && let Some((_, cost)) = self.costs.get_mut(package)
        {
            cost.modules += 1;
            cost.bytes += text.len();
        }
    }

    /// The packages that were loaded, by name, each with one of its modules.
    ///
    /// Of the last module that was read it is not known when it was parsed; the rest of the build follows.
    pub fn into_list(self) -> Vec<(String, ModuleName, PackageCost)> {
        let costs = self.costs.into_iter().filter(|(_, (_, cost))| cost.modules > 0);
        costs.map(|(name, (module, cost))| (name, module, cost)).collect()
    }
}

#[cfg(test)]
mod tests {
    use zigts_rules::import::ModuleName;

    use super::PackageCosts;

    #[test]
    fn modules_and_bytes_are_counted_by_package() {
        let mut costs = PackageCosts::default();
        for (name, text) in [
            ("chat.ts", "own"),
            ("node_modules/zod/index.js", "12345"),
            ("node_modules/ms/index.js", "123"),
            ("node_modules/zod/v4/core.js", "12"),
        ] {
            costs.next(&ModuleName::new(name));
            costs.has_read(text);
        }
        costs.next(&ModuleName::new("node_modules/missing/index.js"));
        let list = costs.into_list();
        let shown = list.iter().map(|(name, _, cost)| (name.as_str(), cost.modules, cost.bytes));
        assert_eq!(shown.collect::<Vec<_>>(), [("ms", 1, 3), ("zod", 2, 7)]);
    }
}
