//! The dice example.

use serde_json::{Value, json};

use super::{has_page, raw_json, serve};
use crate::support::raw::{RawClient, TEXT};
use crate::support::server::Server;

/// Logs in over HTTP; returns the token in the cookie.
fn log_in(server: &Server, name: &str) -> String {
    let body = json!({ "name": name }).to_string();
    let (head, body) = server.request(&format!(
        "POST /login HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head} {body}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: dice="));
    let (token, attributes) = cookie.and_then(|it| it.split_once("; ")).expect("a cookie");
    assert!(attributes.contains("HttpOnly; SameSite=Strict"), "{attributes}");
    token.to_owned()
}

fn cookie(token: &str) -> String {
    format!("Cookie: other=1; dice={token}\r\n")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// Logs in and opens a WebSocket.
fn come(server: &Server, name: &str, path: &str) -> RawClient {
    let headers = cookie(&log_in(server, name));
    RawClient::connect_with(server.address, path, &headers).0
}

/// The status with which an upgrade with these headers is refused.
fn refusal(server: &Server, path: &str, headers: &str) -> String {
    let (head, _) = server.request(&format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    ));
    head.split(' ').nth(1).expect("a status").to_owned()
}

fn me(server: &Server, headers: &str) -> Value {
    let (_, body) = server
        .request(&format!("GET /me HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n"));
    serde_json::from_str::<Value>(&body).expect("it is JSON")["name"].clone()
}

#[test]
fn only_who_has_logged_in_may_connect() {
    let server = serve("dice");
    assert_eq!(refusal(&server, "/lobby", ""), "401");
    let token = log_in(&server, "Zoë B. Best");
    assert_eq!(me(&server, &cookie(&token)), "Zoë B. Best");
    assert_eq!(me(&server, &bearer(&token)), "Zoë B. Best");
    assert_eq!(refusal(&server, "/table/nowhere", &cookie(&token)), "404");

    // Another name, a longer life, another signature, half of one.
    let (claim, signature) = token.rsplit_once('.').expect("it is signed");
    let (name, end) = claim.rsplit_once('.').expect("it ends");
    for forged in [
        format!("ada.{end}.{signature}"),
        format!("{name}.9{end}.{signature}"),
        format!("{claim}.{}", "0".repeat(64)),
        format!("{claim}.{}", &signature[..32]),
        String::new(),
    ] {
        assert_eq!(refusal(&server, "/lobby", &cookie(&forged)), "401", "{forged}");
        assert_eq!(me(&server, &bearer(&forged)), Value::Null, "{forged}");
    }
}

#[test]
fn a_backend_that_knows_the_secret_can_make_tokens() {
    // HMAC-SHA-256 by OpenSSL with the secret of the example. One is valid until 2100, one was valid until
    // 1970.
    const GOOD: &str =
        "ada.4102444800.6f1ecb24db030cdcf0a998cdff2b470244fcb56e0b4f656d431aedb433dec148";
    const OVER: &str = "ada.1.373b12a76279dbc76e428b32f2ce4798bd49b0bca77ed56925a9a637db1f69e0";
    let server = serve("dice");
    assert_eq!(me(&server, &bearer(GOOD)), "ada");
    assert_eq!(me(&server, &bearer(OVER)), Value::Null);
}

