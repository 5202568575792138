//! Requests to the server that uses a durable directory, through its control socket.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use zigttp_runtime::{ControlAnswer, ControlRequest, connect_control};

use crate::exit::ErrorsFound;

/// How long a server may take to respond. It gives a request less.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(70);

/// Asks the server that uses the directory; `None` when there is none. The lines are a part of the request.
///
/// # Errors
/// When the server does not respond, or with what is no response.
pub fn ask(
    dir: &Path,
    request: &ControlRequest,
    lines: &[String],
) -> anyhow::Result<Option<ControlAnswer>> {
    let connected = connect_control(dir)
        .with_context(|| format!("cannot ask the server that uses {}", dir.display()))?;
    let Some(stream) = connected else { return Ok(None) };
    let mut answer = String::new();
    let mut exchange = || -> std::io::Result<()> {
        stream.set_read_timeout(Some(RESPONSE_TIMEOUT))?;
        stream.set_write_timeout(Some(RESPONSE_TIMEOUT))?;
        let mut writer = BufWriter::new(&stream);
        writeln!(writer, "{}", serde_json::to_string(request)?)?;
        let sent = lines.iter().try_for_each(|line| writeln!(writer, "{line}"));
        let sent = sent.and_then(|()| writer.flush());
        // A server that refuses the request may do so before it has read all of it.
        let read = read_answer(&mut BufReader::new(&stream), &mut answer);
        if answer.is_empty() { sent.and(read.map(drop)) } else { Ok(()) }
    };
    exchange()
        .with_context(|| format!("the server that uses {} does not respond", dir.display()))?;
    serde_json::from_str(&answer).context("cannot read the server's response").map(Some)
}

/// Reads the last line. Before it come those which say that the server works.
fn read_answer(reader: &mut impl BufRead, answer: &mut String) -> std::io::Result<usize> {
    loop {
        answer.clear();
        let read = reader.read_line(answer)?;
        if !matches!(serde_json::from_str(answer), Ok(ControlAnswer::Working)) {
            return Ok(read);
        }
    }
}

/// The error of a response that does not fit the request.
///
/// # Errors
/// Always; [`ErrorsFound`] if the server has said why, which is shown.
pub fn refused(answer: ControlAnswer) -> anyhow::Result<()> {
    match answer {
        ControlAnswer::Refused { why } => {
            crate::show::error(&anyhow::Error::msg(why));
            Err(ErrorsFound.into())
        }
        _ => bail!("the server's response does not fit the request"),
    }
}
