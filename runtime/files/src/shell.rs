//! Paths in shell commands of messages, so that users can copy and run the commands.

use std::path::Path;

/// A path as one word of a shell command, quoted if it has to be.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |it: char| it.is_alphanumeric() || "-_./:@+,=".contains(it);
    if text.chars().all(is_plain) && !text.starts_with('-') {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
