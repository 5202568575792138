//! What one run of an event waits for: its questions to the outside, and its timers.
//!
//! The run gets them one at a time, the earliest first, when it has nothing else to do. Its clock stands still
//! but for a step to the time of each.

use std::time::Duration;

use crate::journal::{EntryId, Journal};

/// What a run waits for.
#[derive(Default)]
pub(crate) struct Asks {
    all: Vec<Asked>,
    /// Time since the event began, as this run sees it.
    clock: Duration,
}

struct Asked {
    what: What,
    /// Whether the guest still waits for it.
    is_pending: bool,
}

enum What {
    Question(EntryId),
    /// Due at this time.
    Timer(Duration),
}

impl Asked {
    /// When it was settled, if it is.
    fn settled_at(&self, journal: &Journal) -> Option<Duration> {
        match self.what {
            What::Question(entry) => journal.settled_at(entry),
            What::Timer(due) => Some(due).filter(|due| *due <= journal.horizon()),
        }
    }
}

/// What a run does when it has nothing left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Goes on with this one.
    Settled(usize),
    /// Waits.
    Pending,
    /// There is nothing that it could wait for.
    None,
}

impl Asks {
    /// The guest waits for a question.
    pub(crate) fn question(&mut self, entry: EntryId) -> usize {
        self.push(What::Question(entry))
    }

    /// The guest waits for a timer.
    pub(crate) fn timer(&mut self, delay: Duration) -> usize {
        self.push(What::Timer(self.clock.saturating_add(delay)))
    }

    fn push(&mut self, what: What) -> usize {
        self.all.push(Asked { what, is_pending: true });
        self.all.len() - 1
    }

    /// The entry of a question.
    pub(crate) fn entry(&self, ask: usize) -> Option<EntryId> {
        match self.all.get(ask)?.what {
            What::Question(entry) => Some(entry),
            What::Timer(_) => None,
        }
    }

    /// The guest waits no longer. Returns the entry if it was a question.
    pub(crate) fn give_up(&mut self, ask: usize) -> Option<EntryId> {
        let asked = self.all.get_mut(ask).filter(|asked| asked.is_pending)?;
        asked.is_pending = false;
        self.entry(ask)
    }

    /// Time since the event began, as this run sees it.
    pub(crate) fn clock(&self) -> Duration {
        self.clock
    }

    /// Takes the earliest that is settled, and steps the clock to its time.
    pub(crate) fn next(&mut self, journal: &Journal) -> Next {
        let mut earliest: Option<(Duration, usize)> = None;
        let mut is_any_pending = false;
        for (ask, asked) in self.all.iter().enumerate().filter(|(_, asked)| asked.is_pending) {
            is_any_pending = true;
            if let Some(at) = asked.settled_at(journal)
                && earliest.is_none_or(|(known, _)| at < known)
            {
                earliest = Some((at, ask));
            }
        }
        match earliest {
            Some((at, ask)) => {
                self.all[ask].is_pending = false;
                self.clock = self.clock.max(at);
                Next::Settled(ask)
            }
            None if is_any_pending => Next::Pending,
            None => Next::None,
        }
    }

    /// Whether anything is settled that the guest has not gone on with.
    pub(crate) fn has_settled(&self, journal: &Journal) -> bool {
        let mut pending = self.all.iter().filter(|asked| asked.is_pending);
        pending.any(|asked| asked.settled_at(journal).is_some())
    }

    /// The questions that the guest waits for.
    pub(crate) fn pending_questions(&self) -> impl Iterator<Item = EntryId> + '_ {
        let pending = self.all.iter().filter(|asked| asked.is_pending);
        pending.filter_map(|asked| match asked.what {
            What::Question(entry) => Some(entry),
            What::Timer(_) => None,
        })
    }

    /// When the earliest timer is due that the guest waits for.
    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let pending = self.all.iter().filter(|asked| asked.is_pending);
        let due = pending.filter_map(|asked| match asked.what {
            What::Timer(due) => Some(due),
            What::Question(_) => None,
        });
        due.min()
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        2 * self.all.len() * size_of::<Asked>()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::journal::{Answer, Ask, Fingerprint};

    fn question(journal: &mut Journal, asks: &mut Asks, what: &str) -> (usize, EntryId) {
        let fingerprint = Fingerprint::of(&[what.as_bytes()]);
        let ask = Ask::Compute { work: Box::new(Answer::default), cost: Duration::ZERO, bytes: 0 };
        let found = journal.find(fingerprint);
        let entry = found.unwrap_or_else(|| journal.add(fingerprint, None, ask));
        (asks.question(entry), entry)
    }

    #[test]
    fn a_run_gets_the_earliest_first_and_its_clock_steps_along() {
        let mut journal = Journal::begin(0);
        let mut asks = Asks::default();
        let late = asks.timer(Duration::from_millis(300));
        let (fetch, entry) = question(&mut journal, &mut asks, "fetch");
        let early = asks.timer(Duration::from_millis(100));
        assert_eq!(asks.next(&journal), Next::Pending);
        assert_eq!(asks.next_timer(), Some(Duration::from_millis(100)));
        journal.take_new();
        journal.settle(entry, Answer { head: Bytes::new(), body: Bytes::new() });
        journal.end_wait(Duration::from_millis(200), false);
        assert!(asks.has_settled(&journal));
        assert_eq!(asks.next(&journal), Next::Settled(early));
        assert_eq!(asks.clock(), Duration::from_millis(100));
        assert_eq!(asks.next(&journal), Next::Settled(fetch));
        assert_eq!(asks.clock(), Duration::from_millis(200));
        assert_eq!(asks.next(&journal), Next::Pending);
        assert!(!asks.has_settled(&journal));
        asks.give_up(late);
        assert_eq!(asks.next(&journal), Next::None);
    }

    #[test]
    fn between_questions_of_one_wait_the_order_of_asking_decides() {
        let mut journal = Journal::begin(0);
        let mut asks = Asks::default();
        let (first, slow) = question(&mut journal, &mut asks, "slow");
        let (_, quick) = question(&mut journal, &mut asks, "quick");
        journal.take_new();
        journal.settle(quick, Answer::default());
        journal.settle(slow, Answer::default());
        journal.end_wait(Duration::from_millis(1), false);
        assert_eq!(asks.next(&journal), Next::Settled(first));
    }
}
