//! Typings of everything a handler may use, for editors and `tsc`.
//!
//! The modules and the events are printed from the tables of `zigttp-abi`; the globals, which are in no
//! table, are written down beside this file. `dom` must not be loaded with them: most of what it declares
//! does not exist in a handler.

use std::fmt::Write;

use zigts_rules::signature;
use zigttp_abi::api::{Effect, Module};
use zigttp_abi::events::{self, EventExport};

/// Widest line of a comment.
const WIDTH: usize = 96;

/// The text of `zigttp.d.ts`.
pub fn print() -> String {
    let mut text = String::from(
        "// Typings of zigttp handlers. Made by `zigts types`; changes are lost when it runs again.\n\n",
    );
    for module in Module::ALL {
        print_module(&mut text, module).expect("writing to a string cannot fail");
        text.push('\n');
    }
    text.push_str(TESTS);
    text + include_str!("typings/globals.d.ts")
}

/// The module of tests, which is in no table: no handler has it.
const TESTS: &str = concat!(
    "/** Tests of handlers, for files `*.test.ts` alone; `zigttp test` runs them. */\n",
    "declare module \"zigttp:test\" {\n",
    include_str!("typings/expect.d.ts"),
    "\n",
    include_str!("typings/test.d.ts"),
    "\n  export {};\n}\n\n",
);

fn print_module(text: &mut String, module: Module) -> std::fmt::Result {
    writeln!(text, "/** {} */", module.purpose())?;
    writeln!(text, "declare module \"{}\" {{", module.specifier())?;
    text.push_str(types(module));
    for function in module.functions() {
        text.push('\n');
        let effect = match function.effect {
            Effect::Pure => "Effect: none.".to_owned(),
            effect => format!("Effect: {}.", effect.name()),
        };
        comment(text, &[function.purpose, function.details, &effect])?;
        let signature = signature::of_function(function);
        // It has the settings as properties.
        if module == Module::Env {
            writeln!(text, "  export const env: Env;")?;
            continue;
        }
        // `delete` is a reserved word: it can be an export, but not the name of a declaration.
        if function.name == "delete" {
            writeln!(text, "  function remove{};", &signature["delete".len()..])?;
            writeln!(text, "  export {{ remove as delete }};")?;
        } else {
            writeln!(text, "  export function {signature};")?;
        }
    }
    for event in events::EXPORTS.iter().filter(|event| event.module == module) {
        text.push('\n');
        comment(text, &[event.purpose])?;
        let EventExport { parameters: given, returns, .. } = event;
        let name = type_name(event);
        writeln!(text, "  export type {name} = ({}) => {returns};", signature::parameters(given))?;
    }
    // Without it, what has no `export` of its own would be exported as well.
    text.push_str("\n  export {};\n}\n");
    Ok(())
}

/// The types that the functions of a module use.
fn types(module: Module) -> &'static str {
    match module {
        Module::Websocket => {
            concat!(include_str!("typings/websocket.d.ts"), include_str!("typings/values.d.ts"))
        }
        Module::Storage => concat!(
            "  import type { Storable } from \"zigttp:websocket\";\n\n",
            include_str!("typings/state.d.ts")
        ),
        Module::Memory => {
            "  import type { ListOptions, PutOptions, Usage } from \"zigttp:storage\";\n  \
             import type { Storable } from \"zigttp:websocket\";\n"
        }
        Module::Durable => include_str!("typings/durable.d.ts"),
        Module::Env => include_str!("typings/env.d.ts"),
    }
}

/// `OnMessage` for `onMessage`: the type of an event function.
fn type_name(event: &EventExport) -> String {
    let (first, rest) = event.name.split_at(1);
    first.to_uppercase() + rest
}

fn comment(text: &mut String, paragraphs: &[&str]) -> std::fmt::Result {
    writeln!(text, "  /**")?;
    for (index, paragraph) in paragraphs.iter().enumerate() {
        if index > 0 {
            writeln!(text, "   *")?;
        }
        let mut line = String::from("   *");
        for word in paragraph.split_whitespace() {
            if line.len() + 1 + word.len() > WIDTH {
                writeln!(text, "{line}")?;
                line.truncate("   *".len());
            }
            line.push(' ');
            line.push_str(word);
        }
        writeln!(text, "{line}")?;
    }
    writeln!(text, "   */")
}
