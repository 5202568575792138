//! The channels example.

use serde_json::{Value, json};

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::server::Server;

async fn connect(server: &Server, name: &str) -> Client {
    server.connect(&format!("/socket?name={name}")).await
}

/// Asks for something; returns the acknowledgement. Nothing else comes before it.
async fn ask(client: &mut Client, event: &str, data: Value) -> Value {
    client.send(json!([event, data, 7]).to_string()).await;
    let packet = json(client).await;
    assert_eq!((&packet[0], &packet[1]), (&json!("ack"), &json!(7)), "{packet}");
    packet[2].clone()
}

fn news(text: &str) -> Value {
    json!({ "channel": "news", "text": text })
}

#[tokio::test]
async fn who_is_in_a_channel_hears_the_others_and_each_request_is_acknowledged() {
    let server = serve("channels");
    let [mut ada, mut bob, mut cy] = [
        connect(&server, "ada").await,
        connect(&server, "bob").await,
        connect(&server, "cy").await,
    ];
    assert_eq!(ask(&mut ada, "join", news("")).await, json!({ "members": ["ada"] }));
    assert_eq!(ask(&mut bob, "join", news("")).await, json!({ "members": ["ada", "bob"] }));
    assert_eq!(json(&mut ada).await, json!(["joined", "news", "bob"]));
    assert_eq!(ask(&mut ada, "say", news(" hello ")).await, json!({ "heard": 1 }));
    assert_eq!(json(&mut bob).await, json!(["said", "news", "ada", "hello"]));
    // Who is not in it is told so, and hears nothing.
    assert_eq!(
        ask(&mut cy, "say", news("me too")).await,
        json!({ "error": "join the channel first" })
    );
    assert_eq!(ask(&mut bob, "leave", news("")).await, json!({}));
    assert_eq!(json(&mut ada).await, json!(["left", "news", "bob"]));
    assert_eq!(ask(&mut ada, "say", news("anybody?")).await, json!({ "heard": 0 }));
}

#[tokio::test]
async fn who_leaves_the_site_leaves_all_channels() {
    let server = serve("channels");
    let [mut ada, mut bob] = [connect(&server, "ada").await, connect(&server, "bob").await];
    for channel in ["one", "two"] {
        for client in [&mut ada, &mut bob] {
            ask(client, "join", json!({ "channel": channel })).await;
        }
        assert_eq!(json(&mut ada).await, json!(["joined", channel, "bob"]));
    }
    bob.close(1000, "").await;
    for channel in ["one", "two"] {
        assert_eq!(json(&mut ada).await, json!(["left", channel, "bob"]));
    }
}

#[tokio::test]
async fn no_channel_is_the_room_of_a_user_and_nonsense_is_told() {
    let server = serve("channels");
    let mut eve = connect(&server, "eve").await;
    // It joins `channel:user_ada`, and nobody's room.
    let joined = ask(&mut eve, "join", json!({ "channel": "user_ada" })).await;
    assert_eq!(joined, json!({ "members": ["eve"] }));
    for nonsense in [
        "",
        "null",
        "[]",
        r#"["join"]"#,
        r#"["join",{"channel":"user:ada"}]"#,
        r#"["join",{"channel":""}]"#,
        r#"["say",{"channel":"news","text":" "}]"#,
        r#"["say",{"channel":"news","text":"x"},-1]"#,
        r#"["shout",{"channel":"news"}]"#,
    ] {
        eve.send(nonsense).await;
        let told = json(&mut eve).await;
        assert_eq!(told, json!(["problem", "not a message of this example"]), "{nonsense}");
    }
    for path in ["/socket", "/socket?name=", "/socket?name=a%20b"] {
        let refused = Client::try_connect(server.address, path).await;
        let error = refused.err().expect("it is refused").to_string();
        assert!(error.contains("400"), "{path}: {error}");
    }
}

#[test]
fn the_page_is_served() {
    has_page(&serve("channels"), "Channels on zigttp");
}
