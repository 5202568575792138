//! `zigttp init`: starts a project.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use zigts_rules::printable::printable;
use zigttp_files::shell::quoted;

use crate::port_option::DEFAULT_PORT;
use crate::template::{File, Template};

/// Arguments of `zigttp init`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The project's folder, made if it is missing; `.` is the current one
    folder: PathBuf,
    /// What the handler starts from
    #[arg(long, value_enum, default_value_t = Template::Chat)]
    template: Template,
}

/// Runs the command.
///
/// # Errors
/// When a file already exists, or one cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    let files = arguments.template.files(&project_name(folder));
    for file in &files {
        let path = folder.join(file.name);
        // A link that leads nowhere exists as well.
        if path.symlink_metadata().is_ok() {
            bail!("`{}` already exists; nothing was written", path.display());
        }
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for file in &files {
        write(&folder.join(file.name), &file.text)?;
    }
    print_next_steps(folder, &files)
}

/// Writes a new file.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::File::create_new(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// The name of a project in this folder.
fn project_name(folder: &Path) -> String {
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    // `.` and `..` have no name of their own, but lead to a folder that has one.
    name(folder)
        .or_else(|| name(&folder.canonicalize().ok()?))
        .unwrap_or_else(|| "handler".to_owned())
}

fn print_next_steps(folder: &Path, files: &[File]) -> anyhow::Result<()> {
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "written to {}: {}",
        printable(&folder.display().to_string()),
        names.join(", ")
    )?;
    writeln!(output, "\nNext:\n")?;
    if folder != Path::new(".") {
        writeln!(output, "    cd {}", printable(&quoted(folder)))?;
    }
    writeln!(output, "    zigttp dev handler.ts")?;
    writeln!(
        output,
        "\nThen open http://127.0.0.1:{DEFAULT_PORT} in two tabs, and change handler.ts."
    )?;
    Ok(())
}
