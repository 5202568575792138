//! Replays a whole folder on all cores, and groups what differs.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use zigttp_abi::printable::printable;
pub use zigttp_sandbox::event::EventKind;

use crate::block::{Block, RecordedLimits};
use crate::describe;
use crate::ended::Part;
use crate::folder::{Recordings, Unreadable};
use crate::given_view::ReplaySettings;
use crate::pattern::Pattern;
use crate::record::Record;
use crate::replay::{Compared, Replayer, Rerun};
use crate::saved_test::{self, NoTest};

/// What is replayed, and on what.
pub struct Sweep {
    pub recordings: Recordings,
    /// The artifact; `None`: each event runs on that which it was recorded with.
    pub with: Option<Vec<u8>>,
    pub room: Option<Pattern>,
    /// Events of other kinds are left out.
    pub event: Option<EventKind>,
    /// Events that began before this time, in milliseconds since 1970, are left out.
    pub since: Option<u64>,
    pub settings: ReplaySettings,
    pub cache_dir: Option<PathBuf>,
}

/// What a sweep has found.
#[derive(Default)]
pub struct Findings {
    /// Events that ran again.
    pub events: u64,
    pub equal: u64,
    /// Those that differ, and of which something was replaced in the recording.
    pub redacted: u64,
    pub different: u64,
    /// Records that could not be read, or whose artifact is not at hand or cannot be run.
    pub left_out: u64,
    /// What could not be read, and why artifacts are not at hand; the first of each.
    pub problems: Vec<String>,
    /// How many problems there were.
    pub problem_count: u64,
    pub groups: BTreeMap<GroupKey, Group>,
}

/// What the events of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    pub part: Part,
    /// The kind of event.
    pub event: &'static str,
    /// What is thrown, or what kind of thing was not recorded; otherwise empty.
    pub what: String,
}

/// Events that differ alike.
pub struct Group {
    pub count: u64,
    /// The first of them.
    pub first: Example,
}

/// One event that differs, for people.
#[derive(Clone, Debug)]
pub struct Example {
    /// When it began, in milliseconds since 1970.
    pub at: u64,
    pub event: EventKind,
    pub room: Option<String>,
    pub connection: Option<u64>,
    pub input: Vec<String>,
    pub given: Vec<String>,
    /// What it has done on the artifact that it was recorded with; `None`: only a digest of that is known.
    pub then: Option<Vec<String>>,
    /// What it does now.
    pub now: Vec<String>,
}

/// An event that is written as a test.
pub struct SavedTest {
    /// The text of a test file.
    pub text: String,
    /// When the event began, in milliseconds since 1970.
    pub at: u64,
    pub event: EventKind,
    pub room: Option<String>,
    /// The handler on which it passes.
    pub artifact: Vec<u8>,
}

/// Why no event is written as a test.
#[derive(Debug, thiserror::Error)]
pub enum NoSavedTest {
    #[error("there is no event to save as a test")]
    NoEvent,
    #[error("the {} event{room} cannot be a test: {why}; --room, --event and --since choose another one", event.name())]
    NoTest { event: EventKind, room: String, why: NoTest },
}

/// Most problems that are told.
const MOST_PROBLEMS: usize = 20;

/// Most groups: what is thrown may hold anything.
const MOST_GROUPS: usize = 200;

/// Most events that are tried as a test.
const MOST_TRIED: usize = 50;

/// Most artifacts that are loaded at a time, each with its limits. A server has one, and another after each swap.
const MOST_LOADED: usize = 16;

/// Blocks that are read ahead, for each thread.
const AHEAD: usize = 2;

/// Longest text that events have in common.
const MAX_WHAT: usize = 200;

type Key = ([u8; 32], RecordedLimits);

/// The artifacts that were loaded.
type Loaded = Mutex<HashMap<Key, Option<Arc<Replayer>>>>;

