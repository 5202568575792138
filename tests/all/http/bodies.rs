//! Bodies of requests: which transport holds a permit for one, and which waits for which.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::admin::{self, scrape};
use crate::support::h2::{DATA, H2Client, WINDOW_UPDATE};
use crate::support::{eventually, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
export async function handler(req: Request) { return Response.text(`got ${(await req.text()).length}`); }
"#,
    )
});

const BODIES: &str = "zigttp_request_bodies";
const LIMIT: &str = "zigttp_request_bodies_limit";

/// 64 permits for bodies, of which a transport has one.
const EVENTS: [&str; 2] = ["--max-events", "16"];

const POST: &str =
    "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn streams_that_send_nothing_of_their_bodies_keep_nobody_out() {
    let (server, admin) = admin::start(&HANDLER, &EVENTS);
    let mut clients: Vec<_> = (0..2).map(|_| H2Client::connect(server.address)).collect();
    for client in &mut clients {
        for _ in 0..99 {
            client.post("/");
        }
        // The server has read those before this one once its response comes.
        let last = client.get("/", &[]);
        assert_eq!(client.answer(last), (200, "got 0".to_owned()));
    }
    let metrics = scrape(admin);
    assert_eq!((metrics[BODIES], metrics[LIMIT]), (0.0, 64.0));
    let (head, body) = server.request(POST);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, "got 5");
}

#[test]
fn heads_without_bodies_have_a_bound_and_the_oldest_gives_way() {
    const EXPECTED: &str = "zigttp_expected_bytes";
    let (server, admin) = admin::start(&HANDLER, &EVENTS);
    let names: Vec<_> = (0..400).map(|number| format!("a{number}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let mut first = H2Client::connect(server.address);
    let oldest = first.post("/");
    eventually("its head is there", || scrape(admin)[EXPECTED] > 0.0);
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = H2Client::connect(server.address);
        for _ in 0..90 {
            client.post_with("/", &fields);
        }
        clients.push(client);
    }
    assert_eq!(first.answer(oldest), (503, "the server is busy\n".to_owned()));
    let held = scrape(admin)[EXPECTED];
    assert!((1.0..=f64::from(64 << 20)).contains(&held), "{held}");
    // A request that sends its body is not among them.
    assert_eq!(server.request(POST).1, "got 5");
    drop(clients);
    eventually("the end of all", || scrape(admin)[EXPECTED] == 0.0);
}

#[test]
fn a_few_transports_do_not_hold_the_places_of_all() {
    let (server, admin) = admin::start(&HANDLER, &EVENTS);
    let mut clients: Vec<_> = (0..3).map(|_| H2Client::connect(server.address)).collect();
    for client in &mut clients {
        for _ in 0..50 {
            let post = client.post("/");
            client.data(post, b"x", false);
        }
        // The server has read those before this one once its response comes.
        let last = client.get("/", &[]);
        while client.try_next().expect("the server answers").stream != last {}
    }
    const REFUSED: &str = "zigttp_http_unanswered_total{reason=\"too_many_bodies\"}";
    eventually("those over the half are refused", || {
        let metrics = scrape(admin);
        metrics[BODIES] + metrics[REFUSED] == 150.0
    });
    // Half of them, and the share of the transport that came later.
    let held = scrape(admin)[BODIES];
    assert!((32.0..=35.0).contains(&held), "{held}");
    let (head, _) = server.request(POST);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    drop(clients);
    eventually("all are free again", || scrape(admin)[BODIES] == 0.0);
}

#[test]
fn one_transport_posts_as_much_at_a_time_as_others_leave() {
    // A share of four, and 32 requests that run at a time.
    let (server, admin) = admin::start(&HANDLER, &["--max-events", "64"]);
    let mut client = H2Client::connect(server.address);
    let posts: Vec<_> = (0..30).map(|_| client.post("/")).collect();
    // The window of the connection has to be large enough for all.
    while client.try_next().expect("the server begins").kind != WINDOW_UPDATE {}
    let piece = [b'x'; 10_000];
    for is_end in [false, false, true] {
        for post in &posts {
            client.data(*post, &piece, is_end);
        }
    }
    let mut answers: HashMap<u32, Vec<u8>> = HashMap::new();
    while answers.values().filter(|answer| *answer == b"got 30000").count() < posts.len() {
        let frame = client.try_next().expect("the server answers");
        if frame.kind == DATA {
            let answer = answers.entry(frame.stream).or_default();
            answer.extend(frame.payload);
            assert!(b"got 30000".starts_with(answer), "{}", String::from_utf8_lossy(answer));
        }
    }
    assert_eq!(scrape(admin)[BODIES], 0.0);
}
