//! Black-box tests with the real binaries, real sockets on port 0 and real files.

mod architecture;
mod build;
mod check;
mod costs;
mod dev;
mod durable;
mod events;
mod examples;
mod generated;
mod http;
mod json;
mod module_circles;
mod operate;
mod outside;
mod packages;
mod protocol;
mod recording;
mod rooms;
mod state;
mod support;
mod testing;
mod worlds;
