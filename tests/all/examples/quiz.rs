//! The quiz example.

use serde_json::{Value, json};

use super::{has_page, json, serve};
use crate::support::client::Client;
use crate::support::programs::{compile_file, folder};
use crate::support::server::Server;

/// Joins a quiz as a new player: the client, and how things are.
async fn join(server: &Server, name: &str) -> (Client, Value) {
    come(server, &format!("name={name}")).await
}

async fn come(server: &Server, query: &str) -> (Client, Value) {
    let mut client = server.connect(&format!("/quiz/friday?{query}")).await;
    let news = json(&mut client).await;
    (client, news)
}

/// Reads on until things are like that.
async fn until(client: &mut Client, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let news = json(client).await;
        if is_so(&news) {
            return news;
        }
    }
}

/// Reads on until the quiz has gone on after `before`.
async fn gone_on(client: &mut Client, before: &Value) -> Value {
    until(client, |news| news["step"] != before["step"]).await
}

/// Says something about how things are.
async fn say(client: &mut Client, news: &Value, mut message: Value) {
    message["step"] = news["step"].clone();
    client.send(message.to_string()).await;
}

/// The host starts; seconds for a question, and for its solution. Returns the first question.
async fn start(host: &mut Client, news: &Value, question: u64, solution: u64) -> Value {
    let pace = json!({ "question": question, "solution": solution });
    say(host, news, json!({ "type": "start", "pace": pace })).await;
    let first = gone_on(host, news).await;
    assert_eq!((&first["phase"], &first["number"]), (&"question".into(), &1.into()), "{first}");
    first
}

fn answer(choice: u64) -> Value {
    json!({ "type": "answer", "choice": choice })
}

/// What is right in the first question.
const RIGHT: u64 = 2;

#[tokio::test]
async fn solutions_and_questions_come_by_themselves() {
    let server = serve("quiz");
    let (mut ada, lobby) = join(&server, "Ada").await;
    let (mut bob, _) = join(&server, "Bob").await;
    assert_eq!((&lobby["phase"], &lobby["you"]["isHost"]), (&"lobby".into(), &true.into()));
    assert_eq!(lobby.get("left"), None, "{lobby}");

    let first = start(&mut ada, &lobby, 4, 1).await;
    assert!(first["left"].as_u64().is_some_and(|left| left <= 4000), "{first}");
    assert_eq!(first.get("right"), None, "{first}");
    say(&mut ada, &first, answer(RIGHT)).await;
    // The first answer counts.
    say(&mut ada, &first, answer(0)).await;
    let told = until(&mut bob, |news| news["players"][0]["hasAnswered"] == true).await;
    assert_eq!(
        (&told["players"][0]["score"], &told["players"][1]["hasAnswered"]),
        (&0.into(), &false.into())
    );

    let solution = gone_on(&mut bob, &told).await;
    assert_eq!((&solution["phase"], &solution["right"]), (&"solution".into(), &RIGHT.into()));
    let gained = solution["players"][0]["gained"].as_u64().expect("she was right");
    assert!((50..=100).contains(&gained), "{solution}");
    assert_eq!(solution["players"][0]["score"], gained);
    assert_eq!(
        (&solution["players"][1]["score"], solution["you"].get("choice")),
        (&0.into(), None)
    );

    let second = gone_on(&mut bob, &solution).await;
    assert_eq!((&second["phase"], &second["number"]), (&"question".into(), &2.into()), "{second}");
    assert_eq!(
        (&second["players"][0]["hasAnswered"], &second["players"][0]["score"]),
        (&false.into(), &gained.into())
    );

    // The host need not wait, to the very end.
    let mut now = until(&mut ada, |news| news["step"] == second["step"]).await;
    while now["phase"] != "over" {
        say(&mut ada, &now, json!({ "type": "next" })).await;
        now = gone_on(&mut ada, &now).await;
    }
    assert_eq!((now.get("left"), &now["players"][0]["score"]), (None, &gained.into()), "{now}");
    // And once more from the beginning.
    let again = start(&mut ada, &now, 60, 60).await;
    assert_eq!(again["players"][0]["score"], 0);
}

#[tokio::test]
async fn nobody_waits_once_all_have_answered() {
    // Longer than this test may take.
    let server = serve("quiz");
    let (mut ada, lobby) = join(&server, "Ada").await;
    let (mut bob, _) = join(&server, "Bob").await;
    let first = start(&mut ada, &lobby, 60, 60).await;
    say(&mut ada, &first, answer(RIGHT)).await;
    say(&mut bob, &first, answer(0)).await;
    let solution = until(&mut ada, |news| news["phase"] == "solution").await;
    assert_eq!(solution["players"][1]["gained"], 0);

    // Who comes late is told everything.
    let (mut dan, late) = join(&server, "Dan").await;
    assert_eq!((&late["phase"], &late["right"]), (&"solution".into(), &RIGHT.into()), "{late}");
    assert!(late["left"].as_u64().is_some_and(|left| (1..=60_000).contains(&left)), "{late}");
    assert_eq!((&late["players"][2]["name"], &late["you"]["player"]), (&"Dan".into(), &2.into()));

    // Whoever leaves is not waited for either.
    say(&mut ada, &solution, json!({ "type": "next" })).await;
    let second = until(&mut dan, |news| news["number"] == 2).await;
    say(&mut ada, &second, answer(0)).await;
    say(&mut dan, &second, answer(0)).await;
    until(&mut dan, |news| news["players"][2]["hasAnswered"] == true).await;
    bob.leave().await;
    let over = gone_on(&mut dan, &second).await;
    assert_eq!(
        (&over["phase"], &over["players"][1]["isHere"]),
        (&"solution".into(), &false.into())
    );
}

