//! ZTS338: `schedules` cannot be read, or one of them is wrong.

use std::collections::BTreeMap;

use zigttp_abi::api::{MAX_KEY_BYTES, MAX_ROOM_BYTES};
use zigttp_abi::schedule::{Cron, MAX_SCHEDULES};

use crate::diagnostic::Sink;
use crate::import::Reference;
use crate::model::{HandlerModel, ScheduleElement, ScheduleMistake, ScheduleMistakeKind};
use crate::record::{Category, RuleRecord, Severity};
use crate::rule::Rule;

/// Exports schedules that cannot be served.
pub(crate) struct InvalidSchedule;

static RECORD: RuleRecord = RuleRecord {
    code: "ZTS338",
    name: "invalid_schedule",
    severity: Severity::Error,
    category: Category::Events,
    since: "0.1.0",
    summary: "exports schedules that cannot be read, or one that is wrong or repeated",
    explanation: r#"
## What it is
`export const schedules` is not an array of objects with constant strings `cron`, `room` and `name`, or a cron
expression is none, a room or a name has no length that it may have, or two of them are the same.

```ts,fires
export const schedules = [{ cron: "0 25 * * *", room: "/auction", name: "open" }];
export function onSignal(room: string, name: string) { console.log(room, name); }
```

```ts,fires
export const schedules = [{ cron: "@daily", name: "open" }];
export function onSignal(room: string, name: string) { console.log(room, name); }
```

```ts,silent
export const schedules = [{ cron: "0 9 * * MON-FRI", room: "/auction", name: "open" }];
export function onSignal(room: string, name: string) { console.log(room, name); }
```

## Why it matters
Schedules are read when the handler is built and become part of the artifact: what is computed at run time comes
too late, and a server refuses to start with a schedule that it cannot follow.

## What to do
Write each schedule out: `{ cron: "0 9 * * *", room: "/auction", name: "open" }`. A cron expression has five fields,
minute, hour, day of the month, month and day of the week, in UTC; or it is `@hourly`, `@daily`, `@weekly`, `@monthly`
or `@yearly`. The room may be any, also one that no route names.
"#,
    help: "Write each schedule as `{ cron: \"0 9 * * *\", room: \"/auction\", name: \"open\" }`.",
};

impl Rule for InvalidSchedule {
    fn record(&self) -> &'static RuleRecord {
        &RECORD
    }

    fn check(&self, handler: &HandlerModel, sink: &mut Sink<'_>) {
        let Some(schedules) = handler.modules.first().and_then(|entry| entry.schedules.as_ref())
        else {
            return;
        };
        let Some(elements) = &schedules.elements else {
            sink.report(schedules.span, "`schedules` is not an array of objects")
                .label("cannot be read without running it")
                .note("schedules are read when the handler is built");
            return;
        };
        if elements.len() > MAX_SCHEDULES {
            let count = elements.len();
            sink.report(
                schedules.span,
                format!("there are {count} schedules, there may be {MAX_SCHEDULES}"),
            )
            .note("a server refuses to start with them");
        }
        let mut known = BTreeMap::new();
        for element in elements {
            match element {
                Ok(element) => check_element(element, &mut known, sink),
                Err(mistake) => report(mistake, sink),
            }
        }
    }
}

/// The schedules before, by what they say.
type Known<'a> = BTreeMap<[&'a str; 3], &'a ScheduleElement>;

fn check_element<'a>(element: &'a ScheduleElement, known: &mut Known<'a>, sink: &mut Sink<'_>) {
    let ScheduleElement { cron, room, name, .. } = element;
    if let Err(error) = Cron::parse(&cron.name) {
        sink.report(cron.span, format!("the cron expression `{}` {error}", cron.name))
            .note("a server refuses to start with it");
    }
    for (what, Reference { name: text, span }, most) in
        [("room", room, MAX_ROOM_BYTES), ("name", name, MAX_KEY_BYTES)]
    {
        if !(1..=most).contains(&text.len()) {
            let len = text.len();
            sink.report(
                *span,
                format!("the {what} has {len} bytes of UTF-8, it may have 1 to {most}"),
            )
            .note("a server refuses to start with it");
        }
    }
    if let Some(first) = known.insert([&cron.name, &room.name, &name.name], element) {
        sink.report(element.span, "this schedule is there twice")
            .label("the same again")
            .secondary(first.span, "the first")
            .help("Remove one of the two.");
    }
}

fn report(ScheduleMistake { span, kind }: &ScheduleMistake, sink: &mut Sink<'_>) {
    let text = match kind {
        ScheduleMistakeKind::Element => {
            "a schedule is not an object that is written down".to_owned()
        }
        ScheduleMistakeKind::Missing(property) => format!("this schedule has no `{property}`"),
        ScheduleMistakeKind::UnknownProperty(name) => {
            format!("a schedule has no property `{name}`; it has `cron`, `room` and `name`")
        }
        ScheduleMistakeKind::UnreadableProperty => {
            "a property of this schedule is only known when it runs".to_owned()
        }
        ScheduleMistakeKind::NoText(property) => {
            format!("`{property}` of a schedule is not a constant string")
        }
        ScheduleMistakeKind::Changed => "`schedules` is changed here as the code runs".to_owned(),
    };
    sink.report(*span, text).note("schedules are read when the handler is built");
}
