//! Whether what is in the durable folder can be written.
//!
//! Whoever cannot write says so here, and each second tries again until it can: a server that is not ready gets no
//! events with which it could notice that the disk is well again.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What of the folder cannot be written, and why.
#[derive(Default)]
pub struct Health(Mutex<Problems>);

/// The problem of each part, if there is one.
#[derive(Default)]
struct Problems {
    database: Option<Arc<str>>,
    files: Option<Arc<str>>,
}

/// What is written by a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Database,
    Files,
}

impl Health {
    /// Why the folder cannot be written, as one line.
    pub fn problem(&self) -> Option<Arc<str>> {
        self.lock().first().cloned()
    }

    pub(crate) fn is_failing(&self, part: Part) -> bool {
        self.lock().of(part).is_some()
    }

    /// A part could not be written.
    pub(crate) fn has_failed(&self, part: Part, problem: &dyn Display) {
        let mut problems = self.lock();
        if problems.of(part).is_some() {
            return;
        }
        if problems.first().is_none() {
            tracing::error!("the store cannot be written: {problem}");
        }
        *problems.of(part) = Some(problem.to_string().into());
    }

    /// A part was written again.
    pub(crate) fn is_well(&self, part: Part) {
        let mut problems = self.lock();
        if problems.of(part).take().is_some() && problems.first().is_none() {
            tracing::info!("the store can be written again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Problems> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Problems {
    fn first(&self) -> Option<&Arc<str>> {
        self.database.as_ref().or(self.files.as_ref())
    }

    fn of(&mut self, part: Part) -> &mut Option<Arc<str>> {
        match part {
            Part::Database => &mut self.database,
            Part::Files => &mut self.files,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_well_when_each_part_is_and_the_first_problem_is_told() {
        let health = Health::default();
        assert_eq!(health.problem(), None);
        health.has_failed(Part::Files, &"a file");
        health.has_failed(Part::Files, &"another file");
        assert_eq!(health.problem().as_deref(), Some("a file"));
        health.has_failed(Part::Database, &"the database");
        health.is_well(Part::Files);
        assert_eq!(health.problem().as_deref(), Some("the database"));
        health.is_well(Part::Database);
        assert_eq!(health.problem(), None);
    }
}
