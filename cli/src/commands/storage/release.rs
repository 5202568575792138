//! Ends the time in which signals are held: `release-signals`.

use std::io::Write;

use anyhow::Context;
use serde_json::json;
use zigttp_runtime::storage::release_signals as release_without_server;
use zigttp_runtime::{ControlAnswer, ControlRequest};

use super::options::CommonOptions;
use crate::control::{ask, refused};

pub(super) fn release_signals(common: &CommonOptions) -> anyhow::Result<()> {
    let dir = &common.directory.durable;
    let was_held = match ask(dir, &ControlRequest::ReleaseSignals, &[])? {
        Some(ControlAnswer::Released { was_held }) => was_held,
        Some(answer) => return refused(answer),
        None => release_without_server(dir)
            .with_context(|| format!("cannot write in {}", dir.display()))?,
    };
    let mut output = std::io::stdout();
    if common.json {
        writeln!(output, "{}", json!({ "wasHeld": was_held }))?;
    } else if was_held {
        writeln!(output, "signals and timers are released")?;
    } else {
        writeln!(output, "signals and timers were not held")?;
    }
    Ok(())
}
