//! Files by the names that editors have for them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use gen_lsp_types::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde_json::Value;

use crate::overlay::plain;

/// What is written as `%XX` in a path: all that RFC 3986 does not call unreserved, less `/`.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The file a URI names; `None` for one that names no file on this machine.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.0.strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    let path = Path::new(OsStr::from_bytes(&bytes));
    path.is_absolute().then(|| plain(path))
}

/// The URI that names a file.
pub(super) fn of(path: &Path) -> Uri {
    Uri(format!("file://{}", percent_encode(path.as_os_str().as_bytes(), ENCODED)))
}

/// The folders a client says it works in, among the parameters of `initialize`.
pub(super) fn folders(params: &Value) -> Vec<PathBuf> {
    let uris: Vec<&Value> = match params["workspaceFolders"].as_array() {
        Some(folders) => folders.iter().map(|folder| &folder["uri"]).collect(),
        None => vec![&params["rootUri"]],
    };
    uris.into_iter().filter_map(|uri| path(&Uri(uri.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use gen_lsp_types::Uri;

    use super::{of, path};

    #[test]
    fn uris_of_files_are_paths_and_back() {
        for (uri, expected) in [
            ("file:///srv/chat.ts", "/srv/chat.ts"),
            ("file:///srv/my%20app/zo%C3%AB%231.ts", "/srv/my app/zoë#1.ts"),
        ] {
            assert_eq!(path(&Uri::from(uri)), Some(PathBuf::from(expected)));
            assert_eq!(of(Path::new(expected)).0, uri);
        }
        assert_eq!(path(&Uri::from("file://localhost/a/./b/../c.ts")), Some("/a/c.ts".into()));
        for other in ["untitled:Untitled-1", "file://host/a.ts", "", "/a.ts"] {
            assert_eq!(path(&Uri::from(other)), None, "{other}");
        }
    }
}
