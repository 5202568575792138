//! Routes: which paths upgrade, and the parameters a path gives.
//!
//! A pattern is a list of segments: static text, `:name` for one segment, and a last `*` for one or
//! more. Of several that match, the first difference decides: static before
//! `:name` before `*`. Static text is compared with the path as sent; parameters are
//! percent-decoded.

use std::fmt;

/// The patterns of a handler, most specific first.
#[derive(Debug, Default)]
pub(crate) struct Routes {
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
    Parameter(Box<str>),
    Rest,
}

/// Names and decoded values of a matched route's parameters.
pub(crate) type Parameters = Box<[(Box<str>, Box<str>)]>;

/// Why a pattern is refused.
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
    /// Reads the patterns of a manifest.
    pub(crate) fn parse(patterns: Option<&[String]>) -> Result<Routes, RouteError> {
        let Some(patterns) = patterns else { return Ok(Routes { patterns: None }) };
        let mut parsed = patterns
            .iter()
            .map(|pattern| Pattern::parse(pattern))
            .collect::<Result<Vec<_>, _>>()?;
        parsed.sort();
        Ok(Routes { patterns: Some(parsed) })
    }

    /// The parameters of the most specific pattern that matches this path (without query), or
    /// `None` when the path is no route.
    pub(crate) fn find(&self, path: &str) -> Option<Parameters> {
        let Some(patterns) = &self.patterns else { return Some(Box::default()) };
        patterns.iter().find_map(|pattern| pattern.matches(path))
    }
}

impl Pattern {
    fn parse(pattern: &str) -> Result<Pattern, RouteError> {
        let refuse = |problem| RouteError { pattern: pattern.to_owned(), problem };
        let rest = pattern.strip_prefix('/').ok_or(refuse(RouteProblem::NoLeadingSlash))?;
        let mut segments = Vec::new();
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let segment = if part == "*" {
                if parts.peek().is_some() {
                    return Err(refuse(RouteProblem::InnerWildcard));
                }
                Segment::Rest
            } else if let Some(name) = part.strip_prefix(':') {
                if name.is_empty() {
                    return Err(refuse(RouteProblem::EmptyParameter));
                }
                let segment = Segment::Parameter(name.into());
                if segments.contains(&segment) {
                    return Err(refuse(RouteProblem::RepeatedParameter));
                }
                segment
            } else {
                Segment::Static(part.into())
            };
            segments.push(segment);
        }
        Ok(Pattern { segments })
    }

    fn matches(&self, path: &str) -> Option<Parameters> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let mut parameters = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Rest => return parts.next().map(|_rest| parameters.into()),
                Segment::Static(text) => {
                    if parts.next()? != &**text {
                        return None;
                    }
                }
                Segment::Parameter(name) => {
                    let part = parts.next()?;
                    if part.is_empty() {
                        return None;
                    }
                    parameters.push((name.clone(), percent_decode(part).into()));
                }
            }
        }
        parts.next().is_none().then(|| parameters.into())
    }
}

/// Decodes `%XX` as UTF-8. A sequence that is no hex, or decodes to no UTF-8, is kept as sent or
/// becomes U+FFFD: a client's spelling is no reason to refuse its connection.
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
            found.as_deref().map(|list| list.iter().map(|(n, v)| (&**n, &**v)).collect());
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
    fn a_path_matches_whole_segments() {
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
