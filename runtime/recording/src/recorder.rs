//! Records events while a server serves: a buffer for each worker, and one thread that writes what is full.
//!
//! An event adds its record to the buffer of its worker, which no other worker touches. What the thread cannot write in
//! time is dropped and counted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use zigttp_abi::guest::ABI_VERSION;
use zigttp_files::own_folder::make_own_folder;
use zigttp_sandbox::ran::Ran;
use zigttp_sandbox::stripes::Stripes;
use zigttp_sandbox::view::View;

use crate::block::{self, BlockHead, RecordedLimits};
use crate::counters::RecordCounters;
use crate::ended::Ended;
use crate::files::{self, Files};
use crate::pattern::Pattern;
use crate::record::Record;
use crate::redaction::Redaction;

/// A buffer with so much is handed to the thread.
const FULL: usize = 64 << 10;

/// Most bytes that wait to be written, besides the buffers of the workers.
const MAX_PENDING: usize = 64 << 20;

/// How often the thread looks at buffers that do not fill. A record is on disk after two of these at most.
const TICK: Duration = Duration::from_millis(250);

/// How many blocks the thread writes before it looks at those buffers, however busy it is.
const BLOCKS_BETWEEN_LOOKS: u32 = 256;

/// How many ticks pass after a failure before it is tried again.
const TICKS_UNTIL_RETRY: u32 = 40;

/// What is recorded, and where.
pub struct RecorderOptions {
    pub folder: PathBuf,
    /// Rooms whose events are recorded; none means all, and events without a room.
    pub rooms: Vec<Pattern>,
    /// Most bytes of the files of records.
    pub max_bytes: u64,
    pub redaction: Redaction,
    /// The limits that events run under.
    pub limits: RecordedLimits,
}

/// See the module's documentation.
pub struct Recorder {
    shared: Arc<Shared>,
    to_thread: Sender<Block>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    options: RecorderOptions,
    buffers: Stripes<Mutex<Buffer>>,
    /// Bytes that wait to be written.
    pending: AtomicUsize,
    /// Values that must not reach the disk.
    settings: RwLock<Vec<Bytes>>,
    counters: RecordCounters,
}

/// The records of one worker that are not handed to the thread yet.
#[derive(Default)]
struct Buffer {
    raw: Vec<u8>,
    artifact: [u8; 32],
    records: u64,
    /// When the first of them began.
    at: u64,
    /// Whether the thread has seen it as it is.
    is_seen: bool,
}

enum Block {
    Full(Buffer),
    /// The server ends.
    Last,
}

impl Recorder {
    /// Makes the folder and starts the thread.
    ///
    /// # Errors
    /// When the folder cannot be used, or no thread can be started.
    pub fn start(options: RecorderOptions) -> io::Result<Recorder> {
        make_own_folder(&options.folder)?;
        let files = Files::open(&options.folder, options.max_bytes)?;
        let shared = Arc::new(Shared {
            options,
            buffers: Stripes::default(),
            pending: AtomicUsize::new(0),
            settings: RwLock::default(),
            counters: RecordCounters::default(),
        });
        let (to_thread, blocks) = channel();
        let mut writing =
            Writing { shared: Arc::clone(&shared), files, is_failing: false, ticks: 0 };
        let thread = thread::Builder::new()
            .name("zigttp-recorder".to_owned())
            .spawn(move || writing.write_all(&blocks))?;
        Ok(Recorder { shared, to_thread, thread: Mutex::new(Some(thread)) })
    }

    pub fn counters(&self) -> &RecordCounters {
        &self.shared.counters
    }

    pub fn folder(&self) -> &Path {
        &self.shared.options.folder
    }

