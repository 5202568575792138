//! The presence example.

use serde_json::{Value, json};

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::server::Server;

/// Joins a room: the client, its id, and the names it gets.
async fn join(server: &Server, room: &str, name: &str) -> (Client, Value, Vec<String>) {
    let mut client = server.connect(room).await;
    client.send(json!({ "type": "join", "name": name }).to_string()).await;
    let here = json(&mut client).await;
    assert_eq!(here["type"], "here", "{here}");
    let people = here["people"].as_array().expect("a list");
    let name = |person: &Value| person["name"].as_str().expect("a name").to_owned();
    let names = people.iter().map(name).collect();
    (client, here["you"].clone(), names)
}

#[tokio::test]
async fn everybody_knows_who_comes_types_and_goes() {
    let server = serve("presence");
    let (mut ada, ada_id, names) = join(&server, "/room/one", "Ada").await;
    assert_eq!(names, ["Ada"]);
    let (mut bob, bob_id, names) = join(&server, "/room/one", "Bob").await;
    assert_eq!(names, ["Ada", "Bob"]);
    let (_eve, _, names) = join(&server, "/room/two", "Eve").await;
    assert_eq!(names, ["Eve"]);

    let mut told = json(&mut ada).await;
    assert_eq!((&told["person"]["name"], &told["person"]["id"]), (&json!("Bob"), &bob_id));
    bob.send(r#"{"type":"typing","typing":true}"#).await;
    told = json(&mut ada).await;
    assert_eq!((&told["person"]["id"], &told["person"]["typing"]), (&bob_id, &json!(true)));
    bob.send(r#"{"type":"status","status":" reviewing "}"#).await;
    told = json(&mut ada).await;
    assert_eq!(told["person"]["typing"], false);
    assert_eq!(told["person"]["status"], "reviewing");

    // A newcomer gets what all others got; who joins again is still the same person.
    let (mut dan, _, _) = join(&server, "/room/one", "Dan").await;
    ada.send(r#"{"type":"join","name":"Ada Lovelace"}"#).await;
    told = json(&mut dan).await;
    assert_eq!(told["person"]["name"], "Ada Lovelace");
    assert_eq!(told["person"]["id"], ada_id);

    // With a close frame, and without.
    for name in ["Dan", "Ada Lovelace"] {
        assert_eq!(json(&mut bob).await["person"]["name"], name);
    }
    bob.close(1000, "").await;
    assert_eq!(json(&mut dan).await, json!({ "type": "left", "id": bob_id }));
    ada.drop_transport();
    assert_eq!(json(&mut dan).await, json!({ "type": "left", "id": ada_id }));
}

#[tokio::test]
async fn who_has_not_joined_is_not_seen_and_nonsense_is_closed() {
    let server = serve("presence");
    let (mut ada, _, _) = join(&server, "/room/one", "Ada").await;
    for nonsense in ["", "{", "null", r#"{"type":"join"}"#, r#"{"type":"join","name":"  "}"#] {
        let mut client = server.connect("/room/one").await;
        client.send(r#"{"type":"typing","typing":true}"#).await;
        client.send(nonsense).await;
        let (code, reason) = client.closed().await;
        assert_eq!((code, reason.as_str()), (1008, "not a message of this example"), "{nonsense}");
    }
    let (_bob, _, names) = join(&server, "/room/one", "Bob").await;
    assert_eq!(names, ["Ada", "Bob"]);
    assert_eq!(json(&mut ada).await["person"]["name"], "Bob");
}

#[test]
fn the_page_is_served() {
    has_page(&serve("presence"), "Presence on zigttp");
}
