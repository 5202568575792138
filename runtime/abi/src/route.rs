//! Routes: which paths a handler serves, and which room each of them names.
//!
//! A pattern is a list of segments: static text, `:name` for one segment, and a last `*` for one or more. Static
//! text is compared with the path as it was sent. What other routers read more into a pattern is refused: as text it
//! would match nothing, or what nobody meant.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One of `export const routes`: in JSON a pattern, or an object if it says more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Route {
    /// The pattern of its paths.
    pub path: String,
    /// The pattern of the rooms that they name; without it a path names the room that is called like it.
    pub room: Option<String>,
    /// Whether WebSockets open there.
    pub upgrades: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a route is a pattern, or an object with path, room and upgrade")]
enum Written {
    Pattern(String),
    Object(Object),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    upgrade: bool,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl From<Written> for Route {
    fn from(written: Written) -> Route {
        match written {
            Written::Pattern(path) => Route { path, room: None, upgrades: true },
            Written::Object(Object { path, room, upgrade }) => {
                Route { path, room, upgrades: upgrade }
            }
        }
    }
}

impl From<Route> for Written {
    fn from(Route { path, room, upgrades }: Route) -> Written {
        match (room, upgrades) {
            (None, true) => Written::Pattern(path),
            (room, upgrade) => Written::Object(Object { path, room, upgrade }),
        }
    }
}

/// As people read it: the path, and in parentheses what else is said.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match (&self.room, self.upgrades) {
            (None, true) => Ok(()),
            (None, false) => f.write_str(" (no WebSockets)"),
            (Some(room), true) => write!(f, " (room {room})"),
            (Some(room), false) => write!(f, " (room {room}, no WebSockets)"),
        }
    }
}

/// The patterns of a route.
#[derive(Debug)]
pub struct Patterns {
    pub path: Pattern,
    pub room: Option<Pattern>,
}

impl Route {
    /// Reads its patterns.
    ///
    /// # Errors
    /// When one of them is malformed, or the room's needs what no path has.
    pub fn patterns(&self) -> Result<Patterns, RouteError> {
        let error = |pattern: &str, is_room, problem| RouteError {
            pattern: pattern.to_owned(),
            is_room,
            problem,
        };
        let path = Pattern::parse(&self.path)
            .and_then(Pattern::of_paths)
            .map_err(|problem| error(&self.path, false, problem))?;
        let room = self.room.as_deref().map(|room| {
            Pattern::parse(room)
                .and_then(|pattern| pattern.within(&path))
                .map_err(|problem| error(room, true, problem))
        });
        Ok(Patterns { room: room.transpose()?, path })
    }
}

/// A malformed pattern.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {pattern:?} {problem}", of(.is_room))]
pub struct RouteError {
    /// The pattern as it was written.
    pub pattern: String,
    /// Whether it is that of the room, not of the path.
    pub is_room: bool,
    /// What is wrong with it.
    pub problem: RouteProblem,
}

fn of(is_room: &bool) -> &'static str {
    if *is_room { "room" } else { "route" }
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteProblem {
    /// It does not begin with `/`.
    NoLeadingSlash,
    /// It has a `:` without a name.
    EmptyParameter,
    /// It names a parameter twice.
    RepeatedParameter,
    /// It has a `*` that is not its last segment.
    InnerWildcard,
    /// It has a `*` beside something else in one segment.
    PartialWildcard,
    /// It has a parameter that may be missing, `:name?`.
    OptionalParameter,
    /// It has a parameter of several segments, `:name*` or `:name+`.
    RepeatingParameter,
    /// It has a parameter with an expression, `:name(…)`.
    ParameterExpression,
    /// It has a parameter with something behind its name, `:name.json`.
    PartialParameter,
    /// It has a character that is in no path as it is sent.
    NoPathCharacter(char),
    /// The pattern of a room has this parameter, and that of the path does not.
    UnknownParameter(Arc<str>),
    /// The pattern of a room has a `*`, and that of the path does not.
    UnknownWildcard,
}

