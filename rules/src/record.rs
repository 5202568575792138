//! A rule's record: its code, severity and manual page.

/// A rule's manual page; `describe-rule`, the list of rules and reports are printed from it.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleRecord {
    /// `ZTS` and three digits, for ever.
    pub code: &'static str,
    /// The faulty pattern, in snake case.
    pub name: &'static str,
    pub severity: Severity,
    pub category: Category,
    /// The first version of `zigts` with the rule.
    pub since: &'static str,
    /// One line that completes "the handler …" or "a module …".
    pub summary: &'static str,
    /// Markdown: what it is, why it matters, what to do. Its fenced examples are tagged
    /// `ts,fires` or `ts,silent`, and a test checks each of them.
    pub explanation: &'static str,
    /// What to do, in one sentence.
    pub help: &'static str,
}

/// Whether a diagnostic stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The handler cannot be built, or would not work as written.
    Error,
    /// The handler builds, but probably does not do what was meant.
    Warning,
}

impl Severity {
    /// The word used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// What part of a handler a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// The text is not TypeScript.
    Syntax,
    /// Modules and what they import and export.
    Modules,
    /// The functions the runtime calls and the module they use.
    Events,
    /// What rooms store, and the signals and timers between them.
    State,
    /// Requests to other servers, and what events wait for.
    Outside,
    /// The effects of functions, and their annotations.
    Effects,
    /// What happens when the compiler runs the handler's top-level code.
    Build,
    /// Comments that suppress rules.
    Suppressions,
}

impl Category {
    /// The word used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Category::Syntax => "syntax",
            Category::Modules => "modules",
            Category::Events => "events",
            Category::State => "state",
            Category::Outside => "outside",
            Category::Effects => "effects",
            Category::Build => "build",
            Category::Suppressions => "suppressions",
        }
    }
}

/// A program inside an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Whether the rule finds something in it.
    pub fires: bool,
    pub source: &'static str,
}

impl RuleRecord {
    /// The tagged examples of the explanation, in order.
    pub fn examples(&self) -> impl Iterator<Item = Example> {
        // Pieces between fences alternate between prose and code, prose first.
        self.explanation.split("```").skip(1).step_by(2).filter_map(|fenced| {
            let (tag, source) = fenced.split_once('\n')?;
            match tag {
                "ts,fires" => Some(Example { fires: true, source }),
                "ts,silent" => Some(Example { fires: false, source }),
                _ => None,
            }
        })
    }

    /// The smallest program the rule is about.
    pub fn first_firing_example(&self) -> Option<&'static str> {
        self.examples().find(|example| example.fires).map(|example| example.source)
    }
}
