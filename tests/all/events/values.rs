//! Values that are neither a string nor bytes: JSON, which comes back as it was stored or is refused.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::client::Client;
use crate::support::programs;
use crate::support::server::Server;

static HANDLER: LazyLock<PathBuf> =
    LazyLock::new(|| programs::compile_file("tests/fixtures/handlers/values.ts"));

async fn check(what: &str) {
    let server = Server::start(&HANDLER, &["--verify-restore", "1", "--cpu-limit", "20s"]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask(what).await, "ok");
    // Nothing of it is left for the next event.
    assert_eq!(client.ask(what).await, "ok");
}

#[tokio::test]
async fn json_comes_back_equal_with_its_type() {
    check("fitting").await;
}

#[tokio::test]
async fn what_does_not_fit_is_a_type_error_that_names_its_path_and_stores_nothing() {
    check("misfits").await;
}

#[tokio::test]
async fn an_undefined_property_is_left_out() {
    check("undefined").await;
}

#[tokio::test]
async fn a_subclass_of_uint8_array_comes_back_as_one() {
    check("buffer").await;
}

#[tokio::test]
async fn each_read_of_json_is_a_fresh_object() {
    check("fresh").await;
}

#[tokio::test]
async fn nothing_that_a_handler_has_replaced_takes_part_in_storing_or_reading() {
    check("patched").await;
}

#[tokio::test]
async fn a_value_nested_too_deep_is_a_type_error_and_no_trap() {
    check("deep").await;
}

#[tokio::test]
async fn the_deepest_value_is_read_back_within_a_recursion_too() {
    check("deepest").await;
}

#[tokio::test]
async fn of_json_the_bytes_of_its_text_count_against_the_size() {
    let server = Server::start(&HANDLER, &["--max-attachment-size", "1000"]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("size 1000").await, "nothing was thrown");
    assert_eq!(
        client.ask("size 1001").await,
        "RangeError: serializeAttachment: the value has 1001 bytes, the limit is 1000"
    );
}

/// One of the values that JSON has, as its text.
fn random_json(random: &mut fastrand::Rng, depth: usize, text: &mut String) {
    match random.u8(..if depth == 0 { 6 } else { 10 }) {
        0 => text.push_str(random.choice(["null", "true", "false", "-0", "0"]).expect("some")),
        1 => write!(text, "{}", random.i64(..)).expect("writing to a string"),
        2 | 3 => {
            let number = f64::from_bits(random.u64(..));
            let number = if number.is_finite() { number } else { random.f64() };
            write!(text, "{number:e}").expect("writing to a string");
        }
        4 | 5 => random_string(random, text),
        6 | 7 => {
            text.push('[');
            for index in 0..random.usize(..6) {
                if index > 0 {
                    text.push(',');
                }
                random_json(random, depth - 1, text);
            }
            text.push(']');
        }
        _ => {
            text.push('{');
            for index in 0..random.usize(..6) {
                if index > 0 {
                    text.push(',');
                }
                random_string(random, text);
                text.push(':');
                random_json(random, depth - 1, text);
            }
            text.push('}');
        }
    }
}

fn random_string(random: &mut fastrand::Rng, text: &mut String) {
    const NAMES: [&str; 8] = ["", "0", "12", "__proto__", "toJSON", "constructor", "length", "a b"];
    let string: String = match random.u8(..4) {
        0 => random.choice(NAMES).expect("some").to_owned(),
        1 => (0..random.usize(..9)).map(|_| random.char('\0'..'\u{80}')).collect(),
        2 => (0..random.usize(..9)).map(|_| random.char(..)).collect(),
        _ => (0..random.usize(..40)).map(|_| random.alphanumeric()).collect(),
    };
    text.push_str(&serde_json::to_string(&string).expect("text always serialises"));
}

/// Both in the event that stores them and in another one.
#[tokio::test]
async fn random_json_comes_back_equal() {
    const VALUES: usize = 400;
    let server = Server::start(&HANDLER, &[]);
    let mut client = server.connect("/").await;
    let mut random = fastrand::Rng::with_seed(18);
    for _ in 0..VALUES {
        let mut text = String::new();
        random_json(&mut random, 5, &mut text);
        // A string is stored as one, not as JSON.
        let text = format!("[{text}]");
        stored_and_read(&mut client, &text).await;
    }
}

async fn stored_and_read(client: &mut Client, text: &str) {
    assert_eq!(client.ask(&format!("store {text}")).await, "ok", "{text}");
    assert_eq!(client.ask(&format!("compare {text}")).await, "ok");
}
