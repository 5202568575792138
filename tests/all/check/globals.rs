//! What the rules know of globals and of their members, compared with what the engine has.

use std::collections::BTreeSet;

use crate::support::zigts::{folder_with, zigts};

/// Global names of the language and of other platforms, one a line.
const NAMES: &str = include_str!("../../fixtures/globals.txt");

/// Members of globals that other platforms have.
const MEMBERS: &[(&str, &str)] = &[
    ("AbortSignal", "abort any timeout"),
    ("Array", "from fromAsync isArray of"),
    ("ArrayBuffer", "isView"),
    ("BigInt", "asIntN asUintN"),
    ("Date", "UTC now parse"),
    ("Error", "captureStackTrace isError"),
    ("Iterator", "from"),
    ("JSON", "isRawJSON parse rawJSON stringify"),
    ("Map", "groupBy"),
    ("Math", "abs cbrt clz32 f16round fround hypot imul max min random sumPrecise trunc"),
    ("Number", "isFinite isInteger isNaN isSafeInteger parseFloat parseInt"),
    ("Object", "assign entries freeze fromEntries groupBy hasOwn is keys seal values"),
    ("Promise", "all allSettled any race reject resolve try withResolvers"),
    ("Proxy", "revocable"),
    ("Reflect", "apply construct get has ownKeys set"),
    ("RegExp", "escape"),
    ("Response", "error html json redirect text"),
    ("String", "fromCharCode fromCodePoint raw"),
    ("Symbol", "for keyFor"),
    ("URL", "canParse createObjectURL parse revokeObjectURL"),
    ("Uint8Array", "from fromBase64 fromHex of"),
    (
        "console",
        "assert clear count countReset debug dir dirxml error group groupCollapsed groupEnd info log table time timeEnd \
         timeLog timeStamp trace warn",
    ),
    ("crypto", "getRandomValues randomUUID subtle timingSafeEqual"),
    (
        "crypto.subtle",
        "decrypt deriveBits deriveKey digest encrypt exportKey generateKey importKey sign timingSafeEqual unwrapKey verify wrapKey",
    ),
];

/// Members of requests and responses that other platforms have.
const OF_INSTANCES: &[(&str, &str)] = &[
    (
        "Request",
        "arrayBuffer blob body bodyUsed bytes cache clone credentials destination duplex formData headers integrity \
         isHistoryNavigation isReloadNavigation json keepalive method mode redirect referrer referrerPolicy signal text url",
    ),
    (
        "Response",
        "arrayBuffer blob body bodyUsed bytes clone formData headers json ok redirected status statusText text type url",
    ),
];

/// What the engine says about expressions, each of which is true or false.
fn asked(expressions: &[String]) -> BTreeSet<usize> {
    let questions: Vec<_> = expressions.iter().map(|it| format!("[() => {it}]")).collect();
    let handler = format!(
        "const questions = [{}];\n\
         console.log(JSON.stringify(questions.flatMap(([ask], index) => ask() ? [index] : [])));\n\
         export function handler() {{ return Response.text(\"\"); }}\n",
        questions.join(",\n")
    );
    let folder = folder_with(&[("handler.js", &handler)]);
    let run = zigts(folder.path(), &["build", "handler.js"]);
    let list =
        run.stderr.lines().find_map(|line| line.strip_prefix("console.log while building: "));
    let list = list.unwrap_or_else(|| panic!("{}{}", run.stdout, run.stderr));
    serde_json::from_str(list).expect("it is a list of numbers")
}

/// The lines of a handler, each with one use, that a rule reports as missing.
fn reported(uses: &[String]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    // A report has 500 diagnostics at most.
    for (index, part) in uses.chunks(400).enumerate() {
        let handler = format!("{}\nexport const handler = (req, res) => 1;\n", part.join("\n"));
        let folder = folder_with(&[("handler.js", &handler)]);
        let run = zigts(folder.path(), &["check", "--format", "json", "handler.js"]);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        for diagnostic in report["diagnostics"].as_array().expect("a list") {
            if ["ZTS329", "ZTS345", "ZTS346"].iter().any(|code| diagnostic["code"] == *code) {
                let line = diagnostic["line"].as_u64().expect("a number") as usize;
                found.insert(index * 400 + line - 1);
            }
        }
    }
    found
}

/// Names where the two differ.
fn differing(
    names: &[String],
    are_there: &BTreeSet<usize>,
    are_reported: &BTreeSet<usize>,
) -> Vec<String> {
    let differ = |index: &usize| are_there.contains(index) == are_reported.contains(index);
    (0..names.len()).filter(differ).map(|index| names[index].clone()).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    let each = of.iter().flat_map(|(object, names)| {
        names.split_whitespace().map(|name| ((*object).to_owned(), name.to_owned()))
    });
    each.collect()
}

/// The engine has them for packages; one's own code is told what to use instead.
const FOR_PACKAGES: [&str; 3] = ["clearInterval", "process", "setInterval"];

