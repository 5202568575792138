//! `zigttp`: serves a handler.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use zigttp_cli::commands::{
    attachments, backup, dev, init, inspect, replay, restore, room, run, signal, storage, streams,
    test, top,
};
use zigttp_cli::{changed_options, exit, variables};

/// Serve WebSocket handlers, with a fresh sandbox for every event
#[derive(Parser)]
#[command(name = "zigttp", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a TypeScript handler while you write it; each save takes over, and connections stay open
    Dev(Box<dev::Arguments>),
    /// Run the tests of handlers, files *.test.ts, without sockets and under a clock of their own
    Test(Box<test::Arguments>),
    /// Serve a handler.wasm, or build a TypeScript handler and serve it
    Run(Box<run::Arguments>),
    /// Start a project: a handler, its page, and the files that editors and npm need
    Init(init::Arguments),
    /// Show the exports, effects, imports and sections of a handler.wasm
    Inspect(inspect::Arguments),
    /// List, show, adopt and remove attachments in a durable directory
    Attachments(attachments::Arguments),
    /// Show, change, export and import the states of rooms in a durable directory
    Storage(storage::Arguments),
    /// Copy a durable directory as it is at one moment, while a server uses it or not
    Backup(backup::Arguments),
    /// Make a durable directory of a backup; its signals are held
    Restore(restore::Arguments),
    /// Run recorded events again, on their handler or another one, and tell what differs
    Replay(replay::Arguments),
    /// Send a signal to a room, as an operator
    Signal(signal::Arguments),
    /// Pause and resume a room of a running server, and list the paused ones
    Room(room::Arguments),
    /// List the streams of a running server, and cancel them
    Streams(streams::Arguments),
    /// Show the rooms of a running server that use most
    Top(top::Arguments),
}

fn main() -> ExitCode {
    let command = variables::read(Arguments::command());
    let matches = command.clone().try_get_matches().unwrap_or_else(|error| {
        let arguments: Vec<_> =
            std::env::args_os().map(|it| it.to_string_lossy().into_owned()).collect();
        variables::escaped(variables::with_variable(&command, &arguments, error)).exit()
    });
    let (name, of_command) = matches.subcommand().expect("clap asks for a subcommand");
    let subcommand = command.find_subcommand(name).expect("clap has matched it");
    let changed = changed_options::changed_options(subcommand, of_command);
    let Arguments { command } = Arguments::from_arg_matches(&matches)
        .unwrap_or_else(|error| variables::escaped(error).exit());
    let result = match command {
        Command::Dev(arguments) => dev::run(*arguments),
        Command::Run(arguments) => run::run(*arguments, &changed),
        Command::Test(arguments) => test::run(*arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Attachments(arguments) => attachments::run(&arguments),
        Command::Storage(arguments) => storage::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Signal(arguments) => signal::run(&arguments),
        Command::Room(arguments) => room::run(&arguments),
        Command::Streams(arguments) => streams::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
    };
    exit::report(result)
}
