//! Standard output and standard error of a server, written so that nothing waits for them.
//!
//! The reader may have gone, may have a full disk, or may have stopped reading; a write then fails, or
//! never returns. So once [`start_writers`] has been called, a line goes into a queue with a limit, and each
//! stream has a thread that writes it: a line that does not fit, or cannot be written, is dropped and counted,
//! and nothing else happens. A program that does not serve writes directly.
//!
//! Not `tracing-appender`: its limit is in lines (128,000, of up to 16 KiB each), what the disk refuses is
//! not counted, and it is only for the log; panics and remarks are written here as well.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use rustix::io::Errno;
use zigttp_runtime::DroppedLogLines;

/// Most bytes that wait to be written to one stream: a minute of a busy log, and little for a server.
const MAX_QUEUE_BYTES: usize = 1 << 20;
/// Most bytes that a queued line holds besides its own: its slot in the queue, which grows by doubling, and
/// the allocator's.
const LINE_OVERHEAD: usize = 64;
/// How long the end of a program waits for what is queued. A second was not enough on a crowded machine:
/// the thread that writes had not run yet, and the reason for the end was lost.
const FLUSH_TIME: Duration = Duration::from_secs(5);
const SETTLE_TIME: Duration = Duration::from_millis(100);
/// Pause before the next write to a stream that does not block (`O_NONBLOCK` is a property that is shared
/// with other programs, such as of a terminal).
const PAUSE: Duration = Duration::from_millis(10);

/// Where a program writes.
#[derive(Clone, Copy)]
pub enum Stream {
    Out,
    Error,
}

/// The queues, once the program serves.
static QUEUES: OnceLock<Arc<Queues>> = OnceLock::new();

struct Queues {
    out: Queue,
    error: Queue,
    dropped: Arc<DroppedLogLines>,
}

/// Starts the threads that write from now on. The counter that is returned counts what they drop.
///
/// # Errors
/// When the system gives no threads.
pub fn start_writers() -> io::Result<Arc<DroppedLogLines>> {
    let queues = Arc::new(Queues {
        out: Queue::default(),
        error: Queue::default(),
        dropped: Arc::default(),
    });
    let start = |name: &str, work: fn(&Queues, &AtomicU64)| {
        let queues = Arc::clone(&queues);
        let work = move || work(&queues, &queues.dropped.unwritten);
        thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
    };
    start("zigttp-stdout", |queues, dropped| queues.out.work(io::stdout().as_fd(), dropped))?;
    start("zigttp-stderr", |queues, dropped| queues.error.work(io::stderr().as_fd(), dropped))?;
    // Last: without the threads, nothing in a queue would ever be written, not even the reason.
    let queues = QUEUES.get_or_init(|| queues);
    Ok(Arc::clone(&queues.dropped))
}

/// Writes a text, or queues it for the thread that writes.
///
/// # Errors
/// When the program does not serve and the stream is closed.
pub fn try_write(stream: Stream, text: &[u8]) -> io::Result<()> {
    match (QUEUES.get(), stream) {
        (Some(queues), _) => queues.of(stream).push(text, &queues.dropped.unwritten),
        (None, Stream::Out) => io::stdout().write_all(text)?,
        (None, Stream::Error) => io::stderr().write_all(text)?,
    }
    Ok(())
}

/// The same for what may be lost: a reader that has gone needs no remarks.
pub fn write(stream: Stream, text: &[u8]) {
    let _ = try_write(stream, text);
}

/// The same for a text with colours, which are left out where they are not wanted.
pub fn write_styled(stream: Stream, text: &str) {
    let _ = try_write_styled(stream, text);
}

/// Writes a text with colours, which are left out where they are not wanted.
///
/// # Errors
/// As [`try_write`].
pub fn try_write_styled(stream: Stream, text: &str) -> io::Result<()> {
    let choice = match stream {
        Stream::Out => AutoStream::choice(&io::stdout()),
        Stream::Error => AutoStream::choice(&io::stderr()),
    };
    match choice {
        ColorChoice::Never => try_write(stream, strip_str(text).to_string().as_bytes()),
        _ => try_write(stream, text.as_bytes()),
    }
}

/// Waits a moment for what was written on either stream, so that what is written next on the other one
/// comes after it on a terminal.
pub fn settle() {
    flush_within(SETTLE_TIME);
}

/// Waits until all queued lines have been written, but not for long: a reader that has stopped reading must
/// not keep a program from ending.
pub fn flush() {
    flush_within(FLUSH_TIME);
}

fn flush_within(time: Duration) {
    if let Some(queues) = QUEUES.get() {
        let deadline = Instant::now() + time;
        queues.out.flush(deadline);
        queues.error.flush(deadline);
    }
}

/// The log's way to standard error: takes each event in one piece, and never fails.
pub struct ErrorWriter;

impl Write for ErrorWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(Stream::Error, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Queues {
    fn of(&self, stream: Stream) -> &Queue {
        match stream {
            Stream::Out => &self.out,
            Stream::Error => &self.error,
        }
    }
}

/// Lines that wait for one thread.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Box<[u8]>>,
    /// What they and the one that is being written hold.
    held: usize,
}

impl Queue {
    fn push(&self, line: &[u8], dropped: &AtomicU64) {
        let size = line.len() + LINE_OVERHEAD;
        let mut state = self.lock();
        if state.held + size > MAX_QUEUE_BYTES {
            dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.held += size;
        state.lines.push_back(line.into());
        drop(state);
        self.changed.notify_all();
    }

    /// Writes for ever. It holds no lock while it writes, not even that of [`io::stderr`]: this thread may
    /// get stuck.
    fn work(&self, stream: BorrowedFd<'_>, dropped: &AtomicU64) {
        let mut is_torn = false;
        loop {
            let mut state = self.lock();
            let line = loop {
                match state.lines.pop_front() {
                    Some(line) => break line,
                    None => {
                        state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            };
            drop(state);
            // What follows half a line must not look like a part of it.
            if is_torn && write_all(stream, b"\n").is_ok() {
                is_torn = false;
            }
            if let Err(written) = write_all(stream, &line) {
                is_torn |= written > 0;
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            self.lock().held -= line.len() + LINE_OVERHEAD;
            self.changed.notify_all();
        }
    }

    fn flush(&self, deadline: Instant) {
        let mut state = self.lock();
        while state.held > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole when anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of it, or says how much was written before it failed.
fn write_all(stream: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < bytes.len() {
        match rustix::io::write(stream, &bytes[written..]) {
            Ok(0) => return Err(written),
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => thread::sleep(PAUSE),
            Err(_) => return Err(written),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_nobody_empties_holds_so_much_and_counts_the_rest() {
        for len in [0, 1, 100, 16 << 10] {
            let (queue, dropped) = (Queue::default(), AtomicU64::new(0));
            let fit = MAX_QUEUE_BYTES / (len + LINE_OVERHEAD);
            for _ in 0..fit + 5 {
                queue.push(&vec![b'x'; len], &dropped);
            }
            assert_eq!(queue.lock().lines.len(), fit);
            assert_eq!(dropped.load(Ordering::Relaxed), 5);
        }
    }
}
