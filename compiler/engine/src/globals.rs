//! The globals that are not of the language: the prelude's JavaScript, and the few natives it needs.
//!
//! Each file of the prelude is one function, called once with the natives and an object in which
//! the files leave what others of them, or Rust, need. All of it is in the snapshot.

use rquickjs::context::EvalOptions;
use rquickjs::function::Func;
use rquickjs::qjs::{self, JSValue};
use rquickjs::{
    CatchResultExt, Ctx, Error, Exception, Function, Object, Result, TypedArray, Value,
};
use zigttp_abi::api::{MAX_ROOM_BYTES, Module};

use crate::engine::{INTERNALS, engine};
use crate::storable::{Storable, Unstorable};
use crate::url::{Part, Url};
use crate::{allocator, api, crypto, imports, outside, text, value};

/// The files in the order they run in, by the name that stack traces show.
const PRELUDE: &[(&str, &str)] = &[
    ("zigttp:usual", include_str!("prelude/usual.js")),
    ("zigttp:inspect", include_str!("prelude/inspect.js")),
    ("zigttp:interfaces", include_str!("prelude/interfaces.js")),
    ("zigttp:console", include_str!("prelude/console.js")),
    ("zigttp:timers", include_str!("prelude/timers.js")),
    ("zigttp:encoding", include_str!("prelude/encoding.js")),
    ("zigttp:url", include_str!("prelude/url.js")),
    ("zigttp:event_target", include_str!("prelude/event_target.js")),
    ("zigttp:abort", include_str!("prelude/abort.js")),
    ("zigttp:clone", include_str!("prelude/clone.js")),
    ("zigttp:algorithms", include_str!("prelude/crypto/algorithms.js")),
    ("zigttp:keys", include_str!("prelude/crypto/keys.js")),
    ("zigttp:subtle", include_str!("prelude/crypto/subtle.js")),
    ("zigttp:crypto", include_str!("prelude/crypto/crypto.js")),
    ("zigttp:blob", include_str!("prelude/blob.js")),
    ("zigttp:form_data", include_str!("prelude/form_data.js")),
    ("zigttp:http", include_str!("prelude/http.js")),
    ("zigttp:env", include_str!("prelude/env.js")),
    ("zigttp:fetch", include_str!("prelude/fetch.js")),
    ("zigttp:streams", include_str!("prelude/streams.js")),
    ("zigttp:locale", include_str!("prelude/locale.js")),
    ("zigttp:ready", include_str!("prelude/ready.js")),
];

/// Names of the functions that Rust calls, in the order of `Internal`.
const INTERNAL_NAMES: [&str; INTERNALS] = [
    "describe",
    "makeRequest",
    "respond",
    "admit",
    "nameRoom",
    "goOn",
    "streamRequest",
    "makePiece",
    "byteLength",
    "env",
];

/// Makes the globals, and answers with the functions of [`INTERNAL_NAMES`].
pub(crate) fn install(ctx: &Ctx<'_>) -> [JSValue; INTERNALS] {
    match evaluate(ctx).catch(ctx) {
        Ok(internals) => internals,
        Err(error) => panic!("the prelude cannot be evaluated: {error}"),
    }
}

