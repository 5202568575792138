//! `zigts check` over a folder of 1,000 handlers of 200 lines, on all cores.
//!
//!     cargo bench --workspace --bench check

use std::fmt::Write;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use zigts_rules::levels::Levels;
use zigttp_cli::checking;
use zigttp_cli::overlay::Overlay;

const FILES: usize = 1_000;
const LINES: usize = 200;

fn check(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    write_handlers(folder.path());
    let paths = [folder.path().to_owned()];
    let mut group = criterion.benchmark_group("check");
    group.sample_size(10);
    group.bench_function("1,000 files of 200 lines", |bencher| {
        bencher.iter(|| {
            let candidates = checking::candidates(&paths).expect("the folder can be read");
            let checked = checking::check(&candidates, &Overlay::default(), &Levels::default())
                .expect("the files can be read");
            assert_eq!(checked.len(), FILES);
            let clean = checked.iter().all(|it| it.report.diagnostics.is_empty());
            assert!(clean, "{:?}", checked[0].report.diagnostics);
        });
    });
    group.finish();
}

/// Handlers as they come: commands, each a function of its own that reads, writes and sends.
fn write_handlers(folder: &Path) {
    for number in 0..FILES {
        let mut text = String::from(
            "import { deserializeAttachment, getWebSockets, send, serializeAttachment } from \
             \"zigttp:websocket\";\n\ninterface Member { name: string; count: number }\n\n",
        );
        let mut calls = String::new();
        let mut index = 0;
        while text.lines().count() + index + 6 < LINES - 12 {
            write!(
                text,
                "/** Answers command {index} of handler {number}. */\n\
                 function command{index}(ws: WebSocket, room: string, words: string[]): void {{\n  \
                   const kept = deserializeAttachment(ws);\n  \
                   const member: Member = kept === undefined\n    \
                     ? {{ name: words[0] ?? \"somebody\", count: {index} }}\n    \
                     : JSON.parse(String(kept));\n  \
                   member.count += words.length;\n  \
                   serializeAttachment(ws, JSON.stringify(member));\n  \
                   for (const peer of getWebSockets(room)) {{\n    \
                     if (peer !== ws) send(peer, `${{member.name}} (${{member.count}}): ${{words.join(\" \")}}`);\n  \
                   }}\n\
                 }}\n\n"
            )
            .expect("writing to a string");
            writeln!(calls, "    case \"c{index}\": return command{index}(ws, room, words);")
                .expect("writing to a string");
            index += 1;
        }
        write!(
            text,
            "export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {{\n  \
               if (typeof data !== \"string\") return;\n  \
               const [command, ...words] = data.split(\" \");\n  \
               switch (command) {{\n{calls}    default: send(ws, \"what?\");\n  }}\n}}\n"
        )
        .expect("writing to a string");
        std::fs::write(folder.join(format!("handler{number}.ts")), text)
            .expect("the temporary folder is writable");
    }
}

criterion_group!(benches, check);
criterion_main!(benches);
