//! What the host does for the guest: the imports that [`zigttp_abi::guest`] describes, and one of
//! WASI.
//!
//! Only declarations. Arguments are checked by whoever calls (`api.rs`, `event.rs`).

// Every pointer must be valid for as many bytes as the argument behind it says: for reading, or for
// writing where it is `*mut`.
#[link(wasm_import_module = "zigttp")]
unsafe extern "C" {
    pub(crate) fn inputs(
        first: *mut u8,
        second: *mut u8,
        third: *mut u8,
        fourth: *mut u8,
        fifth: *mut u8,
    );
    pub(crate) fn take(to: *mut u8);
    pub(crate) fn send(ws: i64, kind: u32, data: *const u8, len: usize, is_volatile: u32) -> i32;
    pub(crate) fn broadcast(
        room: *const u8,
        room_len: usize,
        kind: u32,
        data: *const u8,
        len: usize,
        is_volatile: u32,
        except: *const u8,
        except_count: usize,
    ) -> i32;
    pub(crate) fn join(ws: i64, room: *const u8, room_len: usize) -> i32;
    pub(crate) fn leave(ws: i64, room: *const u8, room_len: usize) -> i32;
    pub(crate) fn move_to(ws: i64, room: *const u8, room_len: usize) -> i32;
    pub(crate) fn get_rooms(ws: i64, to: *mut u8, capacity: usize) -> i32;
    pub(crate) fn list_rooms(
        of_state: u32,
        limit: u32,
        prefix: *const u8,
        prefix_len: usize,
        after: *const u8,
        after_len: i32,
        to: *mut u8,
        capacity: usize,
    ) -> i32;
    pub(crate) fn is_open(ws: i64) -> i32;
    pub(crate) fn buffered_amount(ws: i64) -> f64;
    pub(crate) fn path_param(
        is_room: u32,
        path: *const u8,
        path_len: usize,
        param: *const u8,
        param_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i32;
    pub(crate) fn path_params(
        path: *const u8,
        path_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i32;
    pub(crate) fn close(ws: i64, code: u32, reason: *const u8, reason_len: usize);
    pub(crate) fn serialize_attachment(ws: i64, kind: u32, data: *const u8, len: usize) -> i32;
    pub(crate) fn deserialize_attachment(ws: i64, to: *mut u8, capacity: usize) -> i64;
    pub(crate) fn resumable(to: *mut u8, capacity: usize) -> i64;
    pub(crate) fn get_web_sockets(
        room: *const u8,
        room_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i32;
    pub(crate) fn room_from_path(
        ws: i64,
        param: *const u8,
        param_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i32;
    pub(crate) fn set_auto_response(
        ws: i64,
        request: *const u8,
        request_len: usize,
        response: *const u8,
        response_len: usize,
    );
    pub(crate) fn storage_get(
        room: *const u8,
        room_len: usize,
        key: *const u8,
        key_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i64;
    pub(crate) fn storage_put(
        room: *const u8,
        room_len: usize,
        key: *const u8,
        key_len: usize,
        kind: u32,
        data: *const u8,
        len: usize,
        ttl: f64,
    ) -> i32;
    pub(crate) fn storage_delete(
        room: *const u8,
        room_len: usize,
        key: *const u8,
        key_len: usize,
    ) -> i32;
    pub(crate) fn storage_list(
        room: *const u8,
        room_len: usize,
        flags: u32,
        limit: u32,
        prefix: *const u8,
        prefix_len: usize,
        start: *const u8,
        start_len: usize,
        end: *const u8,
        end_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i32;
    pub(crate) fn storage_delete_all(room: *const u8, room_len: usize) -> i32;
    pub(crate) fn storage_usage(room: *const u8, room_len: usize, to: *mut u8);
    pub(crate) fn memory_get(
        room: *const u8,
        room_len: usize,
        key: *const u8,
        key_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i64;
    pub(crate) fn memory_put(
        room: *const u8,
        room_len: usize,
        key: *const u8,
        key_len: usize,
        kind: u32,
        data: *const u8,
        len: usize,
        ttl: f64,
    ) -> i32;
    pub(crate) fn memory_delete(
        room: *const u8,
        room_len: usize,
        key: *const u8,
        key_len: usize,
    ) -> i32;
    pub(crate) fn memory_list(
        room: *const u8,
        room_len: usize,
        flags: u32,
        limit: u32,
        prefix: *const u8,
        prefix_len: usize,
        start: *const u8,
        start_len: usize,
        end: *const u8,
        end_len: usize,
        to: *mut u8,
        capacity: usize,
    ) -> i32;
    pub(crate) fn memory_delete_all(room: *const u8, room_len: usize) -> i32;
    pub(crate) fn memory_usage(room: *const u8, room_len: usize, to: *mut u8);
    pub(crate) fn signal(
        room: *const u8,
        room_len: usize,
        name: *const u8,
        name_len: usize,
        kind: i32,
        data: *const u8,
        len: usize,
        on_fail: *const u8,
        on_fail_len: i32,
    ) -> i32;
    pub(crate) fn signal_at(
        room: *const u8,
        room_len: usize,
        name: *const u8,
        name_len: usize,
        at: f64,
        kind: i32,
        data: *const u8,
        len: usize,
    ) -> i32;
    pub(crate) fn signal_every(
        room: *const u8,
        room_len: usize,
        name: *const u8,
        name_len: usize,
        period: f64,
        kind: i32,
        data: *const u8,
        len: usize,
    ) -> i32;
    pub(crate) fn cancel_signal(
        room: *const u8,
        room_len: usize,
        name: *const u8,
        name_len: usize,
    ) -> i32;
    pub(crate) fn signal_time(
        room: *const u8,
        room_len: usize,
        name: *const u8,
        name_len: usize,
        to: *mut u8,
    ) -> i32;
    pub(crate) fn crypto(request: *const u8, len: usize, to: *mut u8, capacity: usize) -> i64;
    pub(crate) fn env_get(name: *const u8, name_len: usize, to: *mut u8, capacity: usize) -> i32;
    pub(crate) fn fetch(
        method: *const u8,
        method_len: usize,
        url: *const u8,
        url_len: usize,
        headers: *const u8,
        headers_len: usize,
        body_kind: i32,
        body: *const u8,
        body_len: usize,
        redirect: u32,
        timeout: f64,
        key: *const u8,
        key_len: i32,
    ) -> i32;
    pub(crate) fn repeated(what: *const u8, what_len: usize, stack: *const u8, stack_len: usize);
    pub(crate) fn set_timer(delay: f64) -> i32;
    pub(crate) fn give_up(question: i32);
    pub(crate) fn next_settled() -> i32;
    pub(crate) fn answer_head(question: i32, to: *mut u8, capacity: usize) -> i32;
    pub(crate) fn answer_body(question: i32, to: *mut u8, capacity: usize) -> i32;
    pub(crate) fn open_stream(
        room: *const u8,
        room_len: usize,
        name: *const u8,
        name_len: usize,
        method: *const u8,
        method_len: usize,
        url: *const u8,
        url_len: usize,
        headers: *const u8,
        headers_len: usize,
        body: *const u8,
        body_len: i32,
        redirect: i32,
        cut: i32,
    ) -> i32;
    pub(crate) fn cancel_stream(
        room: *const u8,
        room_len: usize,
        name: *const u8,
        name_len: usize,
    ) -> i32;
    pub(crate) fn log(level: i32, line: *const u8, len: usize);
    pub(crate) fn fail(message: *const u8, message_len: usize, stack: *const u8, stack_len: usize);
    pub(crate) fn respond(
        status: u32,
        headers: *const u8,
        headers_len: usize,
        body_kind: u32,
        body: *const u8,
        body_len: usize,
    );
    pub(crate) fn accept(kind: i32, data: *const u8, len: usize) -> i32;
    pub(crate) fn name_room(name: *const u8, len: usize);
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    /// Fills a buffer with random bytes; 0 is success.
    pub(crate) fn random_get(to: *mut u8, len: usize) -> i32;
}
