//! Recordings that are cut off, damaged, foreign or of another time are told and counted.

use std::fs;

use crate::support::programs::compile;
use crate::support::recording::Recording;
use crate::support::server::Server;

const ECHO: &str = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;

async fn record(messages: usize) -> Recording {
    let recording = Recording::new();
    let server = Server::start(&compile(ECHO), &recording.arguments());
    let mut client = server.connect("/a").await;
    for number in 0..messages {
        client.ask(&number.to_string()).await;
    }
    client.drop_transport();
    server.signal("TERM");
    assert!(server.wait().success());
    recording
}

#[tokio::test]
async fn what_is_damaged_or_foreign_is_told_and_the_rest_is_replayed() {
    let recording = record(10).await;
    assert_eq!(recording.is_equal(&[]), 10);
    let [file] = &recording.files()[..] else { panic!("one file") };
    let good = fs::read(file).expect("it can be read");
    let (head, rest) = good.split_at(12 + 8);

    let check = |name: &str, bytes: &[u8], told: &str| {
        let path = recording.path.join(name);
        fs::write(&path, bytes).expect("the folder is ours");
        let (code, found) = recording.findings(&[]);
        let is_whole = found["equal"].as_u64() >= Some(10);
        assert!(code == Some(0) && is_whole, "{name}: {found:#}");
        assert_eq!(found["problemCount"], 1, "{name}: {found:#}");
        let problem = found["problems"][0].as_str().expect("a text");
        assert!(problem.contains(name) && problem.contains(told), "{problem}");
        fs::remove_file(path).expect("it is there");
    };
    check("a.zrec", b"no recording at all", "no recording");
    check("a.zrec", b"ZT", "no recording");
    let mut newer = good.clone();
    newer[7] = 2;
    check("b.zrec", &newer, "another version");
    check("c.zrec", &good[..good.len() - 1], "cut off or damaged after");
    check("d.zrec", &good[..12], "cut off or damaged after 0 blocks");
    let last = rest.len() - 1;
    let mut changed = rest.to_vec();
    changed[last] ^= 1;
    check("e.zrec", &[head, &changed].concat(), "damaged");
}

/// A block as it is in a file.
fn framed(raw: &[u8]) -> Vec<u8> {
    let compressed = zstd::bulk::compress(raw, 1).expect("memory takes it");
    let number = |len: usize| u32::try_from(len).expect("it is short").to_le_bytes();
    let crc = crc32fast::hash(&compressed).to_le_bytes();
    [&number(compressed.len())[..], &number(raw.len()), &crc, &compressed].concat()
}

/// Checksums protect from accidents alone: who forges a recording makes them anew.
#[tokio::test]
async fn a_forged_recording_ends_no_replay() {
    let recording = record(3).await;
    let [file] = &recording.files()[..] else { panic!("one file") };
    let good = fs::read(file).expect("it can be read");
    // The first block: how many records are in it depends on the time.
    let len = u32::from_le_bytes(good[8..12].try_into().expect("four bytes")) as usize;
    let raw = zstd::bulk::decompress(&good[8 + 12..][..len], 1 << 20).expect("it is whole");
    let head = 4 + u32::from_le_bytes(raw[..4].try_into().expect("four bytes")) as usize;
    let mut forged = good[..8].to_vec();
    for at in head..raw.len() {
        let mut block = raw.clone();
        block[at] ^= 1 << (at % 8);
        forged.extend(framed(&block));
    }
    // Limits that no server has, in the head.
    for byte in [0, 1, 0xff] {
        let mut block = raw.clone();
        block[head - 40..head].fill(byte);
        forged.extend(framed(&block));
    }
    fs::write(file, &forged).expect("the folder is ours");
    let (code, found) = recording.findings(&[]);
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {found:#}");
    let count = |name: &str| found[name].as_u64().expect("a number");
    for name in ["equal", "different", "leftOut"] {
        assert!(count(name) > 0, "{name}: {found:#}");
    }

    let folder = crate::support::programs::folder();
    for kind in ["message", "request"] {
        let test = folder.path().join(format!("{kind}.test.ts"));
        let path = test.to_str().expect("a UTF-8 path");
        let (code, told) = recording.replay(&["--event", kind, "--save-test", path]);
        assert!(matches!(code, Some(0..=2)), "{code:?}: {told}");
    }
}

#[tokio::test]
async fn an_artifact_that_is_not_at_hand_is_told() {
    let recording = record(3).await;
    for artifact in crate::support::recording::files(&recording.path, "wasm") {
        fs::remove_file(artifact).expect("it is ours");
    }
    let (code, found) = recording.findings(&[]);
    assert_eq!((code, &found["leftOut"], &found["events"]), (Some(0), &3.into(), &0.into()));
    assert!(found["problems"][0].as_str().is_some_and(|it| it.contains("not beside them")));
    let echo = compile(ECHO);
    assert_eq!(recording.is_equal(&["--with", echo.to_str().expect("a UTF-8 path")]), 3);
}

#[test]
fn a_folder_without_recordings_is_an_error() {
    let recording = Recording::new();
    let (code, text) = recording.replay(&[]);
    assert_eq!(code, Some(2), "{text}");
    fs::create_dir(&recording.path).expect("its folder is there");
    let (code, text) = recording.replay(&[]);
    assert!(code == Some(2) && text.contains("there are no recordings in"), "{text}");
}
