//! The echo example.

use super::{has_page, serve};

#[tokio::test]
async fn text_and_bytes_come_back_as_they_went() {
    let server = serve("echo");
    let mut client = server.connect("/echo").await;
    assert_eq!(client.ask("hello").await, "hello");
    assert_eq!(client.ask("").await, "");
    client.send(vec![0, 255, 7]).await;
    assert_eq!(client.bytes().await, [0, 255, 7]);
}

#[test]
fn the_page_is_served() {
    has_page(&serve("echo"), "Echo on zigttp");
}