impl Sweep {
    /// Replays everything. Blocks.
    pub fn run(&self) -> Findings {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let loaded = Loaded::default();
        let found = Mutex::new(Findings::default());
        let settings = Arc::new(self.settings.clone());
        let (to_threads, blocks) = sync_channel::<Block>(AHEAD * threads);
        let blocks = Mutex::new(blocks);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.run_blocks(&blocks, &loaded, &settings, &found));
            }
            self.read(&to_threads, &found);
            drop(to_threads);
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one event as a test: the first that differs, or if none does the first that can be a test. Blocks.
    ///
    /// # Errors
    /// When there is none.
    pub fn save_test(&self, found: &Findings) -> Result<SavedTest, NoSavedTest> {
        let no_runtime = |_| NoSavedTest::NoEvent;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(no_runtime)?;
        let differs = found.groups.values().map(|group| group.first.at).min();
        runtime.block_on(self.save_first(differs))
    }

    /// Writes the first event that differs, which began at this time; without a time the first.
    async fn save_first(&self, differs: Option<u64>) -> Result<SavedTest, NoSavedTest> {
        let (loaded, settings) = (Loaded::default(), Arc::new(self.settings.clone()));
        // What could not be read was told before.
        let mut told = Findings::default();
        let mut refused = None;
        for (_at, number, index) in self.earliest(differs) {
            let Some(block) = self.recordings.blocks().flatten().nth(number) else { continue };
            let Some(Some(record)) = block.records().nth(index) else { continue };
            let now = self.load(&block, true, &loaded, &settings, &mut told);
            let Some(now) = now else { continue };
            let is_different = || async {
                let rerun = now.run(&record).await;
                matches!(rerun.compare(&record), Compared::Different(_))
            };
            if differs.is_some() && !is_different().await {
                continue;
            }
            // A test says what the handler of the recording does, if that is at hand.
            let then = match &self.with {
                Some(_) => self.load(&block, false, &loaded, &settings, &mut told),
                None => None,
            };
            let (event, room) = (record.input.kind(), record.room.as_ref());
            match saved_test::test_of(then.as_ref().unwrap_or(&now), &record).await {
                Ok(text) => {
                    let room = room.map(|room| room.0.to_string());
                    let artifact = match (&self.with, &then) {
                        (Some(with), None) => with.clone(),
                        // It was loaded before.
                        _ => self.recordings.artifact(&block.head.artifact).unwrap_or_default(),
                    };
                    return Ok(SavedTest { text, at: record.at, event, room, artifact });
                }
                Err(why) => {
                    let room = room.map(|room| format!(" of {}", printable(&room.0)));
                    let room = room.unwrap_or_default();
                    refused.get_or_insert(NoSavedTest::NoTest { event, room, why });
                }
            }
        }
        Err(refused.unwrap_or(NoSavedTest::NoEvent))
    }

    /// The earliest events since this time, in the order of their times, each with the number of its block and its own in
    /// that. Blocks of several workers are not in that order.
    fn earliest(&self, since: Option<u64>) -> Vec<(u64, usize, usize)> {
        let mut earliest = BinaryHeap::new();
        for (number, block) in self.recordings.blocks().flatten().enumerate() {
            for (index, record) in block.records().enumerate() {
                let is_later = |record: &Record<'_>| since.is_none_or(|since| record.at >= since);
                let taken = record.filter(|record| self.takes(record) && is_later(record));
                let Some(record) = taken else { continue };
                earliest.push((record.at, number, index));
                if earliest.len() > MOST_TRIED {
                    earliest.pop();
                }
            }
        }
        earliest.into_sorted_vec()
    }

    fn read(&self, to_threads: &SyncSender<Block>, found: &Mutex<Findings>) {
        for block in self.recordings.blocks() {
            match block {
                // The threads end after this one.
                Ok(block) => to_threads.send(block).expect("the threads take blocks until the end"),
                Err(unreadable) => lock(found).tell_unreadable(&unreadable),
            }
        }
    }

    fn run_blocks(
        &self,
        blocks: &Mutex<Receiver<Block>>,
        loaded: &Loaded,
        settings: &Arc<ReplaySettings>,
        found: &Mutex<Findings>,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let Ok(runtime) = runtime else { return };
        loop {
            let block = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(block) = block else { return };
            let findings = runtime.block_on(self.run_block(&block, loaded, settings));
            lock(found).add(findings);
        }
    }

    async fn run_block(
        &self,
        block: &Block,
        loaded: &Loaded,
        settings: &Arc<ReplaySettings>,
    ) -> Findings {
        let mut found = Findings::default();
        let now = self.load(block, true, loaded, settings, &mut found);
        for record in block.records() {
            let (Some(record), Some(replayer)) = (record, &now) else {
                found.left_out += 1;
                continue;
            };
            if !self.takes(&record) {
                continue;
            }
            found.events += 1;
            let rerun = replayer.run(&record).await;
            match rerun.compare(&record) {
                Compared::Equal => found.equal += 1,
                Compared::Redacted => found.redacted += 1,
                Compared::Different(parts) => {
                    found.different += 1;
                    let new = parts.into_iter().map(|part| key(part, &record, &rerun));
                    for key in new {
                        if let Some(group) = found.groups.get_mut(&key) {
                            group.count += 1;
                            continue;
                        }
                        let then = match &self.with {
                            Some(_) => self.load(block, false, loaded, settings, &mut found),
                            None => None,
                        };
                        let then = match then {
                            Some(then) => Some(lines(&then, &then.run(&record).await, key.part)),
                            None => None,
                        };
                        let first = example(&record, then, lines(replayer, &rerun, key.part));
                        found.groups.insert(key, Group { count: 1, first });
                    }
                }
            }
        }
        found
    }

    fn takes(&self, record: &Record<'_>) -> bool {
        let of_room = self.room.as_ref().is_none_or(|pattern| {
            record.room.as_ref().is_some_and(|room| pattern.matches(&room.0))
        });
        let of_kind = self.event.is_none_or(|kind| record.input.kind() == kind);
        of_room && of_kind && self.since.is_none_or(|since| record.at >= since)
    }

    /// The artifact on which the records of a block run `is_now`, or did run.
    fn load(
        &self,
        block: &Block,
        is_now: bool,
        loaded: &Loaded,
        settings: &Arc<ReplaySettings>,
        found: &mut Findings,
    ) -> Option<Arc<Replayer>> {
        let with = self.with.as_ref().filter(|_| is_now);
        // No artifact has a hash of zeros.
        let hash = if with.is_some() { [0; 32] } else { block.head.artifact };
        let key = (hash, block.head.limits.clone());
        let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.get(&key) {
            return known.clone();
        }
        let artifact = match with {
            Some(artifact) => Ok(artifact.clone()),
            None => self.recordings.artifact(&hash),
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let replayer = match artifact {
            Ok(artifact) => Replayer::new(
                &artifact,
                &block.head.limits,
                Arc::clone(settings),
                self.cache_dir.clone(),
                threads,
            )
            .map_err(|error| format!("the artifact cannot be run: {error}")),
            Err(error) => Err(format!("the artifact of some events is not beside them: {error}")),
        };
        let replayer = replayer.map_err(|problem| found.tell(problem)).ok().map(Arc::new);
        if loaded.len() >= MOST_LOADED {
            loaded.clear();
        }
        loaded.insert(key, replayer.clone());
        replayer
    }
}

