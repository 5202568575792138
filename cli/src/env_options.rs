//! Options of the handler's settings, which it reads with `env(name)`. Files of them are read again on SIGHUP.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::signal::unix::Signal;
use zigts_rules::printable::printable;
use zigttp_runtime::{Server, Settings, on_own_thread};

use crate::dotenv;
use crate::watch::Watch;

/// Longer than any file of settings that is written by hand.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Settings of the handler, one by one and in files.
#[derive(Args, Default)]
#[command(next_help_heading = "Settings of the handler")]
pub struct EnvOptions {
    /// Give the handler a setting, read with `env` of zigttp:env; NAME alone takes this program's own variable; repeatable
    ///
    /// A value that is given here can be seen by every user of this machine in the list of processes: give
    /// secrets by NAME alone, or in --env-file. The handler gets nothing else of the server's environment.
    #[arg(long = "env", value_name = "NAME[=VALUE]", hide_env_values = true)]
    given: Vec<String>,

    /// Give the handler the settings of a file of NAME=VALUE lines (dotenv); repeatable
    ///
    /// A server reads it again on SIGHUP. Of a name that is given more than once, the last file wins, and --env over all files.
    #[arg(long, env, value_name = "FILE")]
    env_file: Vec<PathBuf>,
}

/// Where the settings of the handler come from.
pub struct SettingsSource {
    files: Vec<PathBuf>,
    /// Those that were given one by one.
    given: Vec<(String, String)>,
}

impl EnvOptions {
    /// Takes the settings that are given one by one. Of the server's environment only what is named is looked at; a
    /// variable that is not there is told.
    ///
    /// # Errors
    /// When a name is none, or a variable is not text.
    pub fn source(self) -> Result<SettingsSource> {
        let mut given = Vec::new();
        for argument in self.given {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            if !dotenv::is_name(name) {
                bail!(
                    "--env {}: the name may have letters, digits, `_`, `.` and `-` alone",
                    printable(name)
                );
            }
            let value = match (value, std::env::var(name)) {
                (Some(value), _) => value.to_owned(),
                (None, Ok(value)) => value,
                (None, Err(std::env::VarError::NotPresent)) => {
                    tracing::warn!(
                        "--env {name}: the server has no such environment variable, so the handler gets none"
                    );
                    continue;
                }
                (None, Err(std::env::VarError::NotUnicode(_))) => {
                    bail!("--env {name}: the environment variable is not UTF-8 text")
                }
            };
            given.push((name.to_owned(), value));
        }
        Ok(SettingsSource { files: self.env_file, given })
    }
}

impl SettingsSource {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(&self) -> Result<Settings> {
        let mut settings = Settings::default();
        for file in &self.files {
            let named = || printable(&file.display().to_string()).into_owned();
            let text =
                read(file).with_context(|| format!("cannot read the settings in {}", named()))?;
            let pairs = dotenv::parse(&text)
                .with_context(|| format!("cannot read the settings in {}", named()))?;
            for (name, value) in pairs {
                settings.set(&name, value);
            }
        }
        for (name, value) in &self.given {
            settings.set(name, value.clone());
        }
        Ok(settings)
    }

    /// Watches the files, if there are any.
    ///
    /// # Errors
    /// When they cannot be watched.
    pub fn watch(&self) -> Result<Option<Watch>> {
        let files = self.files.iter().map(PathBuf::as_path);
        (!self.files.is_empty()).then(|| Watch::files(files)).transpose()
    }

    /// Reads the files again at each SIGHUP that is listened to, and at each change of those that are watched, for
    /// ever. Files that cannot be read are refused, and the present settings stay in use.
    pub async fn reload_on(
        self,
        mut hang_up: Option<Signal>,
        mut watch: Option<Watch>,
        server: Arc<Server>,
    ) {
        if self.files.is_empty() {
            return;
        }
        let source = Arc::new(self);
        loop {
            let hung_up = async {
                match &mut hang_up {
                    Some(hang_up) => hang_up.recv().await,
                    None => std::future::pending().await,
                }
            };
            let changed = async {
                match &mut watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = hung_up => {}
                () = changed => {}
            }
            let reading = Arc::clone(&source);
            let read = on_own_thread(move || reading.read()).await;
            match read.map_err(anyhow::Error::from).flatten() {
                Ok(settings) => {
                    server.replace_settings(settings);
                    tracing::info!(
                        "events that begin now have the settings as they are in the files"
                    );
                }
                Err(error) => tracing::error!("the old settings stay in use: {error:#}"),
            }
        }
    }
}

/// The text of a file of settings. One that others may read is told.
fn read(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path)?;
    let found = file.metadata()?;
    if found.mode() & 0o004 != 0 && found.is_file() {
        let shown = path.display().to_string();
        tracing::warn!(
            "every user of this machine can read {} (mode {:03o}): chmod 600 it",
            printable(&shown),
            found.mode() & 0o777
        );
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        bail!("it is over 1 MiB");
    }
    Ok(text)
}
