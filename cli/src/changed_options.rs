//! The options of a command whose values are not their defaults.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// `--max-connections 10` for each option of `command` that `matches` has from the command line or the
/// environment with another value than its default, in the order of the help.
pub fn changed_options(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let options = command.get_arguments().filter_map(|argument| {
        let name = argument.get_long()?;
        let id = argument.get_id().as_str();
        let source = matches.value_source(id)?;
        if !matches!(source, ValueSource::CommandLine | ValueSource::EnvVariable) {
            return None;
        }
        if !argument.get_action().takes_values() {
            // A variable may say `false`.
            return matches.get_flag(id).then(|| format!("--{name}"));
        }
        let values: Vec<_> = matches.get_raw(id)?.collect();
        if values == argument.get_default_values() {
            return None;
        }
        let is_hidden = argument.is_hide_env_values_set();
        let values = values.iter().map(|value| value.to_string_lossy());
        let values: Vec<_> = values
            .map(|value| if is_hidden { without_secret(&value) } else { value.into_owned() })
            .collect();
        Some(format!("--{name} {}", values.join(",")))
    });
    options.collect()
}

/// What is shown of a value that may hold a secret: `http://proxy.example` of `http://me:secret@proxy.example`,
/// `API_KEY` of `API_KEY=secret`.
fn without_secret(value: &str) -> String {
    if let Some((scheme, rest)) = value.split_once("://")
        && !scheme.contains('=')
    {
        let host = rest.rsplit_once('@').map_or(rest, |(_secret, host)| host);
        return format!("{scheme}://{host}");
    }
    value.split_once('=').map_or(value, |(name, _secret)| name).to_owned()
}
