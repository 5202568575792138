//! Environment variables that options are read from.
//!
//! An option that may be given by a variable is declared with `env` alone, which makes the variable's name
//! of the option's: `MAX_QUEUE` for `--max-queue`. Here it gets the prefix of the program.

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};
use zigts_rules::printable::printable;

const PREFIX: &str = "ZIGTTP_";

/// The command whose options are read from variables as well: each from its own, with the prefix of the
/// program, unless that is empty (that is how a compose file or a unit leaves one unset).
pub fn read(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let Some(name) = argument.get_env() else { return argument };
        let name = format!("{PREFIX}{}", name.to_string_lossy());
        let is_empty = std::env::var_os(&name).is_some_and(|value| value.is_empty());
        if is_empty { argument.env(Resettable::Reset) } else { argument.env(name) }
    });
    let names: Vec<_> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, read))
}

/// An error of the command that names the variable which the value comes from, if it does not come from
/// these arguments.
pub fn with_variable(command: &Command, arguments: &[String], mut error: Error) -> Error {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = option.split([' ', '=']).next().unwrap_or_default().to_owned();
    let is_given = arguments.iter().any(|given| given.split('=').next() == Some(&flag));
    if !is_given && let Some(variable) = variable_of(command, &flag) {
        let said = format!("{flag} ({variable})");
        error.insert(ContextKind::InvalidArg, ContextValue::String(said));
    }
    error
}

/// An error about arguments with unprintable characters escaped: names of files may come from strangers.
pub fn escaped(mut error: Error) -> Error {
    let shown = |text: &str| printable(text).into_owned();
    let said: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| {
            let value = match value {
                ContextValue::String(text) => ContextValue::String(shown(text)),
                ContextValue::Strings(texts) => {
                    ContextValue::Strings(texts.iter().map(|text| shown(text)).collect())
                }
                ContextValue::StyledStrs(texts) => {
                    let texts = texts.iter().map(|text| shown(&text.to_string()).into());
                    ContextValue::StyledStrs(texts.collect())
                }
                _ => return None,
            };
            Some((kind, value))
        })
        .collect();
    for (kind, value) in said {
        error.insert(kind, value);
    }
    error
}

/// The variable of the option with this flag. An option of several subcommands has the same in all.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let long = flag.strip_prefix("--")?;
    let own = command.get_arguments().find(|argument| argument.get_long() == Some(long));
    match own.and_then(Arg::get_env) {
        Some(name) => Some(name.to_string_lossy().into_owned()),
        None => command.get_subcommands().find_map(|command| variable_of(command, flag)),
    }
}
