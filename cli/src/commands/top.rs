//! `zigttp top`: the rooms of a running server that use most.

mod source;
mod table;

use std::io::{IsTerminal, Write, stdout};

use clap::ArgGroup;
use zigts_rules::printable::printable_json;
use zigttp_runtime::RoomsQuery;

use self::source::SourceOptions;
use crate::choices::RoomOrderChoice;
use crate::values::within;

/// Arguments of `zigttp top`.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("server").args(["durable", "admin_listen"]).required(true).multiple(true))]
pub struct Arguments {
    /// By what rooms are compared
    #[arg(long, value_enum, value_name = "WHAT", default_value = "cpu")]
    by: RoomOrderChoice,

    /// Most rooms to show [default: as many as fit the terminal, else 20]
    #[arg(long, value_name = "N", value_parser = |text: &str| within(text, 1..=1000))]
    limit: Option<u32>,

    /// For how many seconds use is measured, for each table
    #[arg(long, value_name = "N", value_parser = |text: &str| within(text, 1..=30), default_value = "1")]
    seconds: u32,

    #[command(flatten)]
    source: SourceOptions,

    /// Print one table, as it is done where standard output is no terminal
    #[arg(long)]
    once: bool,

    /// Print one table as JSON
    #[arg(long)]
    json: bool,
}

/// How many rooms are shown where there is no terminal.
const ROWS: usize = 20;
/// Lines of a table besides its rooms, and one for the cursor.
const OTHER_LINES: usize = 4;

/// Clears the terminal from its first line on, and stays there.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Runs the command. On a terminal it goes on until it is interrupted, or the server has gone.
///
/// # Errors
/// When the server cannot be asked.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let source = arguments.source.read()?;
    let is_live = stdout().is_terminal() && !arguments.once && !arguments.json;
    if is_live {
        write!(stdout(), "{CLEAR}measuring …")?;
        stdout().flush()?;
    }
    loop {
        let page = source.ask(&query(arguments, is_live))?;
        let mut output = stdout().lock();
        if arguments.json {
            writeln!(output, "{}", printable_json(serde_json::to_string_pretty(&page)?))?;
            return Ok(());
        }
        let text = table::print(&page, arguments.by.0, width(), has_colours());
        if !is_live {
            output.write_all(text.as_bytes())?;
            return Ok(());
        }
        write!(output, "{CLEAR}{text}")?;
        output.flush()?;
    }
}

fn query(arguments: &Arguments, is_live: bool) -> RoomsQuery {
    // The terminal may have another size each time.
    let size = terminal_size::terminal_size_of(stdout()).filter(|_| is_live);
    let fits = size.map_or(ROWS, |(_, terminal_size::Height(lines))| {
        usize::from(lines).saturating_sub(OTHER_LINES).max(1)
    });
    RoomsQuery {
        sort: arguments.by.0,
        limit: arguments.limit.map_or(fits, |limit| limit as usize),
        seconds: arguments.seconds.into(),
    }
}

/// How long a line may be on a terminal.
fn width() -> Option<usize> {
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(stdout())?;
    Some(usize::from(width))
}

/// Colours for a terminal, unless the user wants none (<https://no-color.org>).
fn has_colours() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stdout().is_terminal() && !is_unwanted
}
