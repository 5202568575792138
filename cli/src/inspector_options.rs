//! Options of the inspector.

use clap::Args;
use zigttp_runtime::{AdminToken, InspectorAccess, InspectorOptions};

use crate::values::{switch, within};

/// How much the inspector keeps.
#[derive(Args)]
pub struct InspectorEvents {
    /// Events that the inspector keeps while somebody looks; older ones give way
    #[arg(
        long,
        env = "ZIGTTP_INSPECTOR_EVENTS",
        value_name = "N",
        default_value_t = InspectorOptions::DEFAULT_MAX_EVENTS as u32,
        value_parser = |text: &str| within(text, 1..=100_000),
        help_heading = "Observing"
    )]
    inspector_events: u32,
}

/// Whether a server has an inspector.
#[derive(Args)]
pub struct InspectorFlag {
    /// Serve the inspector at /__zigttp, to whoever has the token that is printed at the start
    #[arg(long, env = "ZIGTTP_INSPECTOR", value_parser = switch, help_heading = "Observing")]
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
    /// The library's form of it and the token's text, if there is to be an inspector.
    pub fn read(&self) -> Option<(InspectorOptions, String)> {
        self.inspector.then(|| {
            let (token, text) = AdminToken::random();
            let access = InspectorAccess::Token(token);
            (InspectorOptions { access, max_events: self.events.max_events() }, text)
        })
    }
}
