//! A program that serves a handler beside its other work:
//!
//! ```text
//! zigts build examples/websocket/chat.ts -o chat.wasm
//! cargo run -p zigttp-runtime --example embed -- chat.wasm
//! ```

#![expect(clippy::print_stdout, reason = "a program prints")]

use std::error::Error;
use std::time::Duration;

use tokio::net::TcpListener;
use zigttp_runtime::{Config, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: embed <handler.wasm>")?;
    let config = Config {
        allowed_origins: vec!["https://app.example.com".to_owned()],
        cpu_limit: Duration::from_millis(20),
        ..Config::default()
    };
    let artifact = std::fs::read(path)?;
    // Compiling takes most of a second, so it runs on a thread that serves no connections.
    let server = tokio::task::spawn_blocking(move || Server::new(config, &artifact)).await??;

    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    let shutdown = async {
        // An error means that there are no signals: the server stops then.
        let _ = tokio::signal::ctrl_c().await;
    };
    let serving = tokio::spawn(zigttp_runtime::run(listener, server.clone(), shutdown));

    // The rest of the program goes here. It can read the server's state or swap its handler.
    println!("{} connections in {} rooms", server.connections(), server.rooms());

    serving.await?;
    println!("{:?}", server.counts());
    Ok(())
}
