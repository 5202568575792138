//! Routes: which paths upgrade, and the parameters in a path.
//!
//! A pattern is a list of segments: static text, `:name` for one segment, and a last `*` for one or more. If
//! several match, the first segment in which they differ decides: static before `:name` before `*`. Static
//! text is compared with the path as it was sent; parameters are percent-decoded.

use std::fmt;
use std::sync::Arc;

use crate::shared_text::SharedText;

/// The patterns of a handler, most specific first.
#[derive(Debug, Default)]
pub struct Routes {
    /// `None` when the handler declares no routes: every path upgrades, without parameters.
    patterns: Option<Vec<Pattern>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    segments: Vec<Segment>,
}

/// The order of the variants is the precedence.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Static(Box<str>),
    Parameter(Arc<str>),
    Rest,
}

/// The names and decoded values of a route's parameters.
pub type Parameters = Box<[(Arc<str>, SharedText)]>;

/// A path with query that matches a route.
pub struct Opening {
    /// The path and query, stored once: the room's key and most parameters are parts of it.
    pub url: Arc<str>,
    pub parameters: Parameters,
}

/// The path in a path with query.
pub fn path(url: &str) -> &str {
    url.split_once('?').map_or(url, |(path, _query)| path)
}

/// A malformed pattern.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("route {pattern:?} {problem}")]
pub struct RouteError {
    /// The pattern as it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: RouteProblem,
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteProblem {
    /// It does not begin with `/`.
    NoLeadingSlash,
    /// It has a `:` without a name.
    EmptyParameter,
    /// It names a parameter twice.
    RepeatedParameter,
    /// It has a `*` that is not its last segment.
    InnerWildcard,
}

impl fmt::Display for RouteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RouteProblem::NoLeadingSlash => "does not begin with a slash",
            RouteProblem::EmptyParameter => "has a parameter without a name",
            RouteProblem::RepeatedParameter => "names a parameter twice",
            RouteProblem::InnerWildcard => "has a * that is not its last segment",
        })
    }
}

impl Routes {
    /// Parses the patterns of a manifest.
    pub fn parse(patterns: Option<&[String]>) -> Result<Routes, RouteError> {
        let Some(patterns) = patterns else { return Ok(Routes { patterns: None }) };
        let mut parsed = patterns
            .iter()
            .map(|pattern| Pattern::parse(pattern))
            .collect::<Result<Vec<_>, _>>()?;
        parsed.sort();
        Ok(Routes { patterns: Some(parsed) })
    }

    /// Matches a path with query against the most specific pattern; `None` if none matches.
    pub fn find(&self, url: &str) -> Option<Opening> {
        let path = path(url);
        let pattern = match &self.patterns {
            Some(patterns) => Some(patterns.iter().find(|pattern| pattern.matches(path))?),
            None => None,
        };
        let url = Arc::from(url);
        let parameters = pattern.map_or_else(Box::default, |it| it.parameters(&url));
        Some(Opening { url, parameters })
    }
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Pattern, RouteError> {
        let error = |problem| RouteError { pattern: pattern.to_owned(), problem };
        let rest = pattern.strip_prefix('/').ok_or(error(RouteProblem::NoLeadingSlash))?;
        let mut segments = Vec::new();
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let segment = if part == "*" {
                if parts.peek().is_some() {
                    return Err(error(RouteProblem::InnerWildcard));
                }
                Segment::Rest
            } else if let Some(name) = part.strip_prefix(':') {
                if name.is_empty() {
                    return Err(error(RouteProblem::EmptyParameter));
                }
                let segment = Segment::Parameter(name.into());
                if segments.contains(&segment) {
                    return Err(error(RouteProblem::RepeatedParameter));
                }
                segment
            } else {
                Segment::Static(part.into())
            };
            segments.push(segment);
        }
        Ok(Pattern { segments })
    }

    fn matches(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix('/') else { return false };
        let mut parts = rest.split('/');
        for segment in &self.segments {
            let Some(part) = parts.next() else { return false };
            match segment {
                Segment::Rest => return true,
                Segment::Static(text) if part == &**text => {}
                Segment::Parameter(_) if !part.is_empty() => {}
                Segment::Static(_) | Segment::Parameter(_) => return false,
            }
        }
        parts.next().is_none()
    }

    /// The parameters of a URL whose path matches.
    fn parameters(&self, url: &Arc<str>) -> Parameters {
        let mut parameters = Vec::new();
        // The start of the segment, after its slash.
        let mut start = 1;
        for (segment, part) in self.segments.iter().zip(path(url)[1..].split('/')) {
            let end = start + part.len();
            if let Segment::Parameter(name) = segment {
                let value = match part.contains('%') {
                    true => SharedText::from(&*percent_decode(part)),
                    false => SharedText::part(url, start..end),
                };
                parameters.push((Arc::clone(name), value));
            }
            start = end + 1;
        }
        parameters.into()
    }
}

