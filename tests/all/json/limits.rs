//! `JSON` under hostile texts and values: an event ends with its own error or with that of its limits, and the next
//! event finds nothing of it.

use super::Engine;

/// Scripts that make the worst texts and values of so many characters.
const HOSTILE: [(&str, &str); 11] = [
    ("lists", "JSON.parse('['.repeat(size))"),
    ("closed lists", "JSON.parse('['.repeat(size / 2) + ']'.repeat(size / 2))"),
    ("objects", r#"JSON.parse('{"a":'.repeat(size / 5))"#),
    ("digits", "JSON.parse('1'.repeat(size))"),
    ("decimals", "JSON.parse('0.' + '1'.repeat(size) + 'e5')"),
    ("an exponent", "JSON.parse('1e' + '1'.repeat(size))"),
    ("escapes", r#"JSON.parse('"' + '\\u0000'.repeat(size / 6) + '"').length"#),
    ("an open string", r#"JSON.parse('"' + 'x'.repeat(size))"#),
    ("space", "JSON.parse(' '.repeat(size))"),
    (
        "names",
        r#"Object.keys(JSON.parse('{' + Array.from({ length: size / 16 }, (_, at) => `"${at}x":0`) + '}')).length"#,
    ),
    ("one name", r#"Object.keys(JSON.parse('{"x":1' + ',"x":1'.repeat(size / 6) + '}')).length"#),
];

/// With limits that all of this fits into, each is what it would be for a short text.
#[test]
fn a_long_hostile_text_is_a_value_or_an_error_that_can_be_caught() {
    let arguments = ["--cpu-limit", "60s", "--memory-limit", "1GiB", "--max-event-memory", "2GiB"];
    let engine = Engine::start(&arguments);
    for (name, script) in HOSTILE {
        let (status, said) = engine.answer(&format!("const size = 16e6;\n{script}"));
        match name {
            "lists" | "objects" => {
                assert!(
                    said.starts_with("throws RangeError") || said.starts_with("throws SyntaxError"),
                    "{name}: {status} {said}"
                );
            }
            "closed lists" => assert!(
                said.starts_with("throws RangeError") || status == 200,
                "{name}: {status} {said}"
            ),
            "digits" | "an exponent" => assert_eq!(said, "Infinity", "{name}"),
            "decimals" => assert_eq!(said, "11111.111111111111", "{name}"),
            "escapes" => assert_eq!(said, "2666666", "{name}"),
            "names" => assert_eq!(said, "1000000", "{name}"),
            "one name" => assert_eq!(said, "1", "{name}"),
            _ => assert!(said.starts_with("throws SyntaxError"), "{name}: {status} {said}"),
        }
        assert_eq!(engine.evaluate("JSON.stringify(JSON.parse('[1]'))"), "[1]", "after {name}");
    }
}

/// With the limits that a server has by default an event that does not fit into them fails alone.
#[test]
fn json_over_the_limits_of_an_event_ends_that_event_alone() {
    let engine = Engine::start(&["--verify-restore", "1"]);
    let writing = [
        ("a long list", "JSON.stringify(Array(size).fill('\\0\\0\\0')).length"),
        ("an indent", "JSON.stringify(Array(size).fill(0), null, 10).length"),
        (
            "one text",
            "{ const text = 'é\\0'.repeat(100000); JSON.stringify(Array(size / 1e4).fill(text)).length }",
        ),
        ("what never ends", "{ const next = { toJSON: () => [next] }; JSON.stringify(next) }"),
        (
            "what grows",
            "{ const list = []; list.push({ toJSON() { list.push(this); return 'x'.repeat(1e5); } }); for (;;) JSON.stringify(list); }",
        ),
        (
            "a proxy without end",
            "JSON.stringify(new Proxy({}, { get: (_, key) => key === 'toJSON' ? undefined : new Proxy({}, {}), ownKeys: () => Array.from({ length: 1e6 }, (_, at) => `${at}`), getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }) })).length",
        ),
    ];
    for (name, script) in HOSTILE.into_iter().chain(writing) {
        let (status, said) = engine.answer(&format!("const size = 16e6;\n{script}"));
        let is_own_error =
            said.starts_with("throws RangeError") || said.starts_with("throws SyntaxError");
        // The server's own response, of an event that has failed.
        let is_over = [500, 504].contains(&status) && !said.starts_with("throws");
        assert!(is_own_error || is_over, "{name}: {status} {said}");
        assert_eq!(engine.evaluate("JSON.stringify(JSON.parse('[1]'))"), "[1]", "after {name}");
    }
}

/// As everything else does: what a handler has to undo it can, and what it logs is told.
#[test]
fn json_that_has_no_memory_left_throws() {
    let engine = Engine::start(&["--cpu-limit", "60s"]);
    for (name, prepare, script) in [
        ("digits", "'1'.repeat(20e6)", "JSON.parse(text)"),
        ("wide digits", "`1${'0'.repeat(5e6)}` + ' '.repeat(5e6) + '語'", "JSON.parse(text)"),
        ("escapes", r#"'"\\n' + 'x'.repeat(12e6) + '"'"#, "JSON.parse(text)"),
        ("items", "`[${'0,'.repeat(5e6)}0]`", "JSON.parse(text)"),
        ("text", "'x'.repeat(20e6)", "JSON.stringify([text])"),
        ("wide text", "'語'.repeat(10e6)", "JSON.stringify(text)"),
    ] {
        let (status, said) = engine.answer(&format!(
            "const text = {prepare};\ntry {{ {script}; }} catch (error) {{ console.log(`{name}: ${{error}}`); }}"
        ));
        assert!(status == 500 && !said.starts_with("throws"), "{name}: {status} {said}");
        engine.0.wait_for_log(&format!("{name}: InternalError: out of memory"));
        assert_eq!(engine.evaluate("JSON.stringify(JSON.parse('[1]'))"), "[1]", "after {name}");
    }
}

#[test]
fn many_short_texts_take_what_they_need() {
    let engine = Engine::start(&["--cpu-limit", "60s"]);
    // With room for a longer text each, they would not fit into the 32 MiB of an event.
    for text in ["JSON.stringify({ at })", "JSON.stringify({ at, name: '語' })"] {
        let script = format!("Array.from({{ length: 1e5 }}, (_, at) => {text}).at(-1)");
        assert!(engine.evaluate(&script).starts_with(r#"{"at":99999"#), "{text}");
    }
}

#[test]
fn nests_a_thousand_deep_are_read_and_written_and_deeper_ones_can_be_caught() {
    let engine = Engine::start(&["--cpu-limit", "60s", "--memory-limit", "256MiB"]);
    let nested = r#"
const lists = (depth) => '['.repeat(depth) + ']'.repeat(depth);
const objects = (depth) => '{"a":'.repeat(depth) + '0' + '}'.repeat(depth);
"#;
    for script in ["lists(1000)", "objects(1000)"] {
        let same =
            format!("{nested}const text = {script}; JSON.stringify(JSON.parse(text)) === text");
        assert_eq!(engine.evaluate(&same), "true", "{script}");
        let revived = format!(
            "{nested}const text = {script}; JSON.stringify(JSON.parse(text, (_, value) => value), (_, value) => value) === text"
        );
        assert_eq!(engine.evaluate(&revived), "true", "{script}");
    }
    // Where it is too deep is the engine's to say; that it says so is promised.
    let deep = format!(
        r#"{nested}
const tried = (run) => {{ try {{ run(); return "value"; }} catch (error) {{ return error.name; }} }};
let list = [], object = {{}}, shallow;
for (let depth = 0; depth < 20000; depth++) {{
  list = [list];
  object = {{ a: object }};
  if (depth === 3000) shallow = list;
}}
[
  tried(() => JSON.parse(lists(1000000))), tried(() => JSON.parse(objects(1000000))),
  tried(() => JSON.parse(lists(1000000), (_, value) => value)),
  tried(() => JSON.stringify(list)), tried(() => JSON.stringify(object)), tried(() => JSON.stringify(shallow, null, 1)),
  tried(() => JSON.stringify(list, (_, value) => value)),
].filter((said) => said !== "value" && said !== "RangeError").length"#
    );
    assert_eq!(engine.evaluate(&deep), "0");
    assert_eq!(engine.evaluate("JSON.stringify(JSON.parse('[1]'))"), "[1]");
}

/// Garbage is collected once an event has allocated some 8 MiB, so within a text too.
#[test]
fn what_is_being_read_or_written_survives_a_collection_of_garbage() {
    let engine = Engine::start(&["--cpu-limit", "60s", "--memory-limit", "512MiB"]);
    let script = r#"
const row = (at) => `{"id":${at},"name":"row ${at}","at":[${at}.5,{"deep":{"x":"\\u00e9${at}"}}],"k${at % 50}":null}`;
const text = `[${Array.from({ length: 5000 }, (_, at) => row(at)).join()}]`;
const kept = [];
let faults = 0;
for (let times = 0; times < 12; times++) {
  for (let at = 0; at < 20000; at++) { const cycle = {}; cycle.self = [cycle]; }
  const rows = JSON.parse(text);
  kept.push(rows[times * 100]);
  if (JSON.stringify(rows).length !== text.length - 5 * rows.length) faults++;
  for (let at = 0; at < rows.length; at++) {
    const { id, name, at: [half, { deep }] } = rows[at];
    if (id !== at || name !== `row ${at}` || half !== at + 0.5 || deep.x !== `é${at}`) faults++;
  }
}
for (let times = 0; times < kept.length; times++) if (kept[times].name !== `row ${times * 100}`) faults++;
faults
"#;
    assert_eq!(engine.evaluate(script), "0");
}

#[test]
fn what_an_event_reads_and_changes_is_gone_with_it() {
    let engine = Engine::start(&["--verify-restore", "1"]);
    let first = r#"
const text = '{"a":[1,{"name":"x","only here":1}],"b":1.5,"long":"' + "y".repeat(5000) + '"}';
for (let times = 0; times < 20; times++) {
  const value = JSON.parse(text);
  value.a[1].name = "changed";
  value.more = value;
}
Object.prototype.toJSON = () => "patched";
Array.prototype.toJSON = () => "patched";
Object.defineProperty(Object.prototype, "a", { set() { throw Error("set"); } });
JSON.parse = JSON.stringify = () => "replaced";
String(JSON.parse("1"))
"#;
    let second = r#"
JSON.stringify([JSON.parse('{"a":[1,{"name":"x","only here":1}],"b":1.5}'), {}, []])
"#;
    for _ in 0..20 {
        assert_eq!(engine.evaluate(first), "replaced");
        assert_eq!(
            engine.evaluate(second),
            r#"[{"a":[1,{"name":"x","only here":1}],"b":1.5},{},[]]"#
        );
        // Also after an event that fails within a text.
        let (status, _said) = engine.answer("JSON.parse('[1,{\"a\":[')");
        assert_eq!(status, 500);
    }
}