fn evaluate(ctx: &Ctx<'_>) -> Result<[JSValue; INTERNALS]> {
    let named = Function::new(ctx.clone(), random_number)?.with_name("random")?;
    ctx.globals().get::<_, Object<'_>>("Math")?.set("random", named)?;
    let native = Object::new(ctx.clone())?;
    native.set("log", Func::from(log))?;
    native.set("random", Func::from(random))?;
    native.set("crypto", Func::from(crypto::ask))?;
    native.set("timingSafeEqual", Func::from(crypto::is_equal))?;
    native.set("classOf", Func::from(class_of))?;
    native.set("encode", Func::from(text::encode))?;
    native.set("encodeInto", Func::from(text::encode_into))?;
    native.set("decode", Func::from(text::decode))?;
    native.set("unfinished", Func::from(text::unfinished))?;
    native.set("parseUrl", Func::from(parse_url))?;
    native.set("setUrl", Func::from(set_url))?;
    native.set("parseForm", Func::from(parse_form))?;
    native.set("formatForm", Func::from(format_form))?;
    native.set("respond", Func::from(respond))?;
    native.set("accept", Func::from(accept))?;
    native.set("nameRoom", Func::from(name_room))?;
    native.set("resumable", Func::from(resumable))?;
    native.set("pathParams", Func::from(path_params))?;
    native.set("env", env(ctx))?;
    native.set("isBuilding", Func::from(is_building))?;
    outside::add(&native)?;

    let internals = Object::new(ctx.clone())?;
    for &(name, source) in PRELUDE {
        let mut options = EvalOptions::default();
        options.filename = Some(name.to_owned());
        let file: Function<'_> = ctx.eval_with_options(source, options)?;
        file.call::<_, ()>((native.clone(), internals.clone()))?;
    }
    let mut values = [qjs::JS_UNDEFINED; INTERNALS];
    for (value, name) in values.iter_mut().zip(INTERNAL_NAMES) {
        let function: Function<'_> = internals.get(name)?;
        // SAFETY: the context is alive; the engine keeps this reference.
        *value = unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), function.as_raw()) };
    }
    // What `ready.js` has put there is to stay alive.
    std::mem::forget(internals);
    Ok(values)
}

/// The function of `zigttp:env`.
fn env<'js>(ctx: &Ctx<'js>) -> Value<'js> {
    let row = Module::Env.find("env").expect("it is in the table");
    let function = api::function(ctx.as_raw().as_ptr(), row);
    // SAFETY: the reference is new and given to the value.
    unsafe { Value::from_raw(ctx.clone(), function) }
}

/// Whether top-level code runs.
fn is_building() -> bool {
    engine().is_building()
}

/// One line of `console`, whose level is a `LogLevel`.
fn log(level: i32, line: String) {
    // SAFETY: the line is alive during the call.
    unsafe { imports::log(level, line.as_ptr(), line.len()) };
}

/// `Math.random`. Javy's keeps its state in a page that no event would write otherwise.
fn random_number() -> f64 {
    let state = &allocator::written().random;
    let mut random = fastrand::Rng::with_seed(state.get());
    let number = random.f64();
    state.set(random.get_seed());
    number
}

/// Fills a `Uint8Array` with random bytes.
fn random<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>) -> Result<()> {
    if engine().is_building() {
        return Err(Exception::throw_message(
            &ctx,
            "crypto cannot be used at the top level: its random bytes would be part of the artifact",
        ));
    }
    let raw = bytes.as_raw().ok_or_else(|| Exception::throw_type(&ctx, "detached ArrayBuffer"))?;
    // SAFETY: the array is not detached, and no JavaScript runs meanwhile.
    let failed = unsafe { imports::random_get(raw.ptr.as_ptr(), raw.len) } != 0;
    if failed { Err(Exception::throw_message(&ctx, "no random bytes to be had")) } else { Ok(()) }
}

/// The number that QuickJS gives to the class of an object, which no prototype can hide.
fn class_of(object: Value<'_>) -> u32 {
    // SAFETY: only the object's own header is read.
    unsafe { qjs::JS_GetClassID(object.as_raw()) }
}

/// The parts of a URL, in the order `url.js` knows them, or nothing if it is no URL.
fn parse_url(input: String, base: Option<String>) -> Option<Vec<String>> {
    let base = match base {
        Some(base) => Some(Url::parse(&base, None)?),
        None => None,
    };
    Url::parse(&input, base.as_ref()).map(|url| url.parts().into())
}

/// The parts of a URL after one of its setters; one that refuses the value changes nothing.
fn set_url(href: String, part: String, value: String) -> Option<Vec<String>> {
    let part = Part::named(&part).expect("`url.js` names parts that can be set");
    Some(Url::parse(&href, None)?.set(part, &value).parts().into())
}

