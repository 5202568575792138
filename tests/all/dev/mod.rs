//! `zigttp dev`, and the commands around it: `init` and `inspect`.

mod init;
mod inspect;
mod server;
