//! The whiteboard example.

use super::{has_page, serve};
use crate::support::client::Client;
use crate::support::server::Server;

/// A stroke of this colour through these points.
fn stroke(colour: u8, points: &[(u16, u16)]) -> Vec<u8> {
    let mut bytes = vec![colour, 6, u8::try_from(points.len()).expect("few points")];
    for (x, y) in points {
        bytes.extend(x.to_be_bytes());
        bytes.extend(y.to_be_bytes());
    }
    bytes
}

/// Joins a board, which then has this many people.
async fn come(server: &Server, board: &str, people: usize) -> Client {
    let mut client = server.connect(board).await;
    assert_eq!(client.text().await, format!("people {people}"));
    client
}

#[tokio::test]
async fn a_stroke_reaches_the_others_and_those_who_come_later() {
    let server = serve("whiteboard");
    let mut ada = come(&server, "/board/one", 1).await;
    let mut bob = come(&server, "/board/one", 2).await;
    let _eve = come(&server, "/board/two", 1).await;
    assert_eq!(ada.text().await, "people 2");
    let (red, blue) = (stroke(1, &[(0, 0), (1600, 1000)]), stroke(4, &[(7, 8)]));
    ada.send(red.clone()).await;
    assert_eq!(bob.bytes().await, red);
    bob.send(blue.clone()).await;
    assert_eq!(ada.bytes().await, blue);

    // What ada has drawn stays when she leaves: bob still has it, and dan gets it.
    ada.close(1000, "").await;
    assert_eq!(bob.text().await, "people 1");
    let mut dan = server.connect("/board/one").await;
    assert_eq!(dan.bytes().await, [blue, red].concat());
    assert_eq!(dan.text().await, "people 2");
    assert_eq!(bob.text().await, "people 2");

    dan.send("clear").await;
    assert_eq!(bob.text().await, "clear");
    assert_eq!(dan.text().await, "clear");
    come(&server, "/board/one", 3).await;
}

#[tokio::test]
async fn the_oldest_strokes_go_when_there_are_too_many() {
    let server = serve("whiteboard");
    let mut ada = come(&server, "/board/one", 1).await;
    let mut bob = come(&server, "/board/one", 2).await;
    // Together they do not fit into an attachment.
    for colour in 0..6 {
        let strokes: Vec<u8> = (0..12).flat_map(|x| stroke(colour, &[(x, 1); 255])).collect();
        ada.send(strokes.clone()).await;
        assert_eq!(bob.bytes().await, strokes);
    }
    let mut dan = server.connect("/board/one").await;
    let kept = dan.bytes().await;
    assert!((50_000..=60_000).contains(&kept.len()), "{}", kept.len());
    assert!(kept.ends_with(&stroke(5, &[(11, 1); 255])));
}

#[tokio::test]
async fn what_is_no_stroke_is_closed() {
    let server = serve("whiteboard");
    let cases: [&[u8]; 8] = [
        b"",
        &[0, 6],
        // No point, half a point, and two strokes, one of which is cut off.
        &[0, 6, 0],
        &[0, 6, 1, 0, 0, 0],
        &[0, 6, 1, 0, 0, 0, 0, 0],
        // An unknown colour and width, and a point outside the board.
        &[7, 6, 1, 0, 0, 0, 0],
        &[0, 0, 1, 0, 0, 0, 0],
        &[0, 6, 1, 0xff, 0xff, 0, 0],
    ];
    for (number, bytes) in cases.into_iter().enumerate() {
        let mut client = come(&server, &format!("/board/{number}"), 1).await;
        client.send(bytes.to_vec()).await;
        assert_eq!(client.closed().await.0, 1008, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_board_has_one_spelling() {
    let server = serve("whiteboard");
    for board in ["/board/One", "/board/%6fne", "/board/a_b"] {
        let refused = Client::try_connect(server.address, board).await;
        let error = refused.err().expect("it is refused").to_string();
        assert!(error.contains("404"), "{board}: {error}");
    }
}

#[test]
fn the_page_is_served() {
    has_page(&serve("whiteboard"), "Whiteboard on zigttp");
}
