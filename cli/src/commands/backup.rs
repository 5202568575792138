//! `zigttp backup`: copies a durable directory as it is at one moment, with or without a running server.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use zigttp_runtime::backup::{BackupError, Manifest, place, take_backup, verify};
use zigttp_runtime::{ControlAnswer, ControlRequest};

use super::storage::options::unix_millis;
use crate::control::{ask, refused};
use crate::show;

/// Arguments of `zigttp backup`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The durable directory
    dir: PathBuf,
    /// The new folder for the backup
    out: PathBuf,
    /// Copy the key that signs resume tokens too: whoever has the backup can forge them then
    #[arg(long)]
    with_resume_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the directory cannot be read, or the backup cannot be written or is not whole.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { dir, out, with_resume_key, json } = arguments;
    let shown = out.display();
    let out = std::path::absolute(out).with_context(|| format!("cannot write {shown}"))?;
    check_new(&out).with_context(|| format!("cannot write {shown}"))?;
    let mut partial = OsString::from(&out);
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let what = format!("backing up {}", dir.display());
    show::while_working(&what, || take(dir, *with_resume_key, &partial))?;
    let what = format!("checking {}", partial.display());
    let manifest = show::while_working(&what, || verify(&partial))
        .with_context(|| format!("the backup in {} is not whole", partial.display()))?;
    place(&partial, &out).with_context(|| format!("cannot write {shown}"))?;
    print(&manifest, *json, "backed up")
}

pub(super) fn print(manifest: &Manifest, json: bool, done: &str) -> anyhow::Result<()> {
    let Manifest { rooms, signals, attachments, database, .. } = manifest;
    let mut output = std::io::stdout();
    if json {
        let json = json!({ "integrity": "ok", "manifest": manifest });
        writeln!(output, "{json}")?;
        return Ok(());
    }
    writeln!(
        output,
        "{done} {}, {} bytes; checksums and integrity check: ok",
        show::counted(&[(*rooms, "room"), (*signals, "signal"), (attachments.count, "attachment")]),
        database.bytes + attachments.bytes
    )?;
    if attachments.unreadable > 0 {
        let count = attachments.unreadable;
        show::remark(&format!(
            "{count} attachments were damaged before; they are copied as they are"
        ));
    }
    Ok(())
}

/// Refuses a folder that has something in it.
fn check_new(out: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(out) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_entry) => bail!(BackupError::NotEmpty),
        },
    }
}

/// Asks the server that uses the directory to copy it, or does it without one.
fn take(dir: &Path, with_resume_key: bool, new: &Path) -> anyhow::Result<()> {
    let request = ControlRequest::Backup { new: new.to_owned(), with_resume_key };
    match ask(dir, &request, &[])? {
        Some(ControlAnswer::Done) => return Ok(()),
        Some(answer) => return refused(answer),
        None => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let taken = runtime.block_on(take_backup(dir, with_resume_key, unix_millis(), new));
    taken.with_context(|| format!("cannot back up {}", dir.display())).map(drop)
}
