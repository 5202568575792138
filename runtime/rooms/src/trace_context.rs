//! W3C Trace Context: which request of which program an event belongs to.
//!
//! A request that comes with `traceparent` belongs to a trace; what the event asks of other servers belongs
//! to it too, as a part with an id of its own. `tracestate` goes along as it came.

use std::fmt::{self, Display, Formatter, Write};

/// Longest `tracestate` that is handed on; the specification asks for 512 characters at least.
const MAX_STATE_BYTES: usize = 512;

/// The only version there is.
const VERSION: u8 = 0;

const SAMPLED: u8 = 1;

/// A part of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Not 0.
    pub trace: u128,
    /// Which part of the trace it is; not 0.
    pub span: u64,
    /// Whether it is recorded by whoever has begun the trace.
    pub is_sampled: bool,
    /// What tracing systems tell one another beside it.
    pub state: Option<Box<str>>,
}

impl TraceContext {
    /// A trace that begins here, if neither number is 0.
    pub fn begin(trace: u128, span: u64) -> Option<TraceContext> {
        let is_valid = trace != 0 && span != 0;
        is_valid.then_some(TraceContext { trace, span, is_sampled: true, state: None })
    }

    /// The trace that a request belongs to by its headers, `name: value` lines with names in lower case.
    /// What breaks a rule of the specification counts as none.
    pub fn of(headers: &str) -> Option<TraceContext> {
        let mut parent = None;
        let mut state = String::new();
        for line in headers.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name {
                "traceparent" if parent.is_some() => return None,
                "traceparent" => parent = Some(value.trim()),
                "tracestate" => {
                    let between = if state.is_empty() { "" } else { "," };
                    state.push_str(between);
                    state.push_str(value.trim());
                }
                _ => {}
            }
        }
        let mut context = parse_parent(parent?)?;
        let is_plain = state.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !state.is_empty() && is_plain && state.len() <= MAX_STATE_BYTES {
            context.state = Some(state.into());
        }
        Some(context)
    }

    /// Another part of this trace.
    pub fn child(&self, span: u64) -> TraceContext {
        TraceContext { span, ..self.clone() }
    }

    /// The headers of a request of this part, as lines. Empty if the request has a trace already.
    pub fn lines_beside(&self, headers: &str) -> String {
        if headers.lines().any(|line| line.starts_with("traceparent:")) {
            return String::new();
        }
        let mut lines = format!("traceparent: {self}\n");
        if let Some(state) = &self.state {
            writeln!(lines, "tracestate: {state}").expect("writing to a string cannot fail");
        }
        lines
    }
}

impl Display for TraceContext {
    /// The value of `traceparent`.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let TraceContext { trace, span, is_sampled, .. } = self;
        write!(formatter, "{VERSION:02x}-{trace:032x}-{span:016x}-{:02x}", u8::from(*is_sampled))
    }
}

fn parse_parent(text: &str) -> Option<TraceContext> {
    // Later versions may have more behind these four.
    let mut parts = text.splitn(5, '-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (part.len() == digits && is_hex).then_some(part)
    };
    let version = u8::from_str_radix(part(2)?, 16).ok()?;
    let trace = u128::from_str_radix(part(32)?, 16).ok()?;
    let span = u64::from_str_radix(part(16)?, 16).ok()?;
    let flags = u8::from_str_radix(part(2)?, 16).ok()?;
    let has_more = parts.next().is_some();
    let is_version = version != 0xff && (version != VERSION || !has_more);
    let is_sampled = flags & SAMPLED != 0;
    let is_valid = is_version && trace != 0 && span != 0;
    is_valid.then_some(TraceContext { trace, span, is_sampled, state: None })
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(value: &str) -> Option<TraceContext> {
        TraceContext::of(&format!("host: a\ntraceparent: {value}\n"))
    }

    #[test]
    fn a_trace_is_read_and_written_as_the_specification_has_it() {
        let context = parse(PARENT).expect("it is valid");
        assert_eq!(context.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((context.span, context.is_sampled), (0x00f0_67aa_0ba9_02b7, true));
        assert_eq!(context.to_string(), PARENT);
        let child = context.child(7).to_string();
        assert_eq!(child, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000007-01");
        let unsampled = parse(&PARENT.replace("-01", "-00")).expect("it is valid");
        assert!(!unsampled.is_sampled);
        let later = parse(&format!("{}-and-more", PARENT.replacen("00", "cc", 1)));
        assert_eq!(later.expect("of a later version").to_string(), PARENT);
    }

    #[test]
    fn what_breaks_a_rule_is_no_trace() {
        for bad in [
            "",
            "00",
            &PARENT.to_uppercase(),
            &PARENT.replacen("00", "ff", 1),
            &format!("{PARENT}-more"),
            &PARENT[..54],
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let twice = format!("traceparent: {PARENT}\ntraceparent: {PARENT}\n");
        assert_eq!(TraceContext::of(&twice), None);
        assert_eq!(TraceContext::of("tracestate: a=1\n"), None);
    }

    #[test]
    fn the_state_goes_along_as_it_came_unless_it_is_too_long() {
        let with = |state: &str| {
            let headers = format!("traceparent: {PARENT}\n{state}");
            TraceContext::of(&headers).expect("it is valid").child(7)
        };
        let lines = with("tracestate: a=1, b=2\ntracestate: c=3\n").lines_beside("accept: */*\n");
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000007-01";
        assert_eq!(lines, format!("traceparent: {parent}\ntracestate: a=1, b=2,c=3\n"));
        let long = format!("tracestate: a={}\n", "x".repeat(600));
        assert_eq!(with(&long).lines_beside(""), format!("traceparent: {parent}\n"));
        assert_eq!(with("").lines_beside("traceparent: own\n"), "", "its own stays");
    }
}
