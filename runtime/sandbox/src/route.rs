//! Which route a path has, and the room and the parameters that follow from it.
//!
//! If several routes match, the first segment in which they differ decides: static text before `:name` before
//! `*`. Parameters are percent-decoded. The room is the path, or what the route says, with all that is not
//! static text in one form (see [`form`]): however a client has written it, it is one room. Without routes
//! each path is a room as it was sent.

pub mod form;

use std::sync::Arc;

use zigttp_abi::api::MAX_ROOM_BYTES;
use zigttp_abi::route::{Pattern, Patterns, Route, Segment};
pub use zigttp_abi::route::{RouteError, RouteProblem};

use self::form::{in_one_form, is_in_one_form, percent_decode};
use crate::shared_text::SharedText;

/// The routes of a handler, most specific first.
#[derive(Debug, Default)]
pub struct Routes {
    /// `None` when the handler declares no routes: every path upgrades, without parameters.
    routes: Option<Vec<Parsed>>,
}

#[derive(Debug)]
struct Parsed {
    patterns: Patterns,
    upgrades: bool,
}

/// The names and decoded values of a route's parameters.
pub type Parameters = Box<[(Arc<str>, SharedText)]>;

/// The route of a path.
#[derive(Clone, Copy)]
pub struct Matched<'a> {
    /// `None` without routes.
    route: Option<&'a Parsed>,
}

/// A path with query, and what its route makes of it.
pub struct Opening {
    /// The path and query, stored once: the room and most parameters are parts of it.
    pub url: Arc<str>,
    pub room: SharedText,
    pub parameters: Parameters,
}

/// The room of a path has more than [`MAX_ROOM_BYTES`] bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct RoomTooLong;

/// The path in a path with query.
pub fn path(url: &str) -> &str {
    url.split_once('?').map_or(url, |(path, _query)| path)
}

impl Routes {
    /// Reads the routes of a manifest.
    pub fn parse(routes: Option<&[Route]>) -> Result<Routes, RouteError> {
        let Some(routes) = routes else { return Ok(Routes { routes: None }) };
        let mut parsed = routes
            .iter()
            .map(|route| Ok(Parsed { patterns: route.patterns()?, upgrades: route.upgrades }))
            .collect::<Result<Vec<_>, _>>()?;
        parsed.sort_by(|a, b| a.patterns.path.cmp(&b.patterns.path));
        Ok(Routes { routes: Some(parsed) })
    }

    /// The most specific route of a path with query; `None` if no route matches.
    pub fn find(&self, url: &str) -> Option<Matched<'_>> {
        let path = path(url);
        let route = match &self.routes {
            Some(routes) => Some(routes.iter().find(|route| route.patterns.path.matches(path))?),
            None => None,
        };
        Some(Matched { route })
    }

    /// The parameters of a path, with or without query; none if no route matches.
    pub fn parameters(&self, url: &str) -> Parameters {
        let path = path(url);
        let matched = self.find(path).and_then(|matched| matched.route);
        matched.map_or_else(Box::default, |route| parameters(&route.patterns.path, &path.into()))
    }

    /// The parameters in the name of a room; none if no route names such rooms.
    pub fn parameters_of_room(&self, room: &str) -> Parameters {
        let patterns = self
            .routes
            .iter()
            .flatten()
            .map(|Parsed { patterns, .. }| patterns.room.as_ref().unwrap_or(&patterns.path));
        let pattern = patterns.filter(|pattern| pattern.matches(room)).min();
        pattern.map_or_else(Box::default, |pattern| parameters(pattern, &room.into()))
    }
}

impl Matched<'_> {
    /// Whether WebSockets open there.
    pub fn upgrades(self) -> bool {
        self.route.is_none_or(|route| route.upgrades)
    }

    /// What the route makes of a path with query that it matches. A room that the handler has `named` is that.
    ///
    /// # Errors
    /// When the name of the room is too long.
    pub fn open(self, url: &str, named: Option<SharedText>) -> Result<Opening, RoomTooLong> {
        let url: Arc<str> = url.into();
        let path = SharedText::part(&url, 0..path(&url).len());
        let patterns = self.route.map(|route| &route.patterns);
        let parameters =
            patterns.map_or_else(Box::default, |patterns| parameters(&patterns.path, &path));
        let room = match (named, patterns) {
            (Some(named), _) => named,
            (None, Some(patterns)) => room(patterns, &path),
            (None, None) => path,
        };
        match room.len() {
            ..=MAX_ROOM_BYTES => Ok(Opening { url, room, parameters }),
            _ => Err(RoomTooLong),
        }
    }
}

