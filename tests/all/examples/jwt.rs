//! The JWT example, against an issuer whose keys it fetches: another server, which signs what it is asked for.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{has_page, json};
use crate::support::admin;
use crate::support::client::Client;
use crate::support::programs::{folder, program, root};
use crate::support::server::Server;
use crate::support::skipped;
use crate::support::zigts::zigts;

const SECRET: &str = "a secret of at least 32 bytes, for HS256";

/// Signs tokens, and publishes the public half of its key.
const ISSUER: &str = r#"
import { exportJWK, exportSPKI, importPKCS8, SignJWT } from "jose";
import { env } from "zigttp:env";

export async function handler(req: Request): Promise<Response> {
  const { alg = "RS256", kid = "one", ...claims } = Object.fromEntries(new URLSearchParams(req.query));
  const key = await importPKCS8(env("KEY")!, "RS256", { extractable: true });
  const { kty, n, e } = await exportJWK(key);
  if (req.path === "/keys") return Response.json({ keys: [{ kty, n, e, kid: "one", use: "sig", alg: "RS256" }] });
  // The mistake of a server that takes a public key for a secret: `confused` is signed with what everybody knows.
  const jwk = await crypto.subtle.importKey("jwk", { kty, n, e }, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, true, ["verify"]);
  const secret = claims.confused === undefined ? env("SECRET") : await exportSPKI(jwk);
  const token = new SignJWT({ name: claims.name })
    .setSubject(claims.sub ?? "ada")
    .setIssuer("issuer")
    .setAudience(claims.aud ?? "chat")
    .setExpirationTime(claims.exp ?? "1h")
    .setProtectedHeader({ alg, kid });
  return Response.text(await token.sign(alg === "HS256" ? new TextEncoder().encode(secret) : key));
}
"#;

