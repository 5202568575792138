//! Gives free space back: `compact`.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde_json::json;
use zigttp_runtime::storage::Compacted;
use zigttp_runtime::{ControlAnswer, ControlRequest};

use super::options::{CommonOptions, unix_millis};
use crate::control::{ask, refused};
use crate::show;

pub(super) fn compact(common: &CommonOptions) -> anyhow::Result<()> {
    // A directory without a database gets none.
    drop(common.survey()?);
    let dir = &common.directory.durable;
    let what = format!("compacting {}", dir.display());
    let Compacted { before, after } = show::while_working(&what, || work(dir))?;
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{}", json!({ "before": before, "after": after }))?;
    } else {
        writeln!(output, "{before} bytes before, {after} bytes after")?;
    }
    Ok(())
}

/// Asks the server that uses the directory, or does it without one.
fn work(dir: &Path) -> anyhow::Result<Compacted> {
    match ask(dir, &ControlRequest::Compact, &[])? {
        Some(ControlAnswer::Compacted { before, after }) => return Ok(Compacted { before, after }),
        Some(answer) => {
            refused(answer)?;
            unreachable!("a refusal is an error");
        }
        None => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let compacted = runtime.block_on(zigttp_runtime::storage::compact(dir, unix_millis()));
    compacted.with_context(|| format!("cannot write in {}", dir.display()))
}