#[test]
fn exactly_the_globals_that_the_engine_lacks_are_reported() {
    let listed =
        NAMES.lines().filter(|line| !line.starts_with('#') && !FOR_PACKAGES.contains(line));
    let names: Vec<String> = listed.map(str::to_owned).collect();
    let questions: Vec<_> = names.iter().map(|name| format!("{name:?} in globalThis")).collect();
    let uses: Vec<_> = names.iter().map(|name| format!("() => {name};")).collect();
    let differing = differing(&names, &asked(&questions), &reported(&uses));
    assert_eq!(differing, [""; 0], "rules/src/globals.rs and the engine say different things");
}

#[test]
fn every_global_of_the_engine_is_known() {
    let known: BTreeSet<_> = NAMES.lines().collect();
    let questions =
        ["Object.getOwnPropertyNames(globalThis).some((name) => console.error(name))".to_owned()];
    let handler =
        format!("{};\nexport function handler() {{ return Response.text(\"\"); }}\n", questions[0]);
    let folder = folder_with(&[("handler.js", &handler)]);
    let run = zigts(folder.path(), &["build", "handler.js"]);
    let names: Vec<String> = run
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("console.error while building: "))
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 60, "{}", run.stderr);
    let used = names.iter().filter(|name| !FOR_PACKAGES.contains(&name.as_str()));
    let uses: Vec<_> = used.map(|name| format!("() => {name};")).collect();
    assert_eq!(reported(&uses), BTreeSet::new(), "{names:?}");
    // What is in no list of other platforms either is the engine's own.
    let own: Vec<_> = names.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert_eq!(own, ["InternalError"]);
}

#[test]
fn exactly_the_members_of_globals_that_the_engine_lacks_are_reported() {
    let pairs = pairs(MEMBERS);
    let names: Vec<_> = pairs.iter().map(|(object, name)| format!("{object}.{name}")).collect();
    let questions: Vec<_> =
        pairs.iter().map(|(object, name)| format!("{name:?} in {object}")).collect();
    let uses: Vec<_> = names.iter().map(|name| format!("() => {name}();")).collect();
    let differing = differing(&names, &asked(&questions), &reported(&uses));
    assert_eq!(differing, [""; 0], "rules/src/globals.rs and the engine say different things");
}

#[test]
fn exactly_the_members_of_requests_and_responses_that_the_engine_lacks_are_reported() {
    let pairs = pairs(OF_INSTANCES);
    let names: Vec<_> = pairs.iter().map(|(object, name)| format!("{object}.{name}")).collect();
    let questions: Vec<_> =
        pairs.iter().map(|(object, name)| format!("{name:?} in {object}.prototype")).collect();
    let make = |object: &str| match object {
        "Request" => "new Request(\"http://a/\")",
        _ => "new Response()",
    };
    let uses: Vec<_> =
        pairs.iter().map(|(object, name)| format!("() => {}.{name};", make(object))).collect();
    let differing = differing(&names, &asked(&questions), &reported(&uses));
    assert_eq!(differing, [""; 0], "the table of ZTS345 and the engine say different things");
}

#[test]
fn what_people_reach_for_has_a_help_of_its_own() {
    for (use_of, help) in [
        ("new XMLHttpRequest()", "fetch"),
        ("setInterval(f, 1)", "signalEvery"),
        ("new ReadableStream()", "text()"),
        ("new WritableStream()", "bytes()"),
        ("new TransformStream()", "json()"),
        ("new TextDecoderStream()", "text()"),
        ("new CompressionStream(\"gzip\")", "compress"),
        ("addEventListener(\"fetch\", f)", "onRequest"),
        ("new Intl.NumberFormat()", "client"),
        ("new URLPattern()", "routes"),
        ("new FileReader()", "arrayBuffer()"),
        ("new CloseEvent(\"a\")", "onMessage"),
        ("caches.default.match(1)", "zigttp:memory"),
        ("new WebSocketPair()", "onUpgrade"),
        ("new MessageChannel()", "broadcast"),
        ("new Worker(\"a\")", "signal"),
        ("Atomics.wait()", "zigttp:storage"),
        ("WebAssembly.compile(1)", "TypeScript"),
        ("navigator.userAgent", "client"),
        ("importScripts(\"a\")", "import"),
        ("new PerformanceObserver(f)", "Date.now()"),
        ("Temporal.Now.instant()", "Date"),
        ("console.table([])", "console.log"),
        ("process.exit(1)", "zigttp:env"),
    ] {
        let text = format!(
            "const f = () => 1;\nexport function handler() {{ {use_of}; return Response.text(String(f)); }}\n"
        );
        let folder = folder_with(&[("handler.ts", &text)]);
        let run = zigts(folder.path(), &["check", "handler.ts"]);
        let tells = run.stderr.lines().any(|line| line.contains("= help:") && line.contains(help));
        assert!(tells && run.stderr.contains("error[ZTS329]"), "{use_of}: {}", run.stderr);
    }
}