/// Decodes `%XX` as UTF-8. A sequence that is not hex stays as it was sent, and one that is not UTF-8 becomes
/// U+FFFD: neither is a reason to refuse a connection.
fn percent_decode(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&str]) -> Result<Routes, RouteError> {
        Routes::parse(Some(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()))
    }

    fn check(patterns: &[&str], path: &str, expected: Option<&[(&str, &str)]>) {
        let found = routes(patterns).expect("the patterns are good").find(path);
        let found: Option<Vec<(&str, &str)>> =
            found.as_ref().map(|it| it.parameters.iter().map(|(n, v)| (&**n, &**v)).collect());
        assert_eq!(found.as_deref(), expected, "{patterns:?} {path}");
    }

    #[test]
    fn without_routes_every_path_upgrades() {
        assert!(Routes::parse(None).expect("nothing to refuse").find("/any/where").is_some());
    }

    #[test]
    fn static_comes_before_parameter_before_wildcard() {
        let patterns = ["/*", "/room/:name", "/room/lobby"];
        check(&patterns, "/room/lobby", Some(&[]));
        check(&patterns, "/room/a", Some(&[("name", "a")]));
        check(&patterns, "/room/a/b", Some(&[]));
        check(&patterns, "/", Some(&[]));
    }

    #[test]
    fn parameters_are_percent_decoded() {
        check(&["/r/:a/:b"], "/r/caf%C3%A9/x%2Fy", Some(&[("a", "café"), ("b", "x/y")]));
        check(&["/r/:a"], "/r/100%", Some(&[("a", "100%")]));
        check(&["/r/:a"], "/r/%ff", Some(&[("a", "\u{fffd}")]));
    }

    #[test]
    fn a_parameter_without_escapes_shares_the_url() {
        let routes = routes(&["/r/:a/:b/*"]).expect("it is good");
        let Opening { url, parameters } = routes.find("/r/one/tw%6F/x?a/b").expect("it matches");
        assert_eq!(&*url, "/r/one/tw%6F/x?a/b");
        let values: Vec<&str> = parameters.iter().map(|(_, value)| &**value).collect();
        assert_eq!(values, ["one", "two"]);
        assert_eq!(Arc::strong_count(&url), 2, "the first shares it");
    }

    #[test]
    fn a_path_matches_complete_segments() {
        check(&["/room/:name"], "/room/", None);
        check(&["/room/:name"], "/room/a/", None);
        check(&["/room/:name"], "/rooms/a", None);
        check(&["/room"], "/room", Some(&[]));
        check(&["/files/*"], "/files", None);
        check(&["/files/*"], "/files/a/b", Some(&[]));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for (pattern, problem) in [
            ("room", RouteProblem::NoLeadingSlash),
            ("/:", RouteProblem::EmptyParameter),
            ("/:a/:a", RouteProblem::RepeatedParameter),
            ("/*/x", RouteProblem::InnerWildcard),
        ] {
            assert_eq!(routes(&[pattern]).expect_err(pattern).problem, problem);
        }
    }
}