impl Opening {
    /// A path with query that no route matches, in the room that the handler has named.
    pub fn without_route(url: &str, room: SharedText) -> Opening {
        Opening { url: url.into(), room, parameters: Box::default() }
    }
}

/// The room of a path that matches.
fn room(Patterns { path: pattern, room }: &Patterns, path: &SharedText) -> SharedText {
    let parts = || path[1..].split('/');
    // What is behind the last segment belongs to its `*`.
    let is_static = |index| matches!(pattern.segments.get(index), Some(Segment::Static(_)));
    let is_in_form = |(index, part)| is_static(index) || is_in_one_form(part);
    if room.is_none() && parts().enumerate().all(is_in_form) {
        return path.clone();
    }
    let mut name = String::new();
    let mut add = |part: &str| {
        name.push('/');
        name.push_str(part);
    };
    for segment in &room.as_ref().unwrap_or(pattern).segments {
        let count = match segment {
            Segment::Static(text) => {
                add(text);
                continue;
            }
            Segment::Parameter(_) => 1,
            Segment::Rest => usize::MAX,
        };
        let index = pattern.segments.iter().position(|it| it == segment);
        let index = index.expect("the path of a route has all that its room needs");
        parts().skip(index).take(count).for_each(|part| add(&in_one_form(part)));
    }
    SharedText::from(&*name)
}

