//! `zigttp run`: serves a handler until it is told to stop.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use zigttp_runtime::Server;

use crate::reload::Reload;
use crate::server_options::ServerOptions;
use crate::{artifact, cache};

/// Arguments of `zigttp run`.
#[derive(Args)]
pub struct Arguments {
    /// The handler: a .wasm made by `zigts build`, or a .ts, .mts, .js or .mjs source
    handler: PathBuf,

    /// Address to listen on
    #[arg(long, env = "ZIGTTP_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    /// Port to listen on; 0 picks a free one and prints it
    #[arg(long, env = "ZIGTTP_PORT", default_value_t = 8080)]
    port: u16,

    /// Serve the handler's file anew whenever it changes, as SIGHUP does; no socket closes
    #[arg(long, env = "ZIGTTP_WATCH", help_heading = "Swapping the handler")]
    watch: bool,

    #[command(flatten)]
    server: ServerOptions,
}

/// Serves until Ctrl-C or SIGTERM; a second one ends it at once.
///
/// # Errors
/// When the handler does not build or load, the port is taken, or a folder cannot be used.
pub fn run(arguments: Arguments) -> Result<()> {
    init_logging();
    let artifact = artifact::load(&arguments.handler)?;
    let server =
        Server::new(arguments.server.into_config(cache::served_modules_folder()), &artifact)
            .with_context(|| format!("cannot serve {}", arguments.handler.display()))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(async {
            let reload = Reload::new(arguments.handler, arguments.watch)?;
            let reload = tokio::spawn(reload.run(Arc::clone(&server)));
            let served = serve(server, SocketAddr::new(arguments.host, arguments.port)).await;
            reload.abort();
            served
        })
}

async fn serve(server: Arc<Server>, address: SocketAddr) -> Result<()> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr().context("cannot tell the listening address")?;
    // On standard output, alone: a script that starts a server on port 0 reads it from there.
    anstream::println!("listening on http://{address} and ws://{address}");
    let stop = stop().context("cannot listen for signals")?;
    zigttp_runtime::run(listener, Arc::clone(&server), stop).await;
    let counts = server.counts();
    tracing::info!(
        events = counts.events,
        failures = counts.failures,
        auto_responses = counts.auto_responses,
        attachment_reads = counts.attachment_reads,
        refused_frames = counts.refused_frames,
        slow_consumers = counts.slow_consumers,
        dead_peers = counts.dead_peers,
        restore_mismatches = counts.restore_mismatches,
        attachments_pruned = counts.attachments_pruned,
        resumed = counts.resumed,
        forged_tokens = counts.forged_tokens,
        swaps = counts.swaps,
        rollbacks = counts.rollbacks,
        "stopped"
    );
    Ok(())
}

/// Ready at Ctrl-C or SIGTERM. A second one ends the process at once.
fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut either = async move || {
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
        }
    };
    Ok(async move {
        either().await;
        tokio::spawn(async move {
            let signal = either().await;
            tracing::warn!("stopped at once");
            // As a shell reports a process that a signal has ended.
            std::process::exit(128 + signal.as_raw_value());
        });
    })
}

/// Logs go to standard error; `RUST_LOG` filters them as in every tool of the kind.
fn init_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("info"));
    let has_colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_colour)
        .with_writer(io::stderr)
        .init();
}