#[tokio::test]
async fn only_the_host_goes_on_and_what_comes_too_late_is_for_no_other_question() {
    let server = serve("quiz");
    let (mut ada, lobby) = join(&server, "Ada").await;
    let (mut bob, _) = join(&server, "Bob").await;
    let first = start(&mut ada, &lobby, 60, 60).await;
    say(&mut bob, &first, json!({ "type": "next" })).await;
    say(&mut bob, &first, json!({ "type": "start", "pace": { "question": 1, "solution": 1 } }))
        .await;
    say(&mut bob, &first, answer(0)).await;
    let told = until(&mut bob, |news| news["players"][1]["hasAnswered"] == true).await;
    assert_eq!(told["step"], first["step"]);

    say(&mut ada, &first, json!({ "type": "next" })).await;
    let solution = gone_on(&mut bob, &told).await;
    say(&mut ada, &solution, json!({ "type": "next" })).await;
    let second = gone_on(&mut bob, &solution).await;
    // These are about what was; then comes one about what is.
    say(&mut bob, &first, answer(1)).await;
    say(&mut bob, &solution, answer(1)).await;
    say(&mut bob, &second, answer(3)).await;
    let told = until(&mut bob, |news| news["players"][1]["hasAnswered"] == true).await;
    assert_eq!((&told["step"], &told["you"]["choice"]), (&second["step"], &3.into()));

    // The host is who has been here longest.
    ada.leave().await;
    until(&mut bob, |news| news["you"]["isHost"] == true).await;
}

#[tokio::test]
async fn a_restart_of_the_server_is_not_the_end() {
    let folder = folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let handler = compile_file("examples/quiz/handler.ts");
    let server = Server::start(&handler, &["--durable", path]);
    let (mut ada, lobby) = join(&server, "Ada").await;
    let (_bob, _) = join(&server, "Bob").await;
    let first = start(&mut ada, &lobby, 5, 60).await;
    say(&mut ada, &first, answer(RIGHT)).await;
    until(&mut ada, |news| news["players"][0]["hasAnswered"] == true).await;
    server.kill();

    // Bob has not answered and does not come back, so that it is the timer that goes on: now, or already
    // when the server started.
    let server = Server::start(&handler, &["--durable", path]);
    let id = lobby["you"]["id"].as_str().expect("an id");
    let (mut ada, mut now) = come(&server, &format!("name=other&player={id}")).await;
    assert_eq!((&now["players"][0]["name"], &now["you"]["player"]), (&"Ada".into(), &0.into()));
    assert_eq!((&now["number"], &now["you"]["choice"]), (&1.into(), &RIGHT.into()), "{now}");
    if now["phase"] == "question" {
        now = gone_on(&mut ada, &now).await;
    }
    assert_eq!((&now["phase"], &now["players"][1]["isHere"]), (&"solution".into(), &false.into()));
    assert!(now["players"][0]["score"].as_u64().is_some_and(|score| score >= 50), "{now}");
}

#[tokio::test]
async fn of_two_who_come_at_once_one_gets_the_last_place() {
    let server = serve("quiz");
    let mut known = Value::Null;
    for number in 1..100 {
        let (client, news) = join(&server, &format!("p{number}")).await;
        known = news["you"]["id"].clone();
        client.close(1000, "").await;
    }
    let both = ["ada", "bob"].map(|name| format!("/quiz/friday?name={name}"));
    let (ada, bob) = tokio::join!(
        Client::try_connect(server.address, &both[0]),
        Client::try_connect(server.address, &both[1])
    );
    let refused = match (ada, bob) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error.to_string(),
        (ada, bob) => panic!("in: {} and {}", ada.is_ok(), bob.is_ok()),
    };
    assert!(refused.contains("409"), "{refused}");
    // A player who comes back has a place.
    let (_, news) = come(&server, &format!("player={}", known.as_str().expect("an id"))).await;
    assert_eq!(news["players"].as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn who_says_no_name_is_refused_and_nonsense_is_closed() {
    let server = serve("quiz");
    let long = "n".repeat(25);
    for query in ["", "?name=", &format!("?name={long}"), &format!("?player={}", "x".repeat(600))] {
        let refused = Client::try_connect(server.address, &format!("/quiz/friday{query}")).await;
        let error = refused.err().expect("it is refused").to_string();
        assert!(error.contains("400"), "{query}: {error}");
    }
    for nonsense in [
        "",
        "null",
        r#"{"type":"next"}"#,
        r#"{"type":"answer","step":0}"#,
        r#"{"type":"start","step":0,"pace":{"question":0,"solution":1}}"#,
        r#"{"type":"start","step":0,"pace":{"question":61,"solution":1}}"#,
    ] {
        let (mut client, _) = join(&server, "Ada").await;
        client.send(nonsense).await;
        assert_eq!(client.closed().await.0, 1008, "{nonsense}");
    }
}

#[test]
fn the_page_is_served() {
    has_page(&serve("quiz"), "Quiz on zigttp");
}