/// The parameters of a path, or of the name of a room, that matches a pattern.
fn parameters(pattern: &Pattern, path: &SharedText) -> Parameters {
    let mut parameters = Vec::new();
    // The start of the segment, after its slash.
    let mut start = 1;
    for (segment, part) in pattern.segments.iter().zip(path[1..].split('/')) {
        let end = start + part.len();
        if let Segment::Parameter(name) = segment {
            let value = match part.contains('%') {
                true => SharedText::from(&*percent_decode(part)),
                false => path.part_of(start..end),
            };
            parameters.push((Arc::clone(name), value));
        }
        start = end + 1;
    }
    parameters.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        Route { path: path.to_owned(), room: None, upgrades: true }
    }

    fn routes(routes: &[Route]) -> Routes {
        Routes::parse(Some(routes)).expect("the routes are good")
    }

    fn opening(patterns: &[&str], url: &str) -> Option<Opening> {
        let patterns: Vec<_> = patterns.iter().map(|it| route(it)).collect();
        let routes = routes(&patterns);
        let matched = routes.find(url)?;
        Some(matched.open(url, None).expect("the room is short"))
    }

    fn check(patterns: &[&str], path: &str, expected: Option<&[(&str, &str)]>) {
        let found = opening(patterns, path);
        let found: Option<Vec<(&str, &str)>> =
            found.as_ref().map(|it| it.parameters.iter().map(|(n, v)| (&**n, &**v)).collect());
        assert_eq!(found.as_deref(), expected, "{patterns:?} {path}");
    }

    #[test]
    fn without_routes_every_path_upgrades_and_is_a_room_as_it_was_sent() {
        let routes = Routes::parse(None).expect("nothing to refuse");
        let matched = routes.find("/any/wh%65re?x").expect("it matches");
        assert!(matched.upgrades());
        let opening = matched.open("/any/wh%65re?x", None).expect("the room is short");
        assert_eq!(&*opening.room, "/any/wh%65re");
    }

    #[test]
    fn static_comes_before_parameter_before_wildcard() {
        let patterns = ["/*", "/room/:name", "/room/lobby"];
        check(&patterns, "/room/lobby", Some(&[]));
        check(&patterns, "/room/a", Some(&[("name", "a")]));
        check(&patterns, "/room/a/b", Some(&[]));
        check(&patterns, "/", Some(&[]));
        check(&["/room/:name"], "/", None);
    }

    #[test]
    fn parameters_are_percent_decoded() {
        check(&["/r/:a/:b"], "/r/caf%C3%A9/x%2Fy", Some(&[("a", "café"), ("b", "x/y")]));
        check(&["/r/:a"], "/r/100%", Some(&[("a", "100%")]));
        check(&["/r/:a"], "/r/%ff", Some(&[("a", "\u{fffd}")]));
    }

    #[test]
    fn a_parameter_without_escapes_shares_the_url() {
        let Opening { url, room, parameters } =
            opening(&["/r/:a/:b/*"], "/r/one/tw%6F/x?a/b").expect("it matches");
        assert_eq!(&*url, "/r/one/tw%6F/x?a/b");
        let values: Vec<&str> = parameters.iter().map(|(_, value)| &**value).collect();
        assert_eq!(values, ["one", "two"]);
        assert_eq!(&*room, "/r/one/two/x");
        assert_eq!(Arc::strong_count(&url), 2, "the first shares it");
    }

    fn room(route: Route, url: &str) -> String {
        let routes = routes(&[route]);
        let matched = routes.find(url).expect("it matches");
        matched.open(url, None).expect("the room is short").room.to_string()
    }

    #[test]
    fn however_a_path_is_written_it_is_one_room() {
        for url in ["/room/caf%C3%A9?x", "/room/caf%c3%a9", "/room/%63af%C3%a9", "/room/café"] {
            assert_eq!(room(route("/room/:name"), url), "/room/caf%C3%A9", "{url}");
            assert_eq!(room(route("/room/*"), url), "/room/caf%C3%A9", "{url}");
        }
        assert_eq!(room(route("/*"), "/%61/b%2Fc//%7e"), "/a/b%2Fc//~");
        assert_eq!(
            room(route("/r%6F/:a"), "/r%6F/%61"),
            "/r%6F/a",
            "static text is as it was sent"
        );
    }

    #[test]
    fn a_room_in_this_form_shares_the_url() {
        let Opening { url, room, .. } =
            opening(&["/room/:name"], "/room/a~b?x").expect("it matches");
        assert_eq!((&*room, Arc::strong_count(&url)), ("/room/a~b", 2));
    }

    #[test]
    fn a_route_may_name_a_room_of_another_form() {
        let with = |path: &str, room: &str| Route { room: Some(room.to_owned()), ..route(path) };
        let bids = with("/api/auction/:id/bids", "/auction/:id");
        assert_eq!(room(bids, "/api/auction/%37/bids?a"), "/auction/7");
        assert_eq!(room(with("/x/:a/:b", "/:b/:a"), "/x/1/2"), "/2/1");
        assert_eq!(room(with("/x/*", "/y/*"), "/x/1/%32/"), "/y/1/2/");
        assert_eq!(room(with("/:a/*", "/lobby"), "/x/1"), "/lobby");
    }

    #[test]
    fn a_path_and_the_name_of_a_room_have_the_parameters_of_their_patterns() {
        let bids = Route { room: Some("/a/:number".to_owned()), ..route("/api/:number/bids") };
        let routes = routes(&[bids, route("/a/:id/*"), route("/*"), route("/:x/:y")]);
        let text = |parameters: Parameters| {
            let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", &**value));
            pairs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(routes.parameters("/api/%37/bids?x")), "number=7");
        assert_eq!(text(routes.parameters("/")), "");
        assert_eq!(text(routes.parameters_of_room("/a/caf%C3%A9?")), "number=café?");
        assert_eq!(text(routes.parameters_of_room("/b/c")), "x=b y=c");
        assert_eq!(text(routes.parameters_of_room("user:42")), "");
        assert_eq!(text(Routes::default().parameters("/a/b")), "");
        assert_eq!(text(Routes::default().parameters_of_room("/a/b")), "");
    }

    #[test]
    fn a_room_has_1024_bytes_at_most() {
        let routes = routes(&[route("/:a")]);
        let open = |url: &str| {
            let matched = routes.find(url).expect("it matches");
            matched.open(url, None).map(|opening| opening.room.len())
        };
        assert_eq!(open(&format!("/{}", "a".repeat(1023))), Ok(1024));
        assert_eq!(open(&format!("/{}", "a".repeat(1024))), Err(RoomTooLong));
        assert_eq!(open(&format!("/{}", "é".repeat(200))), Err(RoomTooLong), "6 bytes each");
        assert_eq!(open(&format!("/{}", "%61".repeat(1023))), Ok(1024));
    }

    #[test]
    fn a_route_may_be_for_requests_alone() {
        let bids = Route { upgrades: false, ..route("/bids") };
        let routes = routes(&[bids, route("/*")]);
        assert!(!routes.find("/bids").expect("it matches").upgrades());
        assert!(routes.find("/others").expect("it matches").upgrades());
    }
}
