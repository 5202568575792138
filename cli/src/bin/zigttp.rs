//! `zigttp`: serves a handler.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zigttp_cli::commands::{attachments, run};
use zigttp_cli::exit;

/// Serve a WebSocket handler: a fresh sandbox for every event.
#[derive(Parser)]
#[command(name = "zigttp", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a handler.wasm, or build a TypeScript handler and serve it
    Run(Box<run::Arguments>),
    /// Look after the attachments that connections have left
    Attachments(attachments::Arguments),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Run(arguments) => run::run(*arguments),
        Command::Attachments(arguments) => attachments::run(&arguments),
    };
    exit::report(result)
}
