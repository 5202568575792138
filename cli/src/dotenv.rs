//! Reads a file of settings, `NAME=value` lines, as the npm package `dotenv` and `node --env-file` do.
//!
//! Where those two differ, or pass over what they cannot read, this is an error with its line: half of a secret is worse
//! than none. Nothing is looked up anywhere: `$NAME` stands for itself. Errors quote no value.

use std::fmt;

/// What is wrong with a file of settings, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct DotenvError {
    pub line: usize,
    pub what: &'static str,
}

impl fmt::Display for DotenvError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for DotenvError {}

/// Whether a setting may have this name.
pub fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// Names and values in the order of the file.
///
/// # Errors
/// At the first line that is neither a setting nor blank nor a comment.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut settings = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let error = |what| DotenvError { line, what };
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let start = first.trim_start();
        if start.is_empty() || start.starts_with('#') {
            rest = after;
            continue;
        }
        let (name, value) = start.split_once('=').ok_or(error("there is no `=` after the name"))?;
        let name = match name.trim_end() {
            name if is_name(name) => name,
            name => match name.strip_prefix("export").map(|name| (name, name.trim_start())) {
                Some((before, name)) if before != name && is_name(name) => name,
                _ => {
                    return Err(error("the name may have letters, digits, `_`, `.` and `-` alone"));
                }
            },
        };
        let value = value.trim_start();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => {
                // It may go on in further lines.
                let opened = &rest[first.len() - value.len() + 1..];
                let (quoted, behind) = opened
                    .split_once(quote)
                    .ok_or(error("the quote that begins here does not end"))?;
                let (remark, next) = behind.split_once('\n').unwrap_or((behind, ""));
                if !matches!(remark.trim_start().chars().next(), None | Some('#')) {
                    return Err(error(
                        "something follows the closing quote; put a value with quotes inside into the other kind",
                    ));
                }
                rest = next;
                match quote {
                    '"' => quoted.replace("\\n", "\n").replace("\\r", "\r"),
                    _ => quoted.to_owned(),
                }
            }
            _ => {
                rest = after;
                let end = value.find('#').unwrap_or(value.len());
                value[..end].trim_end().to_owned()
            }
        };
        settings.push((name.to_owned(), value));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let read = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let read: Vec<_> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(read, expected, "{text:?}");
    }

    #[test]
    fn files_are_read_as_dotenv_and_node_do() {
        check("A=1", &[("A", "1")]);
        check("  A = b c  # d\n", &[("A", "b c")]);
        check("A=a#b", &[("A", "a")]);
        check("A='a # b' # c", &[("A", "a # b")]);
        check("A=\"a # b\"# c", &[("A", "a # b")]);
        check("A=\"a\\nb\\\\nc\\td\"", &[("A", "a\nb\\\nc\\td")]);
        check("A='a\\nb'", &[("A", "a\\nb")]);
        check("A=`a \"b\" 'c'`", &[("A", "a \"b\" 'c'")]);
        check("A=\"x\ny\"\nB=2", &[("A", "x\ny"), ("B", "2")]);
        check("A='x\n\ny' # z\nB=2", &[("A", "x\n\ny"), ("B", "2")]);
        check("export A=1\nexport=2", &[("A", "1"), ("export", "2")]);
        check("# c\n\n  # d\nA=1\n", &[("A", "1")]);
        check("A=\nB=   \nC=\"\"", &[("A", ""), ("B", ""), ("C", "")]);
        check(
            "A==\nB=b=c\nC=it's\nD='it\"s'",
            &[("A", "="), ("B", "b=c"), ("C", "it's"), ("D", "it\"s")],
        );
        check("A.B=1\nA-B=2\n1A=3", &[("A.B", "1"), ("A-B", "2"), ("1A", "3")]);
        check("A=1\r\nB=\"a\r\nb\"\r\n", &[("A", "1"), ("B", "a\nb")]);
        check("\u{feff}A=$B\nC=${B}\nD=\\n", &[("A", "$B"), ("C", "${B}"), ("D", "\\n")]);
        check("A=1\nA=2", &[("A", "1"), ("A", "2")]);
        check("", &[]);
    }

    #[test]
    fn what_the_two_read_differently_or_pass_over_is_an_error_with_its_line() {
        for (text, line, what) in [
            ("A=1\nnovalue\nB=2", 2, "no `=`"),
            ("A: 1", 1, "no `=`"),
            ("A B=1", 1, "the name"),
            ("=x", 1, "the name"),
            ("A='1'\n\nB=\"abc\nC=1", 3, "does not end"),
            ("A='abc", 1, "does not end"),
            ("A=\"x\ny\"\nB=\"a\\\"b\"", 3, "closing quote"),
            ("A=\"x\" y", 1, "closing quote"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.line == line && error.what.contains(what), "{text:?}: {error}");
        }
    }

    #[test]
    fn errors_quote_nothing_of_the_file() {
        for text in ["hunter2", "A=\"hunter2", "hunter2 =x y", "A=\"x\" hunter2"] {
            if let Err(error) = parse(text) {
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
        }
    }
}
