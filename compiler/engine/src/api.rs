//! The functions of the built-in modules: check the arguments, and ask the host.
//!
//! They are bare functions of QuickJS's C interface, which costs 72 ns a `send` where rquickjs's
//! wrappers cost 147. What they do is told in [`zigttp_abi::api`], whose table they are found by;
//! names in messages come from there.

mod arguments;
mod call;
mod durable;
mod env;
mod rooms;
mod state;
mod streams;
mod websocket;

use std::ffi::{CString, c_int};

use rquickjs::qjs::{self, JSContext, JSValue};
use zigttp_abi::api::{ApiFunction, Module};

pub(crate) use call::{answer_body, answer_head, path_params, resumable};

/// The JavaScript function of a row of the table.
pub(crate) fn function(context: *mut JSContext, row: &ApiFunction) -> JSValue {
    let native = match row.module {
        Module::Websocket => websocket::native(row.name),
        Module::Storage => state::native::<false>(row.name),
        Module::Memory => state::native::<true>(row.name),
        Module::Env => env::native(row.name),
        Module::Durable => durable::native(row.name).or_else(|| streams::native(row.name)),
    };
    let native = native.unwrap_or_else(|| unreachable!("`{}` is not in the engine", row.path));
    let name = CString::new(row.name).expect("names have no zero byte");
    // SAFETY: the context is alive, and QuickJS copies the name. With this length, an argument that
    // is left out is `undefined` in `argv`.
    unsafe {
        qjs::JS_NewCFunction2(
            context,
            Some(native),
            name.as_ptr(),
            row.parameters.len() as c_int,
            qjs::JSCFunctionEnum_JS_CFUNC_generic,
            0,
        )
    }
}
