//! `URL` against the data of web-platform-tests.
//!
//! The data is not ours to copy. It is in the folder that the variable `ZIGTTP_SUITES` names, or in
//! `shared/suites` beside the repository; without it the test says that it was skipped.
//! `tests/conformance/wpt.sh` runs all of the suite's tests.

use std::path::PathBuf;

use crate::support::server::Server;
use crate::support::{programs, skipped};

/// The files, and what is reported of each: how many cases there are, then those that fail.
const FILES: [(&str, &str); 5] = [
    ("urltestdata.json", "869 cases"),
    ("urltestdata-javascript-only.json", "1 cases"),
    ("setters_tests.json", "274 cases"),
    ("toascii.json", "87 cases"),
    ("percent-encoding.json", "12 cases"),
];

fn folder() -> PathBuf {
    let suites = std::env::var_os("ZIGTTP_SUITES").map(PathBuf::from);
    suites.unwrap_or_else(|| programs::root().join("../shared/suites")).join("wpt-url")
}

#[test]
fn urls_are_those_of_the_standard() {
    let folder = folder();
    if !folder.is_dir() {
        return skipped("the data of web-platform-tests is not here");
    }
    let handler = programs::compile_file("tests/fixtures/handlers/urls.ts");
    let server = Server::start(&handler, &["--cpu-limit", "10s"]);
    for (file, expected) in FILES {
        let data = std::fs::read_to_string(folder.join(file)).expect("the suite has this file");
        let (head, report) = server.request(&format!(
            "POST /{file} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{data}",
            data.len()
        ));
        assert!(head.starts_with("HTTP/1.1 200 "), "{file}: {head}");
        assert_eq!(report, expected, "{file}");
    }
}

#[test]
fn a_url_and_its_parameters_are_in_step_both_ways() {
    let handler = r##"
export function handler(req: Request) {
  const faults: string[] = [];
  const check = (what: string, seen: unknown, expected: unknown) => {
    if (seen !== expected) faults.push(`${what}: ${String(seen)}, not ${String(expected)}`);
  };
  const url = new URL("https://example.com/a?x=1#h");
  const params = url.searchParams;
  params.append("y", "a b");
  check("href", url.href, "https://example.com/a?x=1&y=a+b#h");
  check("the same", url.searchParams, params);
  url.search = "?b=2&b=3";
  check("list", [...params].flat().join(), "b,2,b,3");
  url.href = "https://example.com/b?c=%C3%A9";
  check("read anew", params.get("c"), "é");
  params.set("c", "#&");
  url.hash = "end";
  check("after a part is set", `${url}`, "https://example.com/b?c=%23%26#end");
  check("size", params.size, 1);
  params.delete("c");
  check("empty", JSON.stringify(url), '"https://example.com/b#end"');
  // What a handler makes of the methods changes nothing of the list.
  params.toString = () => "own";
  URLSearchParams.prototype.toString = () => "patched";
  params.append("d", "4");
  check("patched", url.href, "https://example.com/b?d=4#end");
  // The query keeps spaces at the end of an opaque path.
  const opaque = new URL("data:space    ?test");
  opaque.searchParams.delete("test");
  check("opaque", opaque.pathname, new URL(opaque.href).pathname);
  return Response.text(faults.join("\n") || "in step");
}
"##;
    assert_eq!(Server::of(handler).get("/"), (200, "in step".to_owned()));
}

/// The suite is run by a script alone; this notices when the compiler refuses its handler.
#[test]
fn the_handler_that_runs_web_platform_tests_is_built() {
    programs::compile_file("tests/conformance/wpt.ts");
}
