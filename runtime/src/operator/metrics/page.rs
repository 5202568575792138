//! Prometheus's text format, version 0.0.4.

use std::fmt::{Display, Write};

use zigttp_rooms::counter::Counter;
use zigttp_rooms::histogram::{Distribution, Histogram};

/// The families of the page, one after the other.
#[derive(Default)]
pub(super) struct Page {
    pub(super) text: String,
}

const MEMORY: &str = "writing to a string cannot fail";

impl Page {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(MEMORY);
    }

    pub(super) fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counters: impl Iterator<Item = (&'static str, &'a Counter)>,
    ) {
        self.family(name, "counter", help);
        for (value, counter) in counters {
            self.sample(name, &[(label, value)], counter.get());
        }
    }

    /// Adds one line. Label values are constants of this program and need no escaping.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            write!(self.text, "{before}{label}=\"{value}\"").expect(MEMORY);
        }
        let after = if labels.is_empty() { "" } else { "}" };
        writeln!(self.text, "{after} {value}").expect(MEMORY);
    }

    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        self.distribution(name, labels, &histogram.distribution());
    }

    pub(super) fn distribution(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        distribution: &Distribution,
    ) {
        let bucket = format!("{name}_bucket");
        for (bound, count) in &distribution.buckets {
            let bound = bound.to_string();
            self.sample(&bucket, &[labels, &[("le", &bound)]].concat(), count);
        }
        self.sample(&bucket, &[labels, &[("le", "+Inf")]].concat(), distribution.count);
        self.sample(&format!("{name}_sum"), labels, distribution.sum);
        self.sample(&format!("{name}_count"), labels, distribution.count);
    }
}
