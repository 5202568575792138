//! `listRooms(options)`: the rooms that have members, or state.

use wasmtime::{Caller, Linker};
use zigttp_abi::api::MAX_LISTED_ROOMS;
use zigttp_abi::guest::IMPORT_MODULE;

use crate::event_state::HostData;
use crate::guest_memory::Span;
use crate::host::range_error::result_of;
use crate::host::room_argument::bound;
use crate::host::rooms::{encode, offer_list};
use crate::host::state::open::wait;
use crate::rooms::RoomRange;
use crate::view::View;

/// The options, as the guest gives them.
struct Options {
    of_state: bool,
    /// 0 without one.
    limit: usize,
    prefix: Span,
    after: Option<Span>,
}

/// Lists rooms for the guest.
async fn list_rooms<V: View>(
    caller: &mut Caller<'_, HostData<V>>,
    options: Options,
    to: Span,
) -> wasmtime::Result<i32> {
    let range = RoomRange {
        prefix: bound(caller, options.prefix)?,
        after: options.after.map(|after| bound(caller, after)).transpose()?,
        // One more than there may be tells that there are more.
        limit: if options.limit == 0 { MAX_LISTED_ROOMS + 1 } else { options.limit },
    };
    let rooms = if options.of_state {
        let stored = caller.data().view.stored_rooms(range.clone());
        wait(caller, stored).await?
    } else {
        caller.data().view.rooms(&range)
    };
    if let Some(given) = &mut caller.data_mut().given {
        given.rooms(options.of_state, &range, &rooms);
    }
    if rooms.len() > MAX_LISTED_ROOMS {
        let text = format!(
            "there are more than {MAX_LISTED_ROOMS} rooms: pass limit and page with startAfter"
        );
        return result_of(caller, Err(text));
    }
    let mut list = Vec::new();
    for listed in rooms {
        encode(&listed.room, listed.members, &mut list);
    }
    offer_list(caller, to, list)
}

pub(super) fn link<V: View>(linker: &mut Linker<HostData<V>>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        IMPORT_MODULE,
        "list_rooms",
        |mut caller: Caller<'_, HostData<V>>,
         (of_state, limit, prefix, prefix_len, after, after_len, ptr, cap): (
            i32,
            i32,
            i32,
            i32,
            i32,
            i32,
            i32,
            i32,
        )| {
            Box::new(async move {
                let options = Options {
                    of_state: of_state != 0,
                    limit: usize::try_from(limit).unwrap_or(0).min(MAX_LISTED_ROOMS),
                    prefix: Span::new(prefix, prefix_len),
                    after: (after_len >= 0).then(|| Span::new(after, after_len)),
                };
                list_rooms(&mut caller, options, Span::new(ptr, cap)).await
            })
        },
    )?;
    Ok(())
}
