//! How a running server is asked for its rooms: over the control socket of its durable directory, or over its admin
//! listener.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use zigttp_runtime::{ControlAnswer, ControlRequest, RoomsPage, RoomsQuery};

use crate::control::{ask, refused};
use crate::values::socket_address;

/// How long the server may take, besides the time for which it measures.
const TIME: Duration = Duration::from_secs(10);
/// Longest response.
const MAX_RESPONSE_BYTES: u64 = 64 << 20;

/// Which server.
#[derive(clap::Args)]
pub(super) struct SourceOptions {
    /// The server's durable directory
    #[arg(long, env, value_name = "DIR")]
    durable: Option<PathBuf>,

    /// The address of its admin listener, which is asked if no directory is given
    #[arg(long, env, value_name = "ADDRESS", value_parser = socket_address)]
    admin_listen: Option<SocketAddr>,

    /// File with the bearer token of its admin listener, if it needs one
    #[arg(long, env, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
}

pub(super) enum Source {
    Control(PathBuf),
    Admin { address: SocketAddr, token: Option<String> },
}

impl SourceOptions {
    /// Reads the token.
    pub(super) fn read(&self) -> Result<Source> {
        if let Some(dir) = &self.durable {
            return Ok(Source::Control(dir.clone()));
        }
        let token = match &self.admin_token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text =
                    text.with_context(|| format!("cannot read the token file {}", path.display()))?;
                let token = text.trim().to_owned();
                if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                    bail!("the token in {} is no token", path.display());
                }
                Some(token)
            }
            None => None,
        };
        let address = self.admin_listen.expect("clap asks for one of both");
        Ok(Source::Admin { address, token })
    }
}

impl Source {
    /// Asks for a page. It comes when the use has been measured.
    pub(super) fn ask(&self, query: &RoomsQuery) -> Result<RoomsPage> {
        match self {
            Source::Control(dir) => match ask(dir, &ControlRequest::Rooms(*query), &[])? {
                Some(ControlAnswer::Rooms(page)) => Ok(page),
                Some(answer) => {
                    refused(answer)?;
                    unreachable!("a response that does not fit is an error")
                }
                None => bail!("no server uses {}", dir.display()),
            },
            Source::Admin { address, token } => ask_admin(*address, token.as_deref(), query)
                .with_context(|| format!("cannot ask the server at {address}")),
        }
    }
}

fn ask_admin(address: SocketAddr, token: Option<&str>, query: &RoomsQuery) -> Result<RoomsPage> {
    let time = TIME + Duration::from_secs(query.seconds);
    let mut stream = TcpStream::connect_timeout(&address, TIME)?;
    stream.set_read_timeout(Some(time))?;
    stream.set_write_timeout(Some(time))?;
    let RoomsQuery { sort, limit, seconds } = query;
    let sort = sort.name();
    let token = token.map_or(String::new(), |it| format!("Authorization: Bearer {it}\r\n"));
    // HTTP/1.0, so that the response has no chunks.
    let request = format!(
        "GET /rooms?sort={sort}&limit={limit}&seconds={seconds} HTTP/1.0\r\nHost: {address}\r\n{token}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.take(MAX_RESPONSE_BYTES).read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").context("its response is no HTTP")?;
    match head.split(' ').nth(1) {
        Some("200") => serde_json::from_str(body).context("it is no admin listener of zigttp"),
        Some("401") => bail!("it asks for a token: --admin-token-file"),
        Some("404") => bail!("it is no admin listener of zigttp"),
        _ => bail!("{}", body.trim()),
    }
}
