//! The functions that a guest can call. Each file decodes guest memory, does one thing with the
//! [`EventState`](crate::event_state::EventState), and encodes the result.
//!
//! They collect effects, and read what the event itself has done before what is committed. They change
//! nothing that another event could see.

mod answer;
mod close;
mod connection;
pub(crate) mod crypto;
mod deserialize_attachment;
pub(crate) mod door;
mod env;
mod get_web_sockets;
mod inputs;
mod list_rooms;
mod log;
mod members;
mod outcome;
mod outside;
mod path_param;
mod range_error;
mod resumable;
mod room_argument;
mod room_from_path;
mod rooms;
mod send;
mod serialize_attachment;
mod set_auto_response;
mod signals;
pub(crate) mod state;
mod streams;
mod wasi;

use std::sync::Arc;

use wasmtime::{ExternType, Linker, Module};
use zigttp_abi::api;
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::route::Routes;
use crate::view::View;

/// Links every function that a guest may import.
pub(crate) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    inputs::link(linker)?;
    send::link(linker)?;
    close::link(linker)?;
    serialize_attachment::link(linker)?;
    deserialize_attachment::link(linker)?;
    resumable::link(linker)?;
    get_web_sockets::link(linker)?;
    room_from_path::link(linker)?;
    rooms::link(linker)?;
    list_rooms::link(linker)?;
    connection::link(linker)?;
    set_auto_response::link(linker)?;
    state::link(linker)?;
    signals::link(linker)?;
    crypto::link(linker)?;
    env::link(linker)?;
    outside::link(linker)?;
    streams::link(linker)?;
    log::link(linker)?;
    outcome::link(linker)?;
    wasi::link(linker)
}

/// Links what needs the routes of an artifact.
pub(crate) fn link_routes<V: View>(
    linker: &mut Linker<HostData<V>>,
    routes: &Arc<Routes>,
) -> wasmtime::Result<()> {
    path_param::link(linker, routes)
}

/// The linker of one artifact: an event that calls a function of the API which the manifest does not list
/// fails. The artifact itself writes its manifest, so this protects nothing; it ensures that the manifest,
/// which people and programs read, is true.
pub(crate) fn without_unlisted<V: View>(
    linker: &Linker<HostData<V>>,
    module: &Module,
    listed: &[String],
) -> wasmtime::Result<Linker<HostData<V>>> {
    let mut linker = linker.clone();
    linker.allow_shadowing(true);
    for import in module.imports().filter(|import| import.module() == IMPORT_MODULE) {
        let function = api::functions().find(|function| function.import == Some(import.name()));
        let (Some(function), ExternType::Func(ty)) = (function, import.ty()) else { continue };
        // `param` of a connection comes here by the import of the older function.
        let is_listed = |path: &String| {
            path == function.path || (function.path == "roomFromPath" && path == "param")
        };
        if listed.iter().any(is_listed) {
            continue;
        }
        let name = function.path;
        linker.func_new(
            IMPORT_MODULE,
            import.name(),
            ty,
            move |_caller, _arguments, _results| {
                Err(wasmtime::Error::msg(format!(
                    "its manifest does not list the function {name:?}"
                )))
            },
        )?;
    }
    Ok(linker)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wasmtime::{Engine, Store};

    use super::*;
    use crate::test_view::TestView;

    /// What `zigttp_abi::guest` describes besides the functions of the API.
    const OTHERS: [&str; 18] = [
        "inputs",
        "take",
        "resumable",
        "path_params",
        "crypto",
        "env_get",
        "log",
        "fail",
        "respond",
        "accept",
        "name_room",
        "fetch",
        "repeated",
        "set_timer",
        "give_up",
        "next_settled",
        "answer_head",
        "answer_body",
    ];
    const WASI: [&str; 9] = [
        "clock_time_get",
        "environ_get",
        "environ_sizes_get",
        "fd_close",
        "fd_fdstat_get",
        "fd_seek",
        "fd_write",
        "proc_exit",
        "random_get",
    ];

    #[test]
    fn a_guest_can_import_the_api_and_nine_functions_of_wasi_and_nothing_else() {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        link(&mut linker).expect("no name is taken twice");
        link_routes(&mut linker, &Arc::default()).expect("no name is taken twice");
        let mut store = Store::new(&engine, HostData::<TestView>::idle());
        let found: BTreeSet<_> =
            linker.iter(&mut store).map(|(module, name, _)| (module, name)).collect();
        let api = api::functions().filter_map(|function| function.import).chain(OTHERS);
        let expected = api.map(|name| (IMPORT_MODULE, name));
        let wasi = WASI.iter().map(|name| ("wasi_snapshot_preview1", *name));
        assert_eq!(found, expected.chain(wasi).collect());
    }
}
