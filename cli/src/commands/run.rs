//! `zigttp run`: serves a handler until a signal stops it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use zigttp_runtime::{Config, Grants, Server, ShadowArtifact};

use crate::admin_options::{Admin, AdminOptions, OBSERVING};
use crate::env_options::EnvOptions;
use crate::inspector_options::InspectorFlag;
use crate::logging::{self, LogFormat};
use crate::otlp_options::OtlpOptions;
use crate::output::{self, Stream};
use crate::port_option::PortOption;
use crate::reload::Reload;
use crate::server_options::{SWAPPING, ServerOptions};
use crate::tls_options::{TlsFiles, TlsOptions};
use crate::values::{address, switch};
use crate::{artifact, cache, show, signals};

/// Arguments of `zigttp run`.
#[derive(Args)]
pub struct Arguments {
    /// The handler: a .wasm made by `zigts build`, or a .ts, .mts, .js or .mjs source
    handler: PathBuf,

    /// Address to listen on
    #[arg(long, env, value_parser = address, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,

    #[command(flatten)]
    port: PortOption,

    /// Load the handler and its settings again whenever their files change, as SIGHUP does; connections stay open
    #[arg(long, env, value_parser = switch, help_heading = SWAPPING)]
    watch: bool,

    /// Run each event on this handler as well, without any effect, and tell what it does otherwise
    ///
    /// It gets what the event was given and the answers of the served handler, and makes no request. Differences are
    /// lines in the log and metrics (zigttp_shadow_differences_total). What one thread cannot run in time is skipped.
    /// SIGHUP and --watch load it again too.
    #[arg(long, env, value_name = "HANDLER", help_heading = SWAPPING)]
    shadow: Option<PathBuf>,

    #[command(flatten)]
    server: ServerOptions,

    #[command(flatten)]
    env: EnvOptions,

    #[command(flatten)]
    tls: TlsOptions,

    #[command(flatten)]
    admin: AdminOptions,

    #[command(flatten)]
    inspector: InspectorFlag,

    #[command(flatten)]
    otlp: OtlpOptions,

    /// Format of the log on standard error; RUST_LOG filters it
    #[arg(long, env, value_name = "FORMAT", default_value = "pretty", help_heading = OBSERVING)]
    log_format: LogFormat,
}

/// Serves until Ctrl-C or SIGTERM; a second one ends it at once.
///
/// # Errors
/// When the handler does not build or load, the port is taken, or a folder or the TLS files cannot be
/// used.
pub fn run(arguments: Arguments, changed_options: &[String]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(start(arguments, changed_options));
    // What still runs, such as the start of a server that was stopped, ends with the process.
    runtime.shutdown_background();
    result
}

async fn start(arguments: Arguments, changed_options: &[String]) -> Result<()> {
    // First, so that no signal is missed during what is slow.
    let mut stop = signals::stop()?;
    signals::survive_large_files()?;
    let [reload, reload_tls, reload_settings, reload_grants] = [(); 4].map(|()| signals::hang_up());
    let dropped_log_lines = logging::init(arguments.log_format)?;
    let address = SocketAddr::new(arguments.host, arguments.port.read()?);
    let tls = arguments.tls.files()?;
    raise_descriptor_limit();
    let (inspector, token) = arguments.inspector.read().unzip();
    let (reload, reload_tls, reload_settings, reload_grants) =
        (reload?, reload_tls?, reload_settings?, reload_grants?);
    let settings = arguments.env.source()?;
    let traces = arguments.otlp.start()?;
    let spans = traces.spans();
    let grant_options = arguments.server.grants.clone();
    let started = signals::start(&mut stop, move || {
        let admin = arguments.admin.read()?;
        let pair = tls.as_ref().map(TlsFiles::read).transpose()?;
        let shadow = arguments.shadow.as_deref().map(artifact::load);
        let config = Config {
            grants: Grants::new(arguments.server.grants.read()?),
            inspector,
            settings: settings.read()?,
            spans,
            dropped_log_lines,
            shadow: shadow.transpose()?.map(ShadowArtifact),
            ..arguments.server.into_config(cache::served_modules_folder())
        };
        let handler = arguments.handler;
        // Before the file is read, so that a change in between is noticed.
        let reload = Reload::new(handler.clone(), arguments.shadow, reload, arguments.watch)?;
        let watch = if arguments.watch { settings.watch()? } else { None };
        let artifact = artifact::load(&handler)?;
        let server = Server::new(config, &artifact)
            .with_context(|| format!("cannot serve {}", handler.display()))?;
        Ok((server, admin, reload, (settings, watch), tls, pair))
    });
    let Some((server, admin, reload, (settings, watch), tls, pair)) = started.await? else {
        return Ok(());
    };
    let is_secure = pair.is_some();
    if let Some(pair) = pair {
        server.set_tls(pair);
    }
    if let Some(files) = tls {
        // Ends with the process.
        tokio::spawn(files.reload_on(reload_tls, Arc::clone(&server)));
    }
    tokio::spawn(settings.reload_on(Some(reload_settings), watch, Arc::clone(&server)));
    tokio::spawn(grant_options.reload_on(reload_grants, Arc::clone(&server)));
    let reload = tokio::spawn(reload.follow(Arc::clone(&server)));
    let served = serve(server, address, is_secure, admin, token, stop, changed_options).await;
    reload.abort();
    traces.flush().await;
    served
}

async fn serve(
    server: Arc<Server>,
    address: SocketAddr,
    is_secure: bool,
    admin: Option<Admin>,
    inspector_token: Option<String>,
    stop: impl Future<Output = ()>,
    changed_options: &[String],
) -> Result<()> {
    // It serves while the server drains, and ends with the process.
    if let Some(admin) = admin {
        let (listener, address) =
            listen(admin.address).await.context("cannot serve --admin-listen")?;
        tracing::info!("metrics and health on http://{address}");
        tokio::spawn(zigttp_runtime::serve_admin(listener, Arc::clone(&server), admin.token));
    }
    let (listener, address) = listen(address).await?;
    if !changed_options.is_empty() {
        tracing::info!("changed options: {}", changed_options.join(", "));
    }
    // The only line on standard output: a script that starts a server on port 0 reads it.
    let s = if is_secure { "s" } else { "" };
    let line = format!("listening on http{s}://{address} and ws{s}://{address}\n");
    output::write(Stream::Out, line.as_bytes());
    if let Some(token) = inspector_token {
        // Not in the log, which others may read.
        show::remark(&format!("inspector on http{s}://{address}/__zigttp, token {token}"));
    }
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
        panics = counts.panics,
        attachments_pruned = counts.attachments_pruned,
        resumed = counts.resumed,
        forged_tokens = counts.forged_tokens,
        swaps = counts.swaps,
        rollbacks = counts.rollbacks,
        "stopped"
    );
    Ok(())
}

/// Raises the limit of descriptors as far as allowed: each connection takes one, and the initial limit,
/// often 1,024, is for programs that use `select`.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // If that is refused, accepting pauses when no descriptor is left.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// A listener and its address: for port 0 the system picks a free one.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr().context("cannot read the listening address")?;
    Ok((listener, address))
}
