//! `zigttp init`: begins a project.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use zigts_rules::printable::printable;

use crate::template::{File, Template};

/// Arguments of `zigttp init`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The project's folder, made if it is not there; `.` is this one
    folder: PathBuf,
    /// What the handler is to begin as
    #[arg(long, value_enum, default_value_t = Template::Chat)]
    template: Template,
}

/// Runs the command.
///
/// # Errors
/// When a file is there already, or one cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    let files = arguments.template.files(&project_name(folder));
    for file in &files {
        let path = folder.join(file.name);
        // A link that leads nowhere is there as well.
        if path.symlink_metadata().is_ok() {
            bail!("`{}` is there already; nothing was written", path.display());
        }
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for file in &files {
        write(&folder.join(file.name), &file.text)?;
    }
    tell(folder, &files)
}

/// Writes a file that is not there.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::File::create_new(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// What a project in this folder is called.
fn project_name(folder: &Path) -> String {
    let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    // `.` and `..` have no name of their own, but lead to one.
    name(folder)
        .or_else(|| name(&folder.canonicalize().ok()?))
        .unwrap_or_else(|| "handler".to_owned())
}

fn tell(folder: &Path, files: &[File]) -> anyhow::Result<()> {
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
    writeln!(output, "\nThen open http://127.0.0.1:8080 in two tabs, and change handler.ts.")?;
    Ok(())
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |it: char| it.is_alphanumeric() || "-_./".contains(it);
    if text.chars().all(is_plain) && !text.starts_with('-') {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