/// A handler with the packages of the tests.
fn build(folder: &Path, arguments: &[&str]) {
    symlink(root().join("tests/packages/node_modules"), folder.join("node_modules"))
        .expect("it is writable");
    let run = zigts(folder, &[&["build", "-o", "handler.wasm"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// The issuer, and the example that trusts it.
struct Both {
    issuer: Server,
    /// Where the issuer's metrics are.
    admin: SocketAddr,
    chat: Server,
}

impl Both {
    fn start() -> Option<Both> {
        if !root().join("tests/packages/node_modules").exists() {
            skipped("run `npm ci` in tests/packages");
            return None;
        }
        let key = fs::read_to_string(root().join("tests/fixtures/jwt/issuer.key.pem"))
            .expect("a fixture");
        let (there, here) = (folder(), folder());
        fs::write(there.path().join("issuer.ts"), ISSUER).expect("it is writable");
        build(there.path(), &["issuer.ts"]);
        for file in ["handler.ts", "keys.ts", "page.ts", "token.ts"] {
            let example = root().join("examples/jwt").join(file);
            fs::copy(example, here.path().join(file)).expect("it is writable");
        }
        build(here.path(), &["--deny-warnings", "handler.ts"]);

        let (issuer, admin) = admin::start(
            &there.path().join("handler.wasm"),
            &[
                "--env",
                &format!("KEY={}", key.replace('\n', " ")),
                "--env",
                &format!("SECRET={SECRET}"),
            ],
        );
        let address = issuer.address;
        let chat = Server::recorded(
            &here.path().join("handler.wasm"),
            &[
                "--env",
                &format!("JWKS_URL=http://{address}/keys"),
                "--env",
                &format!("JWT_SECRET={SECRET}"),
                "--env",
                "JWT_ISSUER=issuer",
                "--env",
                "JWT_AUDIENCE=chat",
                "--allow-fetch",
                &address.to_string(),
            ],
        );
        Some(Both { issuer, admin, chat })
    }

    fn token(&self, query: &str) -> String {
        let (status, token) = self.issuer.get(&format!("/token?{query}"));
        assert_eq!(status, 200, "{token}");
        token
    }

    /// Somebody with this token, who is told of coming in.
    async fn enter(&self, token: &str) -> (Client, String) {
        let mut client = self.chat.connect(&format!("/room/hall?token={token}")).await;
        let joined = json(&mut client).await;
        assert_eq!(joined["type"], "joined", "{joined}");
        let name = joined["name"].as_str().expect("a name").to_owned();
        (client, name)
    }

    async fn is_refused(&self, token: &str) {
        let refused =
            Client::try_connect(self.chat.address, &format!("/room/hall?token={token}")).await;
        let error = refused.err().unwrap_or_else(|| panic!("{token} lets somebody in")).to_string();
        assert!(error.contains("401"), "{token}: {error}");
    }

    /// How many requests the issuer has had.
    fn asked(&self) -> f64 {
        admin::scrape(self.admin)[r#"zigttp_event_duration_seconds_count{event="request"}"#]
    }
}

#[test]
fn its_own_tests_pass() {
    let packages = root().join("tests/packages/node_modules");
    if !packages.exists() {
        return skipped("run `npm ci` in tests/packages");
    }
    let folder = folder();
    for file in ["handler.ts", "handler.test.ts", "keys.ts", "page.ts", "token.ts"] {
        fs::copy(root().join("examples/jwt").join(file), folder.path().join(file))
            .expect("it is writable");
    }
    symlink(packages, folder.path().join("node_modules")).expect("it is writable");
    let run = program("zigttp").arg("test").current_dir(folder.path()).output();
    let run = run.expect("zigttp starts");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("2 passed"), "{said}");
}

#[tokio::test]
async fn who_brings_a_token_of_the_issuer_comes_in_under_its_name() {
    let Some(both) = Both::start() else { return };
    has_page(&both.chat, "JWT on zigttp");
    let (mut ada, name) = both.enter(&both.token("alg=HS256&name=Ada")).await;
    assert_eq!(name, "Ada");
    let (_bob, name) = both.enter(&both.token("alg=RS256&sub=bob")).await;
    assert_eq!(name, "bob");
    assert_eq!(json(&mut ada).await["name"], "bob");
    ada.send("hello").await;
    let said = json(&mut ada).await;
    assert_eq!((&said["name"], &said["text"]), (&"Ada".into(), &"hello".into()));
}

#[tokio::test]
async fn the_keys_of_the_issuer_are_fetched_once_a_room() {
    let Some(both) = Both::start() else { return };
    let tokens: Vec<_> = (0..3).map(|number| both.token(&format!("sub=user{number}"))).collect();
    let unknown = both.token("kid=other");
    let before = both.asked();
    for token in &tokens {
        both.enter(token).await;
    }
    // A key that is not among them is not asked for at once again.
    both.is_refused(&unknown).await;
    assert_eq!(both.asked() - before, 1.0);
}

#[tokio::test]
async fn tokens_that_do_not_count_are_refused() {
    let Some(both) = Both::start() else { return };
    for query in [
        "exp=-1h",
        "alg=HS256&exp=-1h",
        "aud=another",
        "alg=HS256&aud=another",
        "alg=HS256&confused=1",
    ] {
        both.is_refused(&both.token(query)).await;
    }
    let good = both.token("alg=HS256");
    let (head, rest) = good.split_once('.').expect("it has three parts");
    let (claims, signature) = rest.split_once('.').expect("it has three parts");
    // `{"alg":"none"}`
    let none = "eyJhbGciOiJub25lIn0";
    let other = both.token("alg=HS256&sub=eve");
    let others = other.split('.').nth(1).expect("it has three parts");
    for forged in [
        String::new(),
        "token".to_owned(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{others}.{signature}"),
        format!("{head}.{claims}."),
    ] {
        both.is_refused(&forged).await;
    }
    both.enter(&good).await;
}
