//! `zigts`: checks and compiles TypeScript handlers.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zigttp_cli::commands::{build, check, describe_rule, lsp, rules, types};
use zigttp_cli::{exit, panic_hook, variables};

/// Check and compile TypeScript WebSocket handlers for zigttp
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile a handler into a .wasm that `zigttp run` serves
    Build(build::Arguments),
    /// Check handlers without building them
    Check(check::Arguments),
    /// Explain a rule
    #[command(visible_alias = "explain")]
    DescribeRule(describe_rule::Arguments),
    /// List all rules
    Rules(rules::Arguments),
    /// Run a language server for an editor, on standard input and output
    Lsp(lsp::Arguments),
    /// Print typings of the API, for editors and `tsc`
    Types(types::Arguments),
}

fn main() -> ExitCode {
    panic_hook::install("zigts");
    let arguments = Arguments::try_parse().unwrap_or_else(|error| variables::escaped(error).exit());
    exit::report(match arguments.command {
        Command::Build(arguments) => build::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::DescribeRule(arguments) => describe_rule::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Lsp(arguments) => lsp::run(&arguments),
        Command::Types(arguments) => types::run(&arguments),
    })
}
