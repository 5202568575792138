//! The auction example.

use serde_json::{Value, json};

use super::{has_page, json, parse, serve};
use crate::support::client::Client;
use crate::support::programs::{compile_file, folder, program, root};
use crate::support::server::Server;

const LAMP: &str = "/auction/lamp";

/// Status and JSON of the response to a request with a body.
fn call(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let (head, body) = server.request(&format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {head:?}")), parse(&body))
}

/// Opens the auction of a lamp.
fn open(server: &Server, seconds: u64, overtime: u64) {
    let offer = json!({ "item": "Lamp", "price": 10, "seconds": seconds, "overtime": overtime });
    let (status, lot) = call(server, "PUT", LAMP, &offer.to_string());
    assert_eq!(status, 201, "{lot}");
    assert_eq!(
        (&lot["item"], &lot["price"], &lot["bids"]),
        (&"Lamp".into(), &10.into(), &0.into())
    );
}

fn bid(name: &str, amount: u64) -> String {
    json!({ "name": name, "amount": amount }).to_string()
}

fn look(server: &Server) -> Value {
    let (status, lot) = call(server, "GET", LAMP, "");
    assert_eq!(status, 200, "{lot}");
    lot
}

/// Milliseconds until the end.
fn left(lot: &Value) -> u64 {
    lot["left"].as_u64().unwrap_or_else(|| panic!("no time in {lot}"))
}

/// Watches the lamp: the client, which has been told about it.
async fn watch(server: &Server) -> Client {
    let mut client = server.connect(LAMP).await;
    assert_eq!(json(&mut client).await["lot"]["item"], "Lamp");
    client
}

/// Opens the results: the client, and those there are.
async fn results(server: &Server) -> (Client, Value) {
    let mut client = server.connect("/results").await;
    let results = json(&mut client).await["results"].clone();
    (client, results)
}

/// Reads on until the auction is over.
async fn over(client: &mut Client) -> Value {
    loop {
        let lot = json(client).await["lot"].clone();
        if lot["isOver"] == true {
            return lot;
        }
    }
}

#[tokio::test]
async fn bids_over_a_socket_and_over_http_are_compared_with_all_before() {
    let server = serve("auction");
    open(&server, 3600, 10);
    let mut ada = watch(&server).await;
    ada.send(bid("Ada", 9)).await;
    assert_eq!(json(&mut ada).await, json!({ "refused": "a bid has to be 10 at least" }));
    ada.send(bid(" Ada ", 10)).await;
    let told = json(&mut ada).await;
    assert_eq!((&told["lot"]["leader"], &told["lot"]["price"]), (&"Ada".into(), &10.into()));

    let refused = call(&server, "POST", LAMP, &bid("Bob", 10));
    assert_eq!(refused, (409, json!({ "error": "a bid has to be 11 at least" })));
    let (status, lot) = call(&server, "POST", LAMP, &bid("Bob", 20));
    assert_eq!((status, &lot["leader"], &lot["bids"]), (200, &"Bob".into(), &2.into()), "{lot}");
    assert_eq!(json(&mut ada).await["lot"]["leader"], "Bob");
    let latest = json!([{ "name": "Bob", "amount": 20 }, { "name": "Ada", "amount": 10 }]);
    assert_eq!(look(&server)["latest"], latest);
}

#[test]
fn of_many_equal_bids_the_first_one_counts() {
    let server = serve("auction");
    open(&server, 3600, 10);
    let (server, name) = (&server, |number: u32| format!("bidder {number}"));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let bids: Vec<_> = (0..20)
            .map(|number| {
                scope.spawn(move || call(server, "POST", LAMP, &bid(&name(number), 50)).0)
            })
            .collect();
        bids.into_iter().map(|bid| bid.join().expect("no thread panics")).collect()
    });
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(200), count(409)), (1, 19), "{statuses:?}");
    assert_eq!(look(server)["bids"], 1);
}

#[tokio::test]
async fn it_ends_by_itself_and_tells_its_members_and_the_results() {
    let server = serve("auction");
    let (mut results, none) = results(&server).await;
    assert_eq!(none, json!([]));
    open(&server, 5, 0);
    let mut ada = watch(&server).await;
    ada.send(bid("Ada", 12)).await;
    let lot = over(&mut ada).await;
    assert_eq!((&lot["leader"], &lot["price"], left(&lot)), (&"Ada".into(), &12.into(), 0));

    let told = json(&mut results).await["results"][0].clone();
    assert!(told["at"].as_u64().is_some_and(|at| at > 1_700_000_000_000), "{told}");
    let expected = json!({
        "auction": LAMP, "item": "Lamp", "price": 12, "winner": "Ada", "at": told["at"],
    });
    assert_eq!(told, expected);
    assert_eq!(call(&server, "GET", "/results", ""), (200, json!({ "results": [expected] })));

    let refused = json!({ "error": "the auction is over" });
    assert_eq!(call(&server, "POST", LAMP, &bid("Bob", 99)), (409, refused));
    ada.send(bid("Ada", 99)).await;
    assert_eq!(json(&mut ada).await, json!({ "refused": "the auction is over" }));
}

