//! The files of a new project: an example of the repository, and what belongs to a project whatever
//! its handler does. All of it is part of the program, so nothing is downloaded.

use serde::Serialize;
use zigts_compiler::typings;

/// What a new handler starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Template {
    /// Rooms by path, and a name stored with each connection
    Chat,
    /// Who is online, what they are doing, and who is typing
    Presence,
    /// Sends every message back
    Echo,
    /// Dice at tables, with a lobby and signed logins
    Game,
}

/// A file of a new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name in the project's folder.
    pub name: &'static str,
    pub text: String,
}

/// An example of the repository.
struct Example {
    readme: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! example {
    ($folder:literal, $($name:literal = $file:literal),+) => {
        Example {
            readme: include_str!(concat!("../../examples/", $folder, "/README.md")),
            files: &[$(($name, include_str!(concat!("../../examples/", $folder, "/", $file)))),+],
        }
    };
}

static CHAT: Example = example!(
    "websocket",
    "handler.ts" = "chat.ts",
    "handler.test.ts" = "chat.test.ts",
    "page.ts" = "page.ts"
);
static PRESENCE: Example = example!(
    "presence",
    "handler.ts" = "handler.ts",
    "handler.test.ts" = "handler.test.ts",
    "messages.ts" = "messages.ts",
    "page.ts" = "page.ts"
);
static ECHO: Example = example!(
    "echo",
    "handler.ts" = "handler.ts",
    "handler.test.ts" = "handler.test.ts",
    "page.ts" = "page.ts"
);
static GAME: Example = example!(
    "dice",
    "handler.ts" = "handler.ts",
    "handler.test.ts" = "handler.test.ts",
    "hmac.ts" = "hmac.ts",
    "page.ts" = "page.ts",
    "player.ts" = "player.ts",
    "round.ts" = "round.ts",
    "session.ts" = "session.ts"
);

/// How editors and `tsc` see a handler.
static TSCONFIG: &str = include_str!("../../examples/tsconfig.json");

/// The version of TypeScript that knows the library a handler has.
const TYPESCRIPT: &str = "^7.0.2";

/// Where the part of an example's README begins that only holds in the repository.
const HOW_TO_RUN: &str = "\n## Run it\n";

impl Template {
    /// All files of a project of this name.
    pub fn files(self, project: &str) -> Vec<File> {
        let example = self.example();
        let file = |&(name, text): &(&'static str, &str)| File { name, text: text.to_owned() };
        let mut files: Vec<File> = example.files.iter().map(file).collect();
        files.extend([
            File { name: "zigttp.d.ts", text: typings::print() },
            File { name: "tsconfig.json", text: TSCONFIG.to_owned() },
            File { name: "package.json", text: package(project) },
            File { name: "README.md", text: readme(project, example.readme) },
            File {
                name: ".gitignore",
                text: "/handler.wasm\n/data/\n/recording/\n/coverage/\n/node_modules/\n".to_owned(),
            },
        ]);
        files
    }

    fn example(self) -> &'static Example {
        match self {
            Template::Chat => &CHAT,
            Template::Presence => &PRESENCE,
            Template::Echo => &ECHO,
            Template::Game => &GAME,
        }
    }
}

/// What the example's README says about the handler, and then how to work on it here.
fn readme(project: &str, of_example: &str) -> String {
    let (about, _) = of_example.split_once(HOW_TO_RUN).expect("every example says how it is run");
    let (_, about) = about.split_once('\n').expect("a README begins with a title of its own");
    format!("# {project}\n{about}{WORKING}")
}

const WORKING: &str = "
## Work on it

    zigttp dev handler.ts                     # serve it; each save takes over, connections stay open
    zigttp test                               # run its tests, handler.test.ts; --watch runs them again on save
    zigts check --deny-warnings               # check it; --tsc also its types, after `npm install`
    zigts build handler.ts                    # handler.ts -> handler.wasm
    zigttp run handler.wasm --durable data    # serve that; state survives a restart

`npm test`, and `npm run dev`, `check`, `build` and `start` do the same. `npm install && npm run types` checks the types with TypeScript.

| file | |
|---|---|
| `handler.ts` | the handler: its exports are called for every event |
| `handler.test.ts` | its tests |
| `page.ts` | the page it serves |
| `zigttp.d.ts` | typings of all that a handler may use; `zigts types --out zigttp.d.ts` writes them again |
| `data/` | attachments of open connections, once it is served with `--durable data` |
";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    name: &'a str,
    private: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    scripts: Scripts,
    dev_dependencies: DevDependencies,
}

#[derive(Serialize)]
struct Scripts {
    dev: &'static str,
    test: &'static str,
    check: &'static str,
    build: &'static str,
    start: &'static str,
    types: &'static str,
}

#[derive(Serialize)]
struct DevDependencies {
    typescript: &'static str,
}

fn package(project: &str) -> String {
    let package = Package {
        name: &package_name(project),
        private: true,
        kind: "module",
        scripts: Scripts {
            dev: "zigttp dev handler.ts",
            test: "zigttp test",
            check: "zigts check --deny-warnings",
            build: "zigts build handler.ts",
            start: "zigttp run handler.wasm --durable data",
            types: "tsc",
        },
        dev_dependencies: DevDependencies { typescript: TYPESCRIPT },
    };
    serde_json::to_string_pretty(&package).expect("text always serialises") + "\n"
}

/// A name that npm accepts: of `a-z`, `0-9`, `-`, `_` and `.`, and not beginning with the last two.
fn package_name(project: &str) -> String {
    let name: String = project
        .to_lowercase()
        .chars()
        .map(|it| if matches!(it, 'a'..='z' | '0'..='9' | '-' | '_' | '.') { it } else { '-' })
        .take(214)
        .collect();
    let name = name.trim_start_matches(['.', '_', '-']);
    if name.is_empty() { "handler".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::package_name;

    #[test]
    fn packages_have_names_that_npm_takes() {
        for (project, expected) in [
            ("my-app", "my-app"),
            ("My App", "my-app"),
            (".hidden", "hidden"),
            ("_v2.1", "v2.1"),
            ("größe", "gr--e"),
            ("…", "handler"),
        ] {
            assert_eq!(package_name(project), expected, "{project}");
        }
    }
}
