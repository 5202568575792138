//! Environment variables that stand in for options.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};
use zigts_rules::printable::printable;

/// The command for which an empty variable is as none: that is how a compose file or a unit leaves one
/// unset.
pub fn without_empty(command: Command) -> Command {
    let is_empty = |argument: &Arg| {
        let name = argument.get_env();
        name.and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    let command = command.mut_args(|argument| match is_empty(&argument) {
        true => argument.env(None::<&'static str>),
        false => argument,
    });
    let names: Vec<_> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, without_empty))
}

/// An error of the command that names the variable which its value is of, if it is of one and not of
/// these arguments.
pub fn named(command: &Command, arguments: &[String], mut error: Error) -> Error {
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

/// An error about arguments that says in print what they are: names of files may come from anybody.
pub fn in_print(mut error: Error) -> Error {
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
