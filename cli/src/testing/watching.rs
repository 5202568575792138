//! Runs tests again whenever a file that they depend on changes, or somebody asks for it.

use std::io::BufRead;
use std::path::PathBuf;

use anyhow::Context;
use tokio::sync::mpsc;

use crate::show;
use crate::watch::Watch;

/// One round.
pub struct Round {
    /// Whether this round writes snapshots again.
    pub updates: bool,
}

/// What a line on standard input asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Again,
    Update,
    Quit,
}

/// Runs rounds until the user has enough. Each returns the files that it depends on.
///
/// # Errors
/// When a round cannot run at all the first time, or files cannot be watched.
pub fn run(mut round: impl FnMut(Round) -> anyhow::Result<Vec<PathBuf>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let mut wishes = wishes();
    let mut files = round(Round { updates: false })?;
    let mut watch = Watch::files(files.iter().map(PathBuf::as_path))?;
    loop {
        show::remark("waiting for a change; Enter runs again, u updates snapshots, q quits");
        let wish = runtime.block_on(async {
            tokio::select! {
                () = watch.changed() => Wish::Again,
                Some(wish) = wishes.recv() => wish,
            }
        });
        if wish == Wish::Quit {
            return Ok(());
        }
        match round(Round { updates: wish == Wish::Update }) {
            Ok(found) => files = found,
            // Such as a file that is half saved: the next change may mend it.
            Err(error) => show::error(&error),
        }
        watch.set(files.iter().map(PathBuf::as_path))?;
    }
}

/// What lines on standard input ask for. Its end asks for nothing: a service may have none.
fn wishes() -> mpsc::UnboundedReceiver<Wish> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // Ends with the program: nothing can wake it.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(wish(&line)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn wish(line: &str) -> Wish {
    match line.trim() {
        "q" => Wish::Quit,
        "u" => Wish::Update,
        _ => Wish::Again,
    }
}
