//! Moves what was committed from the log into the database, on a thread and a connection of its own.
//!
//! It is the only one that does: before version 3.51.3 SQLite could damage a database whose checkpoints were made
//! by several connections, and a commit that makes one takes ten times as long. While nothing is written the thread
//! sleeps.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

/// How long what was committed stays in the log alone.
const INTERVAL: Duration = Duration::from_millis(100);

/// Moves as much as is possible without waiting.
const MOVE_LOG: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Waits for those who read, and shortens the log to nothing.
const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// How long the log is tried to be emptied while events read the state before it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread that makes checkpoints.
pub(crate) struct Checkpoints {
    /// Taken when the thread is to end.
    orders: Option<Sender<Order>>,
    /// Whether it is going to make a checkpoint.
    is_awake: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    /// Something was written.
    Wake,
    /// Empties the log, and tells whether it could.
    Empty(Sender<bool>),
}

impl Checkpoints {
    pub(crate) fn start(connection: Connection) -> io::Result<Checkpoints> {
        connection.busy_timeout(PATIENCE).map_err(io::Error::other)?;
        let (orders, queue) = channel();
        let is_awake = Arc::new(AtomicBool::new(false));
        let awake = Arc::clone(&is_awake);
        let work = move || work(&connection, &queue, &awake);
        let thread = thread::Builder::new().name("zigttp-log".to_owned()).spawn(work)?;
        Ok(Checkpoints { orders: Some(orders), is_awake, thread: Some(thread) })
    }

    /// To be called when something was committed.
    pub(crate) fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::AcqRel) {
            self.send(Order::Wake);
        }
    }

    /// Waits until the log is empty. Returns false if it cannot be emptied now.
    pub(crate) fn empty_log(&self) -> bool {
        let (done, result) = channel();
        self.send(Order::Empty(done));
        result.recv().unwrap_or(false)
    }

    fn send(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // If the thread has ended by a panic, the log grows, and nothing else is wrong.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(connection: &Connection, orders: &Receiver<Order>, is_awake: &AtomicBool) {
    while let Ok(order) = orders.recv() {
        if let Order::Empty(done) = order {
            let _ = done.send(checkpoint(connection, EMPTY_LOG));
            continue;
        }
        match orders.recv_timeout(INTERVAL) {
            Ok(Order::Empty(done)) => {
                is_awake.store(false, Ordering::Release);
                let _ = done.send(checkpoint(connection, EMPTY_LOG));
            }
            Ok(Order::Wake) | Err(RecvTimeoutError::Timeout) => {
                // What is written from here on wakes the thread again.
                is_awake.store(false, Ordering::Release);
                checkpoint(connection, MOVE_LOG);
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    checkpoint(connection, EMPTY_LOG);
}

/// Returns false if the log could not be moved whole, because it is in use or the disk refuses it.
fn checkpoint(connection: &Connection, pragma: &str) -> bool {
    let is_busy = connection.query_row(pragma, [], |row| row.get::<_, bool>(0));
    !is_busy.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot move the log of `store/state.db` into it");
        true
    })
}