impl fmt::Display for RouteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RouteProblem::NoLeadingSlash => "does not begin with a slash",
            RouteProblem::EmptyParameter => "has a parameter without a name",
            RouteProblem::RepeatedParameter => "names a parameter twice",
            RouteProblem::InnerWildcard => "has a * that is not its last segment",
            RouteProblem::PartialWildcard => "has a * that is only a part of a segment",
            RouteProblem::OptionalParameter => "has a parameter that may be missing",
            RouteProblem::RepeatingParameter => "has a parameter of several segments",
            RouteProblem::ParameterExpression => "restricts what a parameter may be",
            RouteProblem::PartialParameter => "has a parameter that is only a part of a segment",
            RouteProblem::NoPathCharacter(character) => {
                return write!(f, "has a {character:?}, which is in no path");
            }
            RouteProblem::UnknownParameter(name) => {
                return write!(
                    f,
                    "has the parameter :{name}, which the path of its route does not have"
                );
            }
            RouteProblem::UnknownWildcard => "has a *, which the path of its route does not have",
        })
    }
}

/// A pattern of paths or rooms. The more specific one is the smaller one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    pub segments: Vec<Segment>,
}

/// The order of the variants is the precedence.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    Static(Box<str>),
    Parameter(Arc<str>),
    /// One or more segments.
    Rest,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(pattern: &str) -> Result<Pattern, RouteProblem> {
        let rest = pattern.strip_prefix('/').ok_or(RouteProblem::NoLeadingSlash)?;
        let mut segments = Vec::new();
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let segment = if part == "*" {
                if parts.peek().is_some() {
                    return Err(RouteProblem::InnerWildcard);
                }
                Segment::Rest
            } else if let Some(name) = part.strip_prefix(':') {
                let segment = Segment::Parameter(parameter(name)?.into());
                if segments.contains(&segment) {
                    return Err(RouteProblem::RepeatedParameter);
                }
                segment
            } else if part.contains('*') {
                return Err(RouteProblem::PartialWildcard);
            } else {
                Segment::Static(part.into())
            };
            segments.push(segment);
        }
        Ok(Pattern { segments })
    }

    /// The pattern, if its text can be that of a path.
    fn of_paths(self) -> Result<Pattern, RouteProblem> {
        let texts = self.segments.iter().filter_map(|segment| match segment {
            Segment::Static(text) => Some(text),
            _ => None,
        });
        // The query and the fragment are no part of a path; the others are sent percent-encoded (URL Standard, path
        // percent-encode set).
        let is_in_no_path =
            |it: &char| "?#{}<>\"`\\".contains(*it) || it.is_whitespace() || it.is_control();
        match texts.flat_map(|text| text.chars()).find(is_in_no_path) {
            Some(character) => Err(RouteProblem::NoPathCharacter(character)),
            None => Ok(self),
        }
    }

    /// The pattern, if all that it needs occurs in this path.
    fn within(self, path: &Pattern) -> Result<Pattern, RouteProblem> {
        let missing = self
            .segments
            .iter()
            .find(|it| !matches!(it, Segment::Static(_)) && !path.segments.contains(it));
        match missing {
            Some(Segment::Parameter(name)) => Err(RouteProblem::UnknownParameter(Arc::clone(name))),
            Some(_) => Err(RouteProblem::UnknownWildcard),
            None => Ok(self),
        }
    }

    /// Whether a path without query, or the name of a room, has this form.
    pub fn matches(&self, path: &str) -> bool {
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

    /// Whether it matches this path and no other.
    pub fn is_only(&self, path: &str) -> bool {
        let is_static = |segment: &Segment| matches!(segment, Segment::Static(_));
        self.segments.iter().all(is_static) && self.matches(path)
    }
}