/// Names and values of `application/x-www-form-urlencoded`, one after the other.
fn parse_form(text: String) -> Vec<String> {
    form_urlencoded::parse(text.as_bytes())
        .flat_map(|(name, value)| [name.into_owned(), value.into_owned()])
        .collect()
}

/// The reverse of [`parse_form`].
fn format_form(flat: Vec<String>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for pair in flat.chunks_exact(2) {
        form.append_pair(&pair[0], &pair[1]);
    }
    form.finish()
}

/// Hands a checked response to the host.
fn respond<'js>(ctx: Ctx<'js>, status: u32, headers: String, body: Value<'js>) -> Result<()> {
    let data = value::Data::new(ctx.as_raw().as_ptr(), body.as_raw())
        .map_err(|_| Exception::throw_type(&ctx, "the body of the Response cannot be read"))?;
    let bytes = data.bytes();
    // SAFETY: headers and body are alive during the call.
    unsafe {
        imports::respond(
            status,
            headers.as_ptr(),
            headers.len(),
            data.kind().number().into(),
            bytes.as_ptr(),
            bytes.len(),
        );
    }
    Ok(())
}

/// The value that the client of `onUpgrade` has left.
fn resumable(ctx: Ctx<'_>) -> Result<Value<'_>> {
    let value = api::resumable(ctx.as_raw().as_ptr()).map_err(|_pending| Error::Exception)?;
    // SAFETY: the value is of this context, and nothing else owns this reference.
    Ok(unsafe { Value::from_raw(ctx, value) })
}

/// The parameters of a request's path.
fn path_params<'js>(ctx: Ctx<'js>, path: String) -> Result<Value<'js>> {
    let object = api::path_params(ctx.as_raw().as_ptr(), path.as_bytes())
        .map_err(|_pending| Error::Exception)?;
    // SAFETY: the value is of this context, and nothing else owns this reference.
    Ok(unsafe { Value::from_raw(ctx, object) })
}

/// Hands the room that `roomOf` has named to the host.
fn name_room(ctx: Ctx<'_>, name: String) -> Result<()> {
    match name.len() {
        1..=MAX_ROOM_BYTES => {}
        len => {
            return Err(Exception::throw_range(
                &ctx,
                &format!(
                    "roomOf: the room has {len} bytes of UTF-8, it may have 1 to {MAX_ROOM_BYTES}"
                ),
            ));
        }
    }
    // SAFETY: the name is alive during the call.
    unsafe { imports::name_room(name.as_ptr(), name.len()) };
    Ok(())
}

/// Accepts a connection with its first attachment, for what `of` says: that may be undefined where a response has it.
fn accept<'js>(ctx: Ctx<'js>, attachment: Value<'js>, of: String) -> Result<()> {
    if attachment.is_undefined() {
        // SAFETY: of no kind there are no bytes.
        unsafe { imports::accept(-1, std::ptr::null(), 0) };
        return Ok(());
    }
    let value =
        Storable::new(ctx.as_raw().as_ptr(), attachment.as_raw()).map_err(|unstorable| {
            match unstorable {
                Unstorable::Misfit(misfit) => {
                    Exception::throw_type(&ctx, &format!("{of} cannot be stored: {misfit}"))
                }
                Unstorable::Detached => {
                    Exception::throw_type(&ctx, &format!("{of} has a detached ArrayBuffer"))
                }
                Unstorable::Thrown => Error::Exception,
            }
        })?;
    let bytes = value.bytes();
    // SAFETY: the bytes are alive during the call.
    let limit =
        unsafe { imports::accept(value.kind().number().into(), bytes.as_ptr(), bytes.len()) };
    match limit {
        0 => Ok(()),
        limit => Err(Exception::throw_range(
            &ctx,
            &format!("{of} has {} bytes, the limit is {limit}", bytes.len()),
        )),
    }
}