fn lock(found: &Mutex<Findings>) -> std::sync::MutexGuard<'_, Findings> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(part: Part, record: &Record<'_>, rerun: &Rerun) -> GroupKey {
    let what = match part {
        Part::Reads => rerun.missing.first().map_or("", |missing| missing.what).to_owned(),
        Part::Errors | Part::Cpu => rerun.ending(),
        _ => String::new(),
    };
    let what = what[..what.floor_char_boundary(MAX_WHAT)].to_owned();
    GroupKey { part, event: record.input.kind().name(), what }
}

/// What a run has done. Lines of other parts than those that differ tell nothing.
fn lines(replayer: &Replayer, rerun: &Rerun, part: Part) -> Vec<String> {
    let is_whole = matches!(part, Part::Reads | Part::Errors | Part::Cpu);
    let lines = replayer.lines(rerun).into_iter().filter(|(of, _)| is_whole || *of == part);
    lines.map(|(_, line)| line).collect()
}

/// One event for people.
fn example(record: &Record<'_>, then: Option<Vec<String>>, now: Vec<String>) -> Example {
    Example {
        at: record.at,
        event: record.input.kind(),
        room: record.room.as_ref().map(|room| room.0.to_string()),
        connection: record.connection,
        input: describe::input(record),
        given: describe::given(record),
        then,
        now,
    }
}

impl Findings {
    fn tell_unreadable(&mut self, unreadable: &Unreadable) {
        self.tell(unreadable.to_string());
    }

    fn tell(&mut self, problem: String) {
        self.problem_count += 1;
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn add(&mut self, more: Findings) {
        self.events += more.events;
        self.equal += more.equal;
        self.redacted += more.redacted;
        self.different += more.different;
        self.left_out += more.left_out;
        self.problem_count += more.problem_count;
        let free = MOST_PROBLEMS - self.problems.len();
        self.problems.extend(more.problems.into_iter().take(free));
        for (key, group) in more.groups {
            let key = match self.groups.contains_key(&key) || self.groups.len() < MOST_GROUPS {
                true => key,
                false => GroupKey { what: "and others".to_owned(), ..key },
            };
            let known = self
                .groups
                .entry(key)
                .or_insert_with(|| Group { count: 0, first: group.first.clone() });
            known.count += group.count;
            if group.first.at < known.first.at {
                known.first = group.first;
            }
        }
    }
}
