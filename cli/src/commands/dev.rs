//! `zigttp dev`: serves a handler while it is being written.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use zigttp_runtime::{Config, Grants, InspectorAccess, InspectorOptions, Server};

use crate::dev::{Project, screen};
use crate::env_options::EnvOptions;
use crate::inspector_options::InspectorEvents;
use crate::port_option::PortOption;
use crate::server_options::ServerOptions;
use crate::{cache, handler_file, logging, show, signals};

/// How many ports are tried when the wanted one is taken.
const PORTS_TRIED: u16 = 50;

/// How long connections may take to close when it is stopped. Short: there is no next server to spread
/// them for.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Arguments of `zigttp dev`.
#[derive(Args)]
pub struct Arguments {
    /// The handler: a .ts, .mts, .js or .mjs source
    handler: PathBuf,

    #[command(flatten)]
    port: PortOption,

    /// Open the handler's page in the browser, or the inspector if it has no page
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    inspector: InspectorEvents,

    #[command(flatten)]
    env: EnvOptions,

    #[command(flatten)]
    server: ServerOptions,
}

/// Serves until Ctrl-C or SIGTERM; a second one ends it at once.
///
/// # Errors
/// When the handler cannot be read, the port is taken, or a folder cannot be used.
pub fn run(arguments: Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(start(arguments));
    // A running build ends with the process.
    runtime.shutdown_background();
    result
}

async fn start(arguments: Arguments) -> Result<()> {
    let mut stop = signals::stop()?;
    signals::survive_large_files()?;
    let dropped_log_lines = logging::init_for_development()?;
    let handler = arguments.handler;
    if !handler_file::is_source(&handler) {
        let shown = handler.display();
        bail!(
            "cannot build {shown}: give a .ts, .mts, .js or .mjs source, or serve it with `zigttp run`"
        );
    }
    // Before the build, so that a taken port is reported without waiting for it.
    let port = arguments.port.read()?;
    let listener = listen(port)?;
    let address = listener.local_addr().context("cannot read the listening address")?;
    let settings = arguments.env.source()?;
    let watch = settings.watch()?;
    let config = Config {
        settings: settings.read()?,
        grants: Grants::open_beyond(arguments.server.grants.read()?),
        loopback_only: true,
        inspector: Some(InspectorOptions {
            access: InspectorAccess::ThisMachine,
            max_events: arguments.inspector.max_events(),
        }),
        drain_timeout: DRAIN_TIME,
        dropped_log_lines,
        ..arguments.server.into_config(cache::served_modules_folder())
    };
    let started = signals::start(&mut stop, move || {
        let (project, build, artifact) = Project::open(handler)?;
        let server = Server::new(config, &artifact).context("cannot serve")?;
        Ok((project, build, server))
    });
    let Some((project, build, server)) = started.await? else { return Ok(()) };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    screen::addresses(address);
    project.show(&build, &server);
    if arguments.open {
        let has_page = project.serves_pages();
        open(&format!("http://{address}{}", if has_page { "/" } else { "/__zigttp" }));
    }
    // Ends with the process, which a closed terminal ends with a SIGHUP.
    tokio::spawn(settings.reload_on(None, watch, server.clone()));
    let served = zigttp_runtime::run(listener, server.clone(), stop);
    tokio::select! {
        () = served => Ok(()),
        Err(error) = project.follow(build, server) => Err(error),
    }
}

fn listen(port: u16) -> Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => match next_free(port) {
            Some(free) => anyhow::anyhow!("port {port} is taken: try --port {free}"),
            None => anyhow::anyhow!("port {port} is taken: try --port 0, which picks a free one"),
        },
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    })?;
    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;
    Ok(listener)
}

/// The next port that is free.
fn next_free(port: u16) -> Option<u16> {
    let mut ports = (1..=PORTS_TRIED).filter_map(|step| port.checked_add(step));
    ports.find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

fn open(url: &str) {
    if let Err(error) = opener::open_browser(url) {
        show::remark(&format!("cannot open a browser: {error}"));
    }
}
