//! Options of the inspector.

use clap::Args;
use zigttp_runtime::{AdminToken, InspectorAccess, InspectorOptions};

use crate::admin_options::OBSERVING;
use crate::values::{switch, within};

/// How much the inspector keeps.
#[derive(Args)]
#[command(next_help_heading = OBSERVING)]
pub struct InspectorEvents {
    /// Events that the inspector keeps while its page is open; older ones are dropped
    #[arg(
        long,
        env,
        value_name = "N",
        default_value_t = InspectorOptions::DEFAULT_MAX_EVENTS as u32,
        value_parser = |text: &str| within(text, 1..=100_000)
    )]
    inspector_events: u32,
}

/// Whether a server has an inspector.
#[derive(Args)]
#[command(next_help_heading = OBSERVING)]
pub struct InspectorFlag {
    /// Serve the inspector at /__zigttp, to clients with the token that is printed at start
    #[arg(long, env, value_parser = switch)]
    inspector: bool,

    #[command(flatten)]
    events: InspectorEvents,
}

impl InspectorEvents {
    /// The number of them.
    pub fn max_events(&self) -> usize {
        self.inspector_events as usize
    }
}

impl InspectorFlag {
    /// The library's form of it and the token's text, if the inspector is asked for.
    pub fn read(&self) -> Option<(InspectorOptions, String)> {
        self.inspector.then(|| {
            let (token, text) = AdminToken::random();
            let access = InspectorAccess::Token(token);
            (InspectorOptions { access, max_events: self.events.max_events() }, text)
        })
    }
}