#[test]
fn a_bid_in_the_last_seconds_extends_it_and_an_earlier_one_does_not() {
    let server = serve("auction");
    open(&server, 3600, 10);
    let (_, lot) = call(&server, "POST", LAMP, &bid("Ada", 10));
    assert!((3_000_000..=3_600_000).contains(&left(&lot)), "{lot}");

    // Ten minutes of overtime in an auction of one: every bid is a late one.
    let server = serve("auction");
    open(&server, 60, 600);
    assert!(left(&look(&server)) <= 60_000);
    let (_, lot) = call(&server, "POST", LAMP, &bid("Ada", 10));
    assert!((500_000..=600_000).contains(&left(&lot)), "{lot}");
    // One that is refused does not.
    let before = left(&look(&server));
    assert_eq!(call(&server, "POST", LAMP, &bid("Bob", 10)).0, 409);
    assert!(left(&look(&server)) <= before);
}

#[tokio::test]
async fn it_ends_though_nobody_is_there_and_the_server_was_not_either() {
    let folder = folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let handler = compile_file("examples/auction/handler.ts");
    let server = Server::start(&handler, &["--durable", path]);
    open(&server, 1, 0);
    server.kill();

    let server = Server::start(&handler, &["--durable", path]);
    let (mut client, mut ended) = results(&server).await;
    if ended == json!([]) {
        ended = json(&mut client).await["results"].clone();
    }
    assert_eq!((&ended[0]["item"], ended[0].get("winner")), (&"Lamp".into(), None), "{ended}");
    assert_eq!(ended.as_array().map(Vec::len), Some(1));
    assert_eq!(look(&server)["isOver"], true);
}

#[tokio::test]
async fn it_says_so_if_the_results_cannot_be_told() {
    // Recording a result never ends, which is tried three times.
    let copy = folder();
    let example = std::fs::read_dir(root().join("examples/auction")).expect("it can be listed");
    for file in example.map(|entry| entry.expect("it can be listed").path()) {
        let source = std::fs::read_to_string(&file).expect("it can be read");
        let source = source.replace("  // Sorted by time", "  for (;;);\n  // Sorted by time");
        let name = file.file_name().expect("files have names");
        std::fs::write(copy.path().join(name), source).expect("the folder is writable");
    }
    let artifact = copy.path().join("handler.wasm");
    let mut build = program("zigts");
    build.arg("build").arg(copy.path().join("handler.ts")).arg("-o").arg(&artifact);
    assert!(build.output().expect("zigts starts").status.success());

    let server = Server::start(&artifact, &["--cpu-limit", "200ms"]);
    open(&server, 1, 0);
    let mut client = watch(&server).await;
    let mut lot = look(&server);
    while lot["isUntold"] != true {
        lot = json(&mut client).await["lot"].clone();
    }
    assert_eq!(lot["isOver"], true);
    assert_eq!(call(&server, "GET", "/results", "").1, json!({ "results": [] }));
}

#[tokio::test]
async fn odd_requests_and_messages_get_one_clear_response() {
    let server = serve("auction");
    let refused = Client::try_connect(server.address, LAMP).await;
    let error = refused.err().expect("there is no such auction yet").to_string();
    assert!(error.contains("404"), "{error}");
    assert_eq!(call(&server, "GET", LAMP, "").0, 404);
    assert_eq!(call(&server, "POST", LAMP, &bid("Ada", 10)).0, 409);
    let offer = r#"{"item":"Lamp","seconds":3600}"#;
    assert_eq!(call(&server, "PUT", "/auction/Lamp", offer).0, 400);
    for odd in ["", "null", r#"{"item":"Lamp"}"#, r#"{"item":"\ud83d","seconds":60}"#] {
        assert_eq!(call(&server, "PUT", LAMP, odd).0, 400, "{odd}");
    }
    assert_eq!(call(&server, "PUT", LAMP, offer).0, 201);
    assert_eq!(call(&server, "PUT", LAMP, offer).0, 409);
    assert_eq!(call(&server, "DELETE", LAMP, "").0, 405);
    assert_eq!(call(&server, "POST", "/results", &bid("Ada", 10)).0, 405);

    for odd in ["", "null", r#"{"name":"Ada","amount":1.5}"#, r#"{"name":" ","amount":10}"#] {
        assert_eq!(call(&server, "POST", LAMP, odd).0, 400, "{odd}");
        let mut client = watch(&server).await;
        client.send(odd).await;
        assert_eq!(client.closed().await.0, 1008, "{odd}");
    }
    let (mut client, _) = results(&server).await;
    client.send(bid("Ada", 10)).await;
    assert_eq!(client.closed().await.0, 1008);
}

#[test]
fn the_page_is_served() {
    has_page(&serve("auction"), "Auction on zigttp");
}