#[test]
fn a_name_is_asked_for() {
    let server = serve("dice");
    for body in ["", "{", "null", "{}", r#"{"name":" "}"#, r#"{"name":"\ud800"}"#] {
        let (head, _) = server.request(&format!(
            "POST /login HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert!(head.starts_with("HTTP/1.1 400 "), "{body}: {head}");
    }
}

#[test]
fn two_play_until_one_has_won_five_rounds() {
    let server = serve("dice");
    let mut lobby = come(&server, "eve", "/lobby");
    let tables = raw_json(&mut lobby);
    assert_eq!(tables["tables"][0], json!({ "path": "/table/oak", "seats": 6, "players": [] }));
    let mut ada = come(&server, "ada", "/table/oak");
    assert_eq!(raw_json(&mut ada)["news"], "ada sits down.");
    assert_eq!(raw_json(&mut lobby)["tables"][0]["players"], json!(["ada"]));
    // Alone there is no round.
    ada.frame(TEXT, b"roll");
    let mut bob = come(&server, "bob", "/table/oak");
    assert_eq!(raw_json(&mut bob)["news"], "bob sits down.");
    assert_eq!(raw_json(&mut ada)["players"][0]["roll"], json!([]));
    assert_eq!(raw_json(&mut lobby)["tables"][0]["players"], json!(["ada", "bob"]));

    let mut scores = [0, 0];
    loop {
        bob.frame(TEXT, b"roll");
        // To roll twice counts once.
        bob.frame(TEXT, b"roll");
        let news = raw_json(&mut ada)["news"].clone();
        assert!(news.as_str().is_some_and(|news| news.starts_with("bob rolls ")), "{news}");
        assert_eq!(raw_json(&mut bob)["news"], news);
        ada.frame(TEXT, b"roll");
        let outcome = raw_json(&mut ada);
        assert_eq!(raw_json(&mut bob), outcome);
        let sum = |player: usize| -> u64 {
            let roll = outcome["players"][player]["roll"].as_array().expect("it was rolled");
            let dice = roll.iter().map(|die| die.as_u64().expect("a number"));
            assert!(dice.clone().all(|die| (1..=6).contains(&die)), "{outcome}");
            dice.sum()
        };
        let winner = match sum(0).cmp(&sum(1)) {
            std::cmp::Ordering::Greater => Some((0, "ada")),
            std::cmp::Ordering::Less => Some((1, "bob")),
            std::cmp::Ordering::Equal => None,
        };
        let news = outcome["news"].as_str().expect("a text");
        match winner {
            None => assert!(news.ends_with("nobody wins the round."), "{outcome}"),
            Some((index, name)) => {
                scores[index] += 1;
                if scores[index] == 5 {
                    assert_eq!(news, format!("{name} wins the game!"));
                    assert_eq!(outcome["players"][0]["score"], 0);
                    break;
                }
                let best = sum(index);
                assert_eq!(news, format!("{name} wins the round with {best}."));
            }
        }
        for (index, score) in scores.iter().enumerate() {
            assert_eq!(outcome["players"][index]["score"], *score, "{outcome}");
        }
    }
}

#[test]
fn a_seat_is_taken_once_and_there_are_six() {
    let server = serve("dice");
    let mut players: Vec<RawClient> = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        players.push(come(&server, name, "/table/elm"));
        for player in &mut players {
            assert_eq!(raw_json(player)["news"], format!("{name} sits down."));
        }
    }
    let mut again = come(&server, "a", "/table/elm");
    let (code, reason) = again.close_frame();
    assert_eq!((code, reason.as_str()), (Some(4001), "you sit at this table already"));
    let mut late = come(&server, "g", "/table/elm");
    assert_eq!(late.close_frame(), (Some(4002), "the table is full".to_owned()));

    // Five have rolled; the sixth leaves, and the round is over. The others got nothing about the refused
    // one.
    let sixth = players.pop().expect("six came");
    for player in &mut players {
        player.frame(TEXT, b"roll");
    }
    for _ in 0..5 {
        let news = raw_json(&mut players[0])["news"].clone();
        assert!(news.as_str().is_some_and(|news| news.contains(" rolls ")), "{news}");
    }
    drop(sixth);
    let last = raw_json(&mut players[0]);
    assert!(last["news"].as_str().is_some_and(|news| news.contains("wins the round")), "{last}");
    assert!(last["players"].as_array().is_some_and(|players| players.len() == 5), "{last}");
}

#[test]
fn the_page_is_served() {
    has_page(&serve("dice"), "Dice on zigttp");
}
