//! `crypto.subtle`: what WebCrypto promises, asked in events. The suite of web-platform-tests asks far more
//! (`tests/conformance/wpt.sh`); the algorithms themselves are tested in `runtime/crypto`.

use std::time::Instant;

use crate::support::server::Server;
use crate::support::zigts::{folder_with, zigts};
use crate::support::{admin, programs};

/// Serves a handler whose `handler` returns what this code does, and asks for it.
fn answer_of(code: &str) -> String {
    let source = format!(
        "const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: BufferSource) => new TextDecoder().decode(data);
const hex = (data: ArrayBuffer) =>
  Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, \"0\")).join(\"\");
const {{ subtle }} = crypto;
async function run(): Promise<unknown> {{ {code} }}
export async function handler(req: Request) {{
  try {{
    return Response.json((await run()) ?? null);
  }} catch (error) {{
    return Response.json(`${{error}}`);
  }}
}}\n"
    );
    let server = Server::start(&programs::compile(&source), &[]);
    let (status, body) = server.get("/");
    assert_eq!(status, 200, "{}", server.log());
    body
}

#[test]
fn algorithms_are_known_in_any_case_and_digests_are_right() {
    let body = answer_of(
        "const found = [];
        for (const name of ['sha-1', 'SHA-256', 'Sha-384', 'SHA-512'])
          found.push(hex(await subtle.digest({ name }, bytes('abc'))).slice(0, 8));
        return found;",
    );
    assert_eq!(body, r#"["a9993e36","ba7816bf","cb00753f","ddaf35a1"]"#);
}

#[test]
fn what_a_key_signs_it_verifies_and_nothing_else() {
    let body = answer_of(
        "const found: unknown[] = [];
        const hash = 'SHA-256';
        for (const algorithm of [
          { name: 'HMAC', hash },
          { name: 'ECDSA', hash, namedCurve: 'P-256' },
          { name: 'ECDSA', hash: 'SHA-384', namedCurve: 'P-384' },
          { name: 'Ed25519' },
        ]) {
          const made = await subtle.generateKey(algorithm as any, false, ['sign', 'verify']) as any;
          const { privateKey = made, publicKey = made } = made;
          const signature = await subtle.sign(algorithm, privateKey, bytes('hello'));
          found.push([
            await subtle.verify(algorithm, publicKey, signature, bytes('hello')),
            await subtle.verify(algorithm, publicKey, signature, bytes('hallo')),
          ]);
        }
        return found;",
    );
    assert_eq!(body, "[[true,false],[true,false],[true,false],[true,false]]");
}

#[test]
fn the_first_event_that_signs_takes_no_more_than_later_ones() {
    let source = r#"
const { subtle } = crypto;
export async function handler(req: Request) {
  const { privateKey } = (await subtle.generateKey("Ed25519", false, ["sign"])) as CryptoKeyPair;
  const signature = await subtle.sign("Ed25519", privateKey, new Uint8Array(8));
  return Response.text(`${signature.byteLength}`);
}
"#;
    // Less than the generator of random numbers takes to begin.
    let server = Server::start(&programs::compile(source), &["--cpu-limit", "20ms"]);
    assert_eq!(server.get("/"), (200, "64".to_owned()), "{}", server.log());
}

#[test]
fn what_is_encrypted_is_decrypted_with_the_same_key_and_data() {
    let body = answer_of(
        "const key = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt']);
        const iv = crypto.getRandomValues(new Uint8Array(12));
        const algorithm = { name: 'AES-GCM', iv, additionalData: bytes('room 7') };
        const sealed = await subtle.encrypt(algorithm, key, bytes('secret'));
        const again = await subtle.importKey('jwk', await subtle.exportKey('jwk', key), 'AES-GCM', false, ['decrypt']);
        const opened = text(await subtle.decrypt(algorithm, again, sealed));
        const changed = await subtle.decrypt({ ...algorithm, additionalData: bytes('room 8') }, again, sealed)
          .catch((error: DOMException) => [error instanceof DOMException, error.name]);
        return [opened, sealed.byteLength, changed];",
    );
    assert_eq!(body, r#"["secret",22,[true,"OperationError"]]"#);
}

#[test]
fn a_key_is_used_for_its_usages_alone_and_comes_out_only_if_it_may() {
    let body = answer_of(
        "const found = [];
        const hmac = { name: 'HMAC', hash: 'SHA-256' };
        const key = await subtle.importKey('raw', bytes('secret'), hmac, false, ['verify']);
        const tries: (() => Promise<unknown>)[] = [
          () => subtle.sign('HMAC', key, bytes('')),
          () => subtle.exportKey('raw', key),
          () => subtle.encrypt({ name: 'AES-GCM', iv: bytes('') }, key, bytes('')),
          () => subtle.importKey('raw', bytes('secret'), hmac, false, []),
          () => subtle.importKey('raw', bytes('secret'), hmac, false, ['encrypt']),
          () => subtle.importKey('raw', bytes(''), hmac, false, ['sign']),
          () => subtle.importKey('spki', bytes('nothing'), { name: 'Ed25519' }, false, ['verify']),
          () => subtle.digest('MD5', bytes('')),
          () => subtle.digest('SHA-256', 'text' as any),
          () => (subtle as any).digest('SHA-256'),
          () => (subtle as any).importKey('pem', bytes(''), hmac, false, []),
        ];
        for (const ask of tries) found.push(await ask().catch((error) => error.name));
        key.usages.push('sign');
        key.algorithm.name = 'AES-GCM';
        found.push(await subtle.sign('HMAC', key, bytes('')).catch((error) => error.name));
        return found;",
    );
    let expected = [
        "InvalidAccessError",
        "InvalidAccessError",
        "InvalidAccessError",
        "SyntaxError",
        "SyntaxError",
        "DataError",
        "DataError",
        "NotSupportedError",
        "TypeError",
        "TypeError",
        "TypeError",
        "InvalidAccessError",
    ];
    assert_eq!(body, serde_json::to_string(&expected).expect("strings"));
}

#[test]
fn keys_are_derived_wrapped_and_agreed_on() {
    let body = answer_of(
        "const password = await subtle.importKey('raw', bytes('password'), 'PBKDF2', false, ['deriveBits', 'deriveKey']);
        const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes('salt'), iterations: 2 };
        const bits = hex(await subtle.deriveBits(pbkdf2, password, 256)).slice(0, 8);
        const wrapping = await subtle.deriveKey(pbkdf2, password, { name: 'AES-KW', length: 256 }, false, ['wrapKey', 'unwrapKey']);
        const secret = await subtle.importKey('raw', new Uint8Array(32).fill(7), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
        const wrapped = await subtle.wrapKey('raw', secret, wrapping, 'AES-KW');
        const back = await subtle.unwrapKey('raw', wrapped, wrapping, 'AES-KW', { name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
        const same = crypto.timingSafeEqual(await subtle.exportKey('raw', back), new Uint8Array(32).fill(7));
        const [one, other] = await Promise.all([1, 2].map(() => subtle.generateKey('X25519', false, ['deriveBits']))) as CryptoKeyPair[];
        const agree = async (a: CryptoKeyPair, b: CryptoKeyPair) =>
          hex(await subtle.deriveBits({ name: 'X25519', public: b.publicKey }, a.privateKey, null));
        return [bits, wrapped.byteLength, same, await agree(one, other) === await agree(other, one)];",
    );
    assert_eq!(body, r#"["ae4d0c95",40,true,true]"#);
}

#[test]
fn bytes_are_compared_without_telling_where_they_differ() {
    let body = answer_of(
        "const same = [crypto.timingSafeEqual(bytes('abc'), bytes('abc').buffer), subtle.timingSafeEqual(bytes('abc'), bytes('abd'))];
        try { crypto.timingSafeEqual(bytes('abc'), bytes('ab')); } catch (error) { return [...same, `${error}`]; }",
    );
    let refused =
        "TypeError: crypto.timingSafeEqual: a and b must have as many bytes as each other";
    assert_eq!(body, serde_json::json!([true, false, refused]).to_string());
}

#[test]
fn what_the_server_computes_is_not_there_while_a_handler_is_built() {
    let source = "const digest = await crypto.subtle.digest('SHA-256', new Uint8Array());
        export function handler() { return new Response(digest); }\n";
    let folder = folder_with(&[("handler.ts", source)]);
    let run = zigts(folder.path(), &["build", "handler.ts"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains("crypto.subtle cannot be used at the top level"), "{}", run.stderr);
}

#[test]
fn a_secret_may_become_a_key_while_a_handler_is_built() {
    let source = "const secret = new TextEncoder().encode('a secret');
        const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
        export async function handler() {
          const signature = await crypto.subtle.sign('HMAC', key, new Uint8Array());
          return Response.json(signature.byteLength);
        }\n";
    let server = Server::start(&programs::compile(source), &[]);
    assert_eq!(server.get("/"), (200, "32".to_owned()));
}

#[test]
fn six_hundred_thousand_iterations_are_within_the_default_limits() {
    let began = Instant::now();
    let body = answer_of(
        "const password = await subtle.importKey('raw', bytes('password'), 'PBKDF2', false, ['deriveBits']);
        const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes('salt'), iterations: 600_000 };
        return hex(await subtle.deriveBits(algorithm, password, 256));",
    );
    assert_eq!(body, r#""669cfe52482116fda1aa2cbe409b2f56c8e4563752b7a28f6eaab614ee005178""#);
    assert!(began.elapsed().as_secs() < 60);
}

#[test]
fn what_would_take_too_long_is_refused_before_it_begins() {
    let code = |iterations: &str| {
        format!(
            "const password = await subtle.importKey('raw', bytes('password'), 'PBKDF2', false, ['deriveBits']);
            const algorithm = {{ name: 'PBKDF2', hash: 'SHA-256', salt: bytes('salt'), iterations: {iterations} }};
            return hex(await subtle.deriveBits(algorithm, password, 256));"
        )
    };
    let began = Instant::now();
    let body = answer_of(&code("4_000_000_000"));
    assert!(body.starts_with("\"OperationError: "), "{body}");
    assert!(body.contains("--crypto-limit"), "{body}");
    assert!(began.elapsed().as_secs() < 60);
}

#[test]
fn long_computations_of_an_event_share_one_limit() {
    let body = answer_of(
        "const password = await subtle.importKey('raw', bytes('password'), 'PBKDF2', false, ['deriveBits']);
        const found = await Promise.allSettled(Array.from({ length: 200 }, (_, number) => {
          const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes(`${number}`), iterations: 100_000 };
          return subtle.deriveBits(algorithm, password, 256);
        }));
        const refused = found.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
        return [refused.length > 0, refused.length < 200, refused.every(({ reason }) => reason.name === 'OperationError')];",
    );
    assert_eq!(body, "[true,true,true]");
}

#[tokio::test]
async fn an_event_that_computes_for_long_keeps_nobody_waiting() {
    let handler = programs::compile(
        r#"
import { send } from "zigttp:websocket";
export async function onMessage(ws: WebSocket, data: string) {
  if (data === "compute") {
    const password = await crypto.subtle.importKey("raw", new Uint8Array(8), "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(8), iterations: 5_000_000 };
    await crypto.subtle.deriveBits(algorithm, password, 256);
  }
  send(ws, data);
}
"#,
    );
    let (server, admin) = admin::start(&handler, &["--crypto-limit", "10m"]);
    let mut computing = server.connect("/room").await;
    let mut other = server.connect("/room").await;
    computing.send("compute").await;
    computing.send("after").await;
    let computed = || admin::scrape(admin)["zigttp_crypto_seconds_count"];
    // Some of these come while it computes: each is an event of the same room.
    let mut meanwhile = 0;
    while computed() == 0.0 {
        assert_eq!(other.ask("hello").await, "hello");
        meanwhile += 1;
    }
    assert!(meanwhile > 1, "{meanwhile}");
    assert_eq!(computing.text().await, "compute");
    assert_eq!(computing.text().await, "after", "its own later messages come after it");
}

#[test]
fn what_depends_on_chance_is_the_same_in_later_runs_of_an_event() {
    let server = Server::of(
        r#"
import * as storage from "zigttp:storage";
export const routes = ["/room/:name"];
const bytes = (text: string) => new TextEncoder().encode(text);
const ecdsa = { name: "ECDSA", hash: "SHA-256", namedCurve: "P-256" };

export async function onRequest(req: Request, room: string) {
  if (room === "/room/other") {
    const count = (storage.get<number>(room, "count") ?? 0) + 1;
    storage.put(room, "count", count);
    return Response.json([count, (await req.arrayBuffer()).byteLength]);
  }
  const made = await crypto.subtle.generateKey(ecdsa, false, ["sign", "verify"]);
  const rsa = { name: "RSA-PSS", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(rsa, false, ["sign", "verify"]) as CryptoKeyPair;
  const token = await crypto.subtle.sign(ecdsa, made.privateKey, bytes("token"));
  const other = await crypto.subtle.sign({ name: "RSA-PSS", saltLength: 32 }, privateKey, bytes("token"));
  const body = new Uint8Array([...new Uint8Array(token), ...new Uint8Array(other)]);
  const answer = await fetch("room:/room/other", { method: "POST", body });
  return Response.json([
    await answer.json(),
    await crypto.subtle.verify(ecdsa, made.publicKey, token, bytes("token")),
    await crypto.subtle.verify({ name: "RSA-PSS", saltLength: 32 }, publicKey, other, bytes("token")),
  ]);
}
"#,
    );
    // The request that has the signatures was made once, and its answer found.
    assert_eq!(
        server.get("/room/one"),
        (200, "[[1,320],true,true]".to_owned()),
        "{}",
        server.log()
    );
}
