//! What `zigttp:storage` keeps with `--durable`.

use serde_json::{Value, json};

use super::{ask, call, run};
use crate::support::durable::Durable;

fn durable() -> Durable {
    Durable::of(include_str!("../../fixtures/handlers/state.ts"))
}

fn put(key: &str, value: impl Into<Value>) -> Value {
    call("put", &[key.into(), value.into()])
}

#[tokio::test]
async fn storage_survives_a_kill_and_a_room_without_a_connection() {
    let durable = durable();
    for fsync in ["never", "always"] {
        let server = durable.serve(&["--fsync", fsync]);
        let mut client = server.connect("/room/a").await;
        let values =
            json!([put(fsync, json!({ "deep": [1, null, "é"] })), put("bytes", "@buffer")]);
        run(&mut client, values).await;
        server.kill();
        let server = durable.serve(&[]);
        let mut client = server.connect("/room/a").await;
        let read =
            run(&mut client, json!([call("get", &[fsync.into()]), call("get", &["bytes".into()])]))
                .await;
        assert_eq!(read, json!([{ "deep": [1, null, "é"] }, "ArrayBuffer 1,2,3"]));
        drop(client);
        server.signal("TERM");
        assert!(server.wait().success());
    }
}

#[tokio::test]
async fn what_an_event_has_told_is_stored() {
    let durable = durable();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    for number in 0..50 {
        ask(&mut client, json!({ "calls": [put("n", number)] })).await;
    }
    server.kill();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(run(&mut client, json!([call("get", &["n".into()])])).await, json!([49]));
}

#[test]
fn a_database_of_another_kind_or_a_newer_version_is_one_clear_error() {
    let durable = durable();
    std::fs::create_dir_all(durable.path("store")).expect("writable");
    crate::support::durable::set_mode(&durable.path("store"), 0o700);
    std::fs::write(durable.path("store/state.db"), "this is no database").expect("writable");
    let refused = durable.refused();
    assert!(refused.contains("store/state.db"), "{refused}");
    assert_eq!(refused.trim().lines().count(), 1, "{refused}");
    assert_eq!(
        std::fs::read_to_string(durable.path("store/state.db")).expect("still there"),
        "this is no database"
    );
}
