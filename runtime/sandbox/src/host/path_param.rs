//! `param(of, name)` of a request or a room's name, and `req.params`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory::{self, Span};
use crate::host::answer;
use crate::route::Routes;
use crate::view::View;

/// Links both to the routes of one artifact.
pub(super) fn link<V: View>(
    linker: &mut Linker<HostData<V>>,
    routes: &Arc<Routes>,
) -> wasmtime::Result<()> {
    let of_artifact = Arc::clone(routes);
    linker.func_wrap(
        IMPORT_MODULE,
        "path_param",
        move |mut caller: Caller<'_, HostData<V>>,
              is_room: i32,
              path: i32,
              path_len: i32,
              name: i32,
              name_len: i32,
              ptr: i32,
              cap: i32| {
            let path = guest_memory::read_string(&mut caller, Span::new(path, path_len))?;
            let parameters = match is_room {
                0 => of_artifact.parameters(&path),
                _ => of_artifact.parameters_of_room(&path),
            };
            let name = Span::new(name, name_len);
            let value = guest_memory::with_bytes(&mut caller, name, |_state, name| {
                let named = |(known, _): &&(Arc<str>, _)| known.as_bytes() == name;
                parameters.iter().find(named).map(|(_, value)| value)
            })?;
            let Some(value) = value.map(|value| value.as_bytes()) else {
                return wasmtime::Result::Ok(-1);
            };
            let len = i32::try_from(value.len()).expect("guest memory has less than 2 GiB");
            let keep = || Bytes::copy_from_slice(value);
            answer::offer(&mut caller, Span::new(ptr, cap), value, keep)?;
            Ok(len)
        },
    )?;
    let of_artifact = Arc::clone(routes);
    linker.func_wrap(
        IMPORT_MODULE,
        "path_params",
        move |mut caller: Caller<'_, HostData<V>>, path: i32, path_len: i32, ptr: i32, cap: i32| {
            let path = guest_memory::read_string(&mut caller, Span::new(path, path_len))?;
            let parameters = of_artifact.parameters(&path);
            let object: BTreeMap<&str, &str> =
                parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
            let json = serde_json::to_vec(&object).expect("texts always serialise");
            let len = i32::try_from(json.len()).expect("a path is limited far below 2 GiB");
            answer::offer(&mut caller, Span::new(ptr, cap), &json, || Bytes::from(json.clone()))?;
            wasmtime::Result::Ok(len)
        },
    )?;
    Ok(())
}
