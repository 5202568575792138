//! Values as a person would write them in TypeScript. They come from clients, and from files of strangers: whatever they
//! hold, the text is one literal.

use std::fmt::{self, Formatter, Write};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zigttp_abi::value::{Value, ValueKind};

/// Most characters of a line.
const WIDTH: usize = 100;

/// Most arrays and objects of a literal in one another.
const MAX_DEPTH: usize = 100;

/// An expression, which goes over several lines if it is long.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Atom(String),
    List(Vec<Expression>),
    Object(Vec<(String, Expression)>),
}

impl Expression {
    /// What `zigttp:test` gives for a value.
    pub(crate) fn of(value: &Value) -> Expression {
        match value.kind() {
            ValueKind::Text => Expression::text(&String::from_utf8_lossy(value.bytes())),
            ValueKind::Json => Expression::json(&String::from_utf8_lossy(value.bytes())),
            kind => Expression::bytes(kind, value.bytes()),
        }
    }

    pub(crate) fn text(text: &str) -> Expression {
        Expression::Atom(string(text))
    }

    pub(crate) fn number(number: impl Into<i128>) -> Expression {
        Expression::Atom(number.into().to_string())
    }

    pub(crate) fn bytes(kind: ValueKind, bytes: &[u8]) -> Expression {
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        let bytes = format!("new Uint8Array([{}])", list.join(", "));
        Expression::Atom(match kind {
            ValueKind::Uint8Array => bytes,
            ValueKind::ArrayBuffer => format!("{bytes}.buffer"),
            kind => format!("new {}({bytes}.buffer)", kind.name()),
        })
    }

    /// The value of this JSON. What is no JSON, or would be another value as an expression, stays a text.
    pub(crate) fn json(text: &str) -> Expression {
        let json = serde_json::from_str(text).ok().filter(|_| !text.contains("__proto__"));
        json.and_then(|json| parsed(json, MAX_DEPTH))
            .unwrap_or_else(|| Expression::Atom(format!("JSON.parse({})", string(text))))
    }

    /// It as it stands after so many spaces.
    pub(crate) fn print(&self, indent: usize) -> String {
        let line = self.line();
        if indent + line.len() <= WIDTH {
            return line;
        }
        let (begin, end, items): (_, _, Vec<String>) = match self {
            Expression::Atom(text) => return text.clone(),
            Expression::List(items) => {
                ("[", "]", items.iter().map(|item| item.print(indent + 2)).collect())
            }
            Expression::Object(fields) => {
                let field = |(key, value): &(String, Expression)| {
                    format!("{key}: {}", value.print(indent + 2))
                };
                ("{", "}", fields.iter().map(field).collect())
            }
        };
        let mut text = begin.to_owned();
        for item in items {
            write!(text, "\n{:indent$}  {item},", "").expect("writing to a string cannot fail");
        }
        write!(text, "\n{:indent$}{end}", "").expect("writing to a string cannot fail");
        text
    }

    fn line(&self) -> String {
        match self {
            Expression::Atom(text) => text.clone(),
            Expression::List(items) => {
                let items: Vec<String> = items.iter().map(Expression::line).collect();
                format!("[{}]", items.join(", "))
            }
            Expression::Object(fields) if fields.is_empty() => "{}".to_owned(),
            Expression::Object(fields) => {
                let field =
                    |(key, value): &(String, Expression)| format!("{key}: {}", value.line());
                let fields: Vec<String> = fields.iter().map(field).collect();
                format!("{{ {} }}", fields.join(", "))
            }
        }
    }
}

/// A string literal, in the quotes that need fewer escapes.
pub(crate) fn string(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut literal = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            it if it == quote => {
                literal.push('\\');
                literal.push(it);
            }
            it if is_unseen(it) => {
                write!(literal, "\\u{{{:x}}}", u32::from(it))
                    .expect("writing to a string cannot fail");
            }
            it => literal.push(it),
        }
    }
    literal.push(quote);
    literal
}

/// Characters that control how text is shown, or end lines in some programs.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

/// The name of a field.
pub(crate) fn field(name: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '$';
    let is_name = name.chars().all(is_plain) && name.starts_with(|it: char| !it.is_ascii_digit());
    if is_name { name.to_owned() } else { string(name) }
}

/// The fields of an object, in their order.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields<'a>, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, to: &mut Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(InOrder).map(Fields)
    }
}

/// Numbers stay as they are written. `None` for a text with half a character in it, and for more in one another than a
/// person would write.
fn parsed(json: &RawValue, depth: usize) -> Option<Expression> {
    let text = json.get();
    let inner = |value| parsed(value, depth - 1);
    Some(match text.as_bytes().first()? {
        b'[' | b'{' if depth == 0 => return None,
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Expression::List(items.into_iter().map(inner).collect::<Option<_>>()?)
        }
        b'{' => {
            let Fields(fields) = serde_json::from_str(text).ok()?;
            let fields =
                fields.into_iter().map(|(name, value)| Some((field(&name), inner(value)?)));
            Expression::Object(fields.collect::<Option<_>>()?)
        }
        b'"' => Expression::text(&serde_json::from_str::<String>(text).ok()?),
        _ => Expression::Atom(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_people_write_it() {
        for (json, expected) in [
            (
                r#"{"a":1,"b-c":[true,null,"x"],"d":{}}"#,
                r#"{ a: 1, "b-c": [true, null, "x"], d: {} }"#,
            ),
            (r#""it's \"so\"""#, r#""it's \"so\"""#),
            (r#""a \"b\"""#, r#"'a "b"'"#),
            ("1e400", "1e400"),
            (r#"{"__proto__":1}"#, r#"JSON.parse('{"__proto__":1}')"#),
            (r#""\ud800""#, r#"JSON.parse('"\\ud800"')"#),
            ("process.exit()", r#"JSON.parse("process.exit()")"#),
            (r#"{"\u2028":"\u202e"}"#, r#"{ "\u{2028}": "\u{202e}" }"#),
        ] {
            assert_eq!(Expression::json(json).print(0), expected);
        }
    }

    #[test]
    fn what_is_deep_stays_a_text() {
        for (depth, is_literal) in [(100, true), (101, false), (200_000, false)] {
            let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let expression = Expression::json(&json).print(0);
            assert_eq!(!expression.starts_with("JSON.parse"), is_literal, "{depth}");
        }
    }

    #[test]
    fn what_is_long_goes_over_several_lines() {
        let text = format!(r#"{{"a":["{}",2],"b":3}}"#, "x".repeat(WIDTH));
        let expected = format!(
            "{{\n    a: [\n      \"{}\",\n      2,\n    ],\n    b: 3,\n  }}",
            "x".repeat(WIDTH)
        );
        assert_eq!(Expression::json(&text).print(2), expected);
    }

    #[test]
    fn no_text_leaves_its_literal() {
        for text in
            ["\";process.exit();\"", "'\"\\", "a\nb\r\u{2029}", "\\", "\u{1b}[31m", "`${x}`"]
        {
            let literal = string(text);
            let quote = literal.chars().next().expect("it begins with a quote");
            let inner = &literal[1..literal.len() - 1];
            let unescaped = inner.replace("\\\\", "");
            assert!(!unescaped.replace(&format!("\\{quote}"), "").contains(quote), "{literal}");
            assert!(
                !unescaped.ends_with('\\') && !inner.contains(['\n', '\r', '\u{2029}', '\u{1b}'])
            );
        }
    }
}
