//! What `env(name)` returns: names and values that the operator gives, which may be secrets.
//!
//! They are in no log, no list and no `Debug` text: only their names are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

/// Values by name.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<Box<str>, Bytes>);

impl Settings {
    /// The value of a name. Handing it out copies nothing.
    pub fn get(&self, name: &str) -> Option<Bytes> {
        self.0.get(name).cloned()
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Adds a value; it takes the place of another of its name.
    pub fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.into(), value.into());
    }

    /// Those of some names that have no value.
    pub fn missing<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        let is_missing = |name: &&str| !self.0.contains_key(*name);
        names.iter().map(String::as_str).filter(is_missing).collect()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// The settings of a server. They may be replaced while it runs; an event keeps those that it began with.
#[derive(Default)]
pub struct CurrentSettings(RwLock<Arc<Settings>>);

impl CurrentSettings {
    /// Those that an event begins with now.
    pub fn current(&self) -> Arc<Settings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces them for events that begin from now on.
    pub fn replace(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_text_has_names_and_no_values() {
        let mut settings = Settings::default();
        settings.set("API_KEY", "swordfish".to_owned());
        settings.set("MODE", "fast".to_owned());
        assert_eq!(format!("{settings:?}"), r#"{"API_KEY", "MODE"}"#);
    }

    #[test]
    fn an_event_keeps_the_settings_that_it_began_with() {
        let current = CurrentSettings::default();
        let [mut first, mut second] = [Settings::default(), Settings::default()];
        first.set("KEY", "old".to_owned());
        second.set("KEY", "new".to_owned());
        current.replace(first);
        let of_event = current.current();
        current.replace(second);
        assert_eq!(of_event.get("KEY").as_deref(), Some(&b"old"[..]));
        assert_eq!(current.current().get("KEY").as_deref(), Some(&b"new"[..]));
    }
}
