//! Replaces positions in the compiled JavaScript by positions in the TypeScript, in stack traces.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sourcemap::SourceMap;

use zigttp_abi::number;

/// The source maps of a handler, by module name.
#[derive(Default)]
pub struct SourceMaps {
    maps: BTreeMap<String, SourceMap>,
}

impl SourceMaps {
    /// Parses the section `zigttp.sourcemap`.
    pub fn from_section(bytes: &[u8]) -> Result<SourceMaps, String> {
        let texts: BTreeMap<String, &RawValue> =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let maps = texts
            .into_iter()
            .map(|(name, text)| Ok((name, SourceMap::from_slice(text.get().as_bytes())?)))
            .collect::<Result<_, sourcemap::Error>>()
            .map_err(|error| error.to_string())?;
        Ok(SourceMaps { maps })
    }

    /// Rewrites every `module:line:column` of a QuickJS stack for which there is a map; frames of other
    /// modules stay as they are.
    ///
    /// QuickJS gives the column of a callee, which has no mapping of its own: the nearest one before it is
    /// the right one (which `lookup_token` finds).
    pub fn rewrite(&self, stack: &str) -> String {
        let mut rewritten = String::with_capacity(stack.len());
        for line in stack.lines() {
            rewritten.push_str(&self.rewrite_frame(line).unwrap_or_else(|| line.to_owned()));
            rewritten.push('\n');
        }
        rewritten.truncate(rewritten.trim_end().len());
        rewritten
    }

    /// Rewrites `    at name (module:line:column)`, or the same without name and parentheses.
    fn rewrite_frame(&self, frame: &str) -> Option<String> {
        let (start, end) = match frame.rfind('(') {
            Some(open) => (open + 1, frame.rfind(')')?),
            None => (frame.find("at ")? + 3, frame.len()),
        };
        let mut parts = frame.get(start..end)?.rsplitn(3, ':');
        let column: u32 = number::parse(parts.next()?)?;
        let line: u32 = number::parse(parts.next()?)?;
        let module = parts.next()?;
        // Source maps count from 0, stacks from 1.
        let token =
            self.maps.get(module)?.lookup_token(line.checked_sub(1)?, column.checked_sub(1)?)?;
        // A map may have any numbers.
        let line = token.get_src_line().checked_add(1)?;
        let column = token.get_src_col().checked_add(1)?;
        Some(format!("{}{module}:{line}:{column}{}", &frame[..start], &frame[end..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_mapped_modules_name_the_typescript_line() {
        // One mapping: generated 1:0 comes from source line 5 (counted from 1), column 3.
        let section =
            br#"{"chat.ts":{"version":3,"sources":["chat.ts"],"names":[],"mappings":"AAIE"}}"#;
        let maps = SourceMaps::from_section(section).expect("a good section");
        assert_eq!(
            maps.rewrite("    at onMessage (chat.ts:1:9)\n    at <anonymous> (other.ts:1:9)\n"),
            "    at onMessage (chat.ts:5:3)\n    at <anonymous> (other.ts:1:9)"
        );
        assert_eq!(maps.rewrite("no frame at all"), "no frame at all");
    }
}
