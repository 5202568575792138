//! The order of events that clients cause together.

use super::{passes, run_tests, said};

/// Whoever comes first gets the seat; the answer of another service decides nothing.
const SEAT: &str = r#"
import * as storage from "zigttp:storage";
import { send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket, text: string, room: string) {
  const before = storage.get<string[]>(room, "order") ?? [];
  storage.put(room, "order", [...before, text]);
}
"#;

#[test]
fn without_a_seed_events_run_in_the_order_of_the_calls() {
    passes(
        SEAT,
        r#"
test("order", async () => {
  const [ann, bob] = await Promise.all([connect("/room/x"), connect("/room/x")]);
  expect(ann.id).toBeLessThan(bob.id);
  ann.send("a1");
  bob.send("b1");
  ann.send("a2");
  bob.send("b2");
  expect(world.storage("/room/x").get("order")).toEqual(["a1", "b1", "a2", "b2"]);
});
"#,
    );
}

const RACE: &str = r#"
test("the first one wins", async () => {
  const [ann, bob] = [await connect("/room/x"), await connect("/room/x")];
  ann.send("a1");
  ann.send("a2");
  bob.send("b1");
  const order: string[] = world.storage("/room/x").get("order");
  expect(order.indexOf("a1")).toBeLessThan(order.indexOf("a2"));
  expect(order).toEqual(["a1", "a2", "b1"]);
});
"#;

#[test]
fn permuting_finds_an_order_that_fails_and_its_seed_fails_again() {
    let output = run_tests(SEAT, RACE, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let output = run_tests(SEAT, RACE, &["--permute", "50"]);
    let said_of_all = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said_of_all}");
    let (_, seed) = said_of_all.split_once("--seed ").expect("the seed is said");
    let seed: String = seed.chars().take_while(char::is_ascii_digit).collect();
    for _ in 0..2 {
        let output = run_tests(SEAT, RACE, &["--seed", &seed]);
        assert_eq!(output.status.code(), Some(1), "{seed}: {}", said(&output));
    }
}

#[test]
fn a_test_has_the_same_random_numbers_each_time() {
    let handler = r#"
import { send } from "zigttp:websocket";
export const routes = ["/room/:name"];
export function onMessage(ws: WebSocket) {
  send(ws, `${Math.random()} ${crypto.randomUUID()} ${crypto.getRandomValues(new Uint32Array(2))}`);
}
"#;
    let tests = r#"
test.each([1, 2, 3])("random numbers %i", async () => {
  const ann = await connect("/room/x");
  ann.send("");
  ann.send("");
  console.log("drawn", ann.received.join(" / "), Math.random());
  expect(ann.received[0]).not.toBe(ann.received[1]);
  expect(1).toBe(2);
});
"#;
    let output = run_tests(handler, tests, &[]);
    let said = said(&output);
    let drawn: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once("drawn "))
        .map(|(_, it)| it.trim())
        .collect();
    assert_eq!(drawn.len(), 3, "{said}");
    assert!(drawn.iter().all(|it| *it == drawn[0]), "{said}");
}