/// The name of a parameter, of what stands behind its colon.
fn parameter(text: &str) -> Result<&str, RouteProblem> {
    let is_of_name = |it: char| it.is_alphanumeric() || it == '_' || it == '$';
    let (name, rest) = text.split_at(text.find(|it| !is_of_name(it)).unwrap_or(text.len()));
    match rest.chars().next() {
        _ if name.is_empty() => Err(RouteProblem::EmptyParameter),
        None => Ok(name),
        Some('?') => Err(RouteProblem::OptionalParameter),
        Some('*' | '+') => Err(RouteProblem::RepeatingParameter),
        Some('(') => Err(RouteProblem::ParameterExpression),
        Some(_) => Err(RouteProblem::PartialParameter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str, room: Option<&str>) -> Route {
        Route { path: path.to_owned(), room: room.map(str::to_owned), upgrades: true }
    }

    #[test]
    fn a_route_is_a_string_in_json_unless_it_says_more() {
        let check = |route: Route, json: &str| {
            assert_eq!(serde_json::to_string(&route).expect("it serialises"), json);
            assert_eq!(serde_json::from_str::<Route>(json).expect("it is read"), route);
        };
        check(route("/a", None), r#""/a""#);
        check(route("/a/:b", Some("/:b")), r#"{"path":"/a/:b","room":"/:b"}"#);
        check(Route { upgrades: false, ..route("/a", None) }, r#"{"path":"/a","upgrade":false}"#);
        let plain: Route = serde_json::from_str(r#"{"path":"/a"}"#).expect("it is read");
        assert_eq!(plain, route("/a", None));
    }

    #[test]
    fn json_of_a_later_version_is_refused() {
        for json in [r#"{"path":"/a","kind":1}"#, r#"{"room":"/a"}"#, "7", r#"{"path":7}"#] {
            let error = serde_json::from_str::<Route>(json).expect_err(json).to_string();
            assert_eq!(error, "a route is a pattern, or an object with path, room and upgrade");
        }
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for (pattern, problem) in [
            ("room", RouteProblem::NoLeadingSlash),
            ("", RouteProblem::NoLeadingSlash),
            ("/:", RouteProblem::EmptyParameter),
            ("/:a/:a", RouteProblem::RepeatedParameter),
            ("/*/x", RouteProblem::InnerWildcard),
            ("/**", RouteProblem::PartialWildcard),
            ("/*name", RouteProblem::PartialWildcard),
            ("/a*", RouteProblem::PartialWildcard),
            ("/:?", RouteProblem::EmptyParameter),
            ("/:a?", RouteProblem::OptionalParameter),
            ("/:a?/b", RouteProblem::OptionalParameter),
            ("/:a*", RouteProblem::RepeatingParameter),
            ("/:a+", RouteProblem::RepeatingParameter),
            (r"/:a(\d+)", RouteProblem::ParameterExpression),
            ("/:a.json", RouteProblem::PartialParameter),
            ("/:a-:b", RouteProblem::PartialParameter),
        ] {
            let error = route(pattern, None).patterns().expect_err(pattern);
            assert_eq!((error.is_room, &error.problem), (false, &problem));
            let error = route("/:a/*", Some(pattern)).patterns().expect_err(pattern);
            assert_eq!((error.is_room, error.problem), (true, problem));
        }
    }

    #[test]
    fn text_that_no_path_has_is_refused_in_paths_alone() {
        for (pattern, character) in
            [("/a?b=1", '?'), ("/a#b", '#'), ("/{id}", '{'), ("/a b", ' '), ("/<id>", '<')]
        {
            let error = route(pattern, None).patterns().expect_err(pattern);
            assert_eq!(error.problem, RouteProblem::NoPathCharacter(character));
            route("/api", Some(pattern)).patterns().expect(pattern);
        }
        for pattern in ["/:caf\u{e9}", "/:$a_1", "/v1.2", "/users:batch", "/%20", "/~a", "/(a)"] {
            route(pattern, None).patterns().expect(pattern);
        }
    }

    #[test]
    fn all_that_a_room_needs_occurs_in_its_path() {
        for room in ["/lobby", "/:b/:a", "/x/:a/y", "/:a/*", "/*"] {
            route("/api/:a/:b/*", Some(room)).patterns().expect(room);
        }
        let error = route("/api/:id", Some("/auction/:number")).patterns().expect_err("no :number");
        assert_eq!(
            error.to_string(),
            "room \"/auction/:number\" has the parameter :number, which the path of its route does not have"
        );
        let error = route("/api/:id", Some("/*")).patterns().expect_err("no *");
        assert_eq!(error.problem, RouteProblem::UnknownWildcard);
    }

    #[test]
    fn a_path_matches_complete_segments() {
        for (pattern, path, expected) in [
            ("/room/:name", "/room/a", true),
            ("/room/:name", "/room/", false),
            ("/room/:name", "/room/a/", false),
            ("/room/:name", "/room/a/b", false),
            ("/room/:name", "/rooms/a", false),
            ("/room/:name", "room/a", false),
            ("/room", "/room", true),
            ("/lobby", "/lobby/", false),
            ("/files/*", "/files", false),
            ("/files/*", "/files/a/b", true),
            ("/*", "/", true),
        ] {
            let matches = Pattern::parse(pattern).expect("it is good").matches(path);
            assert_eq!(matches, expected, "{pattern} {path}");
        }
    }
}