    /// Keeps a copy of the artifact that events run on from now on, so that a replay needs nothing else.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_artifact(&self, hash: &[u8; 32], wasm: &[u8]) -> io::Result<()> {
        files::keep_artifact(self.folder(), hash, wasm)
    }

    /// Sets the values that must not reach the disk.
    pub fn hide(&self, settings: Vec<Bytes>) {
        *self.shared.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Whether events of this room are recorded.
    pub fn takes(&self, room: Option<&str>) -> bool {
        let rooms = &self.shared.options.rooms;
        rooms.is_empty() || room.is_some_and(|room| rooms.iter().any(|it| it.matches(room)))
    }

    /// Records an event that has ended and is not committed yet. It began at this time, in milliseconds since 1970.
    pub fn add<V: View>(&self, artifact: &[u8; 32], at: u64, ran: &Ran<V>) {
        let state = &ran.state;
        let (Some(given), Some(ended)) = (&state.given, Ended::of(ran)) else { return };
        let mut record = Record::of(at, &state.event, given, &state.journal, ended);
        // Settings are left out of what is given.
        record.is_redacted = given.settings.iter().any(|setting| setting.len.is_some());
        self.shared.options.redaction.apply(&mut record);
        let full = self.shared.add(artifact, &record);
        for buffer in full.into_iter().flatten() {
            self.hand_over(buffer);
        }
    }

    fn hand_over(&self, buffer: Buffer) {
        let Shared { pending, counters, .. } = &*self.shared;
        let (len, records) = (buffer.raw.len(), buffer.records);
        let fits = pending.fetch_add(len, Ordering::Relaxed) + len <= MAX_PENDING;
        if !fits || self.to_thread.send(Block::Full(buffer)).is_err() {
            pending.fetch_sub(len, Ordering::Relaxed);
            counters.dropped.add(records);
        }
    }

    /// Writes what is not written yet, and ends the thread. Blocks.
    pub fn finish(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Fails if the thread has ended, which `join` notices too.
            let _ = self.to_thread.send(Block::Last);
            if thread.join().is_err() {
                tracing::error!("the thread that records events has panicked");
            }
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    /// Adds a record to the worker's buffer. Returns what is full.
    fn add(&self, artifact: &[u8; 32], record: &Record<'_>) -> [Option<Buffer>; 2] {
        let mut buffer = lock(self.buffers.own());
        let mut full = [None, None];
        if buffer.records > 0 && buffer.artifact != *artifact {
            full[0] = Some(std::mem::take(&mut *buffer));
        }
        if buffer.records == 0 {
            buffer.raw.reserve(FULL + FULL / 8);
            buffer.artifact = *artifact;
            buffer.at = record.at;
            let limits = self.options.limits.clone();
            let head = BlockHead { abi: ABI_VERSION, artifact: *artifact, limits };
            block::begin(&mut buffer.raw, &head);
        }
        block::add(&mut buffer.raw, record);
        buffer.records += 1;
        if buffer.raw.len() >= FULL {
            full[1] = Some(std::mem::take(&mut *buffer));
        }
        full
    }
}

fn lock(buffer: &Mutex<Buffer>) -> MutexGuard<'_, Buffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's own.
struct Writing {
    shared: Arc<Shared>,
    files: Files,
    is_failing: bool,
    /// Ticks since the last failure.
    ticks: u32,
}

impl Writing {
    fn write_all(&mut self, blocks: &Receiver<Block>) {
        let mut written = 0;
        loop {
            match blocks.recv_timeout(TICK) {
                Ok(Block::Full(buffer)) => {
                    let len = buffer.raw.len();
                    self.write(buffer);
                    self.shared.pending.fetch_sub(len, Ordering::Relaxed);
                    written += 1;
                    if written % BLOCKS_BETWEEN_LOOKS == 0 {
                        self.collect(false);
                    }
                }
                Ok(Block::Last) | Err(RecvTimeoutError::Disconnected) => {
                    self.collect(true);
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.ticks = self.ticks.saturating_add(1);
                    self.collect(false);
                }
            }
        }
    }

    /// Writes what workers have in buffers that do not fill.
    fn collect(&mut self, is_all: bool) {
        let shared = Arc::clone(&self.shared);
        for buffer in shared.buffers.all() {
            let mut buffer = lock(buffer);
            let is_old = std::mem::replace(&mut buffer.is_seen, true);
            if buffer.records > 0 && (is_old || is_all) {
                let taken = std::mem::take(&mut *buffer);
                drop(buffer);
                self.write(taken);
            }
        }
    }

    fn write(&mut self, mut buffer: Buffer) {
        let counters = &self.shared.counters;
        if self.is_failing && self.ticks < TICKS_UNTIL_RETRY {
            counters.failed.add(buffer.records);
            return;
        }
        let settings = self.shared.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
        if !settings.is_empty() {
            for record in block::record_ranges(&buffer.raw) {
                let record = &mut buffer.raw[record];
                if self.shared.options.redaction.hide(&settings, record)
                    && let Some(is_redacted) = record.last_mut()
                {
                    // The last field of a record.
                    *is_redacted = 1;
                }
            }
        }
        let folder = self.shared.options.folder.display();
        match self.files.write(&buffer.raw, buffer.artifact, buffer.at) {
            Ok(bytes) => {
                counters.recorded.add(buffer.records);
                counters.bytes.add(bytes);
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("events are recorded again in {folder}");
                }
            }
            Err(error) => {
                counters.failed.add(buffer.records);
                self.ticks = 0;
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(
                        "events are not recorded: {folder} cannot be written: {error}; it is tried again now and then"
                    );
                }
            }
        }
        counters.is_stopped.store(self.is_failing, Ordering::Relaxed);
    }
}
