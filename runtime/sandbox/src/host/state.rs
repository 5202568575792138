//! The functions of `zigttp:storage` and `zigttp:memory`, once for each of them.
//!
//! They are linked asynchronously: a state that is not in memory is waited for, while other events run.

mod list;
pub(crate) mod open;
mod read;
mod write;

use wasmtime::{Caller, Linker};
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory::Span;
use crate::host::range_error::result_of;
use crate::host::room_argument::bound;
use crate::state::Space;
use crate::view::View;

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    for space in Space::ALL {
        let name = |function: &str| format!("{}_{function}", space.name());
        linker.func_wrap_async(
            IMPORT_MODULE,
            &name("get"),
            move |mut caller: Caller<'_, HostData<V>>,
                  (room, room_len, key, key_len, ptr, cap): (i32, i32, i32, i32, i32, i32)| {
                Box::new(async move {
                    let (room, key) = (Span::new(room, room_len), Span::new(key, key_len));
                    read::get(&mut caller, space, room, key, Span::new(ptr, cap)).await
                })
            },
        )?;
        linker.func_wrap_async(
            IMPORT_MODULE,
            &name("put"),
            move |mut caller: Caller<'_, HostData<V>>,
                  (room, room_len, key, key_len, kind, ptr, len, ttl): (
                i32,
                i32,
                i32,
                i32,
                i32,
                i32,
                i32,
                f64,
            )| {
                Box::new(async move {
                    let (room, key) = (Span::new(room, room_len), Span::new(key, key_len));
                    let value = Span::new(ptr, len);
                    let stored =
                        write::put(&mut caller, space, room, key, (kind, value), ttl).await?;
                    result_of(&mut caller, stored.map(|()| 0))
                })
            },
        )?;
        linker.func_wrap_async(
            IMPORT_MODULE,
            &name("delete"),
            move |mut caller: Caller<'_, HostData<V>>,
                  (room, room_len, key, key_len): (i32, i32, i32, i32)| {
                Box::new(async move {
                    let (room, key) = (Span::new(room, room_len), Span::new(key, key_len));
                    let was_there = write::delete(&mut caller, space, room, key).await?;
                    result_of(&mut caller, was_there.map(i32::from))
                })
            },
        )?;
        linker.func_wrap_async(
            IMPORT_MODULE,
            &name("list"),
            move |mut caller: Caller<'_, HostData<V>>,
                  (
                room,
                room_len,
                flags,
                limit,
                prefix,
                prefix_len,
                start,
                start_len,
                end,
                end_len,
                ptr,
                cap,
            ): (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32)| {
                Box::new(async move {
                    let options = list::Options {
                        flags: flags.cast_unsigned(),
                        limit: limit.cast_unsigned(),
                        prefix: bound(&mut caller, Span::new(prefix, prefix_len))?,
                        start: bound(&mut caller, Span::new(start, start_len))?,
                        end: bound(&mut caller, Span::new(end, end_len))?,
                    };
                    let room = Span::new(room, room_len);
                    let to = Span::new(ptr, cap);
                    let len = list::list(&mut caller, space, room, options, to).await?;
                    result_of(&mut caller, len)
                })
            },
        )?;
        linker.func_wrap(
            IMPORT_MODULE,
            &name("delete_all"),
            move |mut caller: Caller<'_, HostData<V>>, room: i32, room_len: i32| {
                let cleared = write::delete_all(&mut caller, space, Span::new(room, room_len))?;
                result_of(&mut caller, cleared.map(|()| 0))
            },
        )?;
        linker.func_wrap_async(
            IMPORT_MODULE,
            &name("usage"),
            move |mut caller: Caller<'_, HostData<V>>, (room, room_len, ptr): (i32, i32, i32)| {
                Box::new(async move {
                    read::usage(&mut caller, space, Span::new(room, room_len), ptr).await
                })
            },
        )?;
    }
    Ok(())
}
