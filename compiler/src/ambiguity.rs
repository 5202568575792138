//! Limits how often the parser may have to guess.
//!
//! What begins with `<T>` may be an arrow function, a type assertion or, after a name, a call. The
//! parser tries one after the other, and each try meets the next `<T>` inside: 20 within one another
//! that never close take a second, 30 a quarter of an hour. Without brackets, as in `a<a<a<…`, each
//! try goes to the end and gives up: 100,000 of them take minutes.

use zigts_rules::model::SyntaxError;
use zigts_rules::span::{ModuleId, Span};

/// Most nested brackets that may need a guess. Hand-written code stays below 4.
const MAX_DEPTH: usize = 10;

/// Most `<` without one of the characters between that cannot be in a type.
const MAX_OPEN: usize = 200;

/// Words after which an expression or a type begins.
const BEFORE_EXPRESSION: [&str; 16] = [
    "as", "await", "case", "default", "delete", "do", "else", "extends", "in", "keyof", "new",
    "of", "return", "throw", "typeof", "yield",
];

/// Where the parser would first have to guess too often, if anywhere.
///
/// Works on the text, since there are no tokens before it is parsed. Strings and comments count as well: to
/// be refused by mistake, they would have to open ten such brackets and close none.
pub(crate) fn first_too_deep(id: ModuleId, text: &str) -> Option<SyntaxError> {
    // For the text in each open bracket, and for that outside of all: whether it has a guess since the
    // last `,` or `;`.
    let mut levels = vec![false];
    let mut depth = 0;
    let mut open = 0;
    let mut before = Before::default();
    for (offset, character) in text.char_indices() {
        let level = levels.last_mut().expect("the outermost is never closed");
        let is_guess = match character {
            '<' => *level || before.begins_expression(text),
            ',' | ';' => false,
            '(' | '[' | '{' => *level || before.ends_type_arguments(),
            _ => *level,
        };
        depth = depth + usize::from(is_guess) - usize::from(*level);
        *level = is_guess;
        let too_deep = |message| {
            let start = u32::try_from(offset).ok()?;
            Some(SyntaxError { span: Span::new(id, start, start + 1), message })
        };
        match character {
            '<' => open += 1,
            '>' => open -= open.min(1),
            '&' | '|' if before.last[3] == character => open = 0,
            ';' | '=' | '+' | '*' | '/' | '%' | '^' | '!' | '(' | ')' | '{' | '}' => open = 0,
            _ => {}
        }
        match character {
            '<' if open > MAX_OPEN => {
                return too_deep(format!("more than {MAX_OPEN} `<` in a row"));
            }
            '(' | '[' | '{' if depth > MAX_DEPTH => {
                return too_deep(format!("more than {MAX_DEPTH} levels of `<T>` and brackets"));
            }
            '(' | '[' | '{' => levels.push(false),
            ')' | ']' | '}' if levels.len() > 1 => {
                depth -= usize::from(levels.pop().unwrap_or(false));
            }
            _ => {}
        }
        before.push(offset, character);
    }
    None
}

/// The last characters that are not spaces.
#[derive(Default)]
struct Before {
    last: [char; 4],
    /// Offset behind the last of them.
    end: usize,
}

impl Before {
    fn push(&mut self, offset: usize, character: char) {
        if !character.is_whitespace() {
            self.last.rotate_left(1);
            self.last[3] = character;
            self.end = offset + character.len_utf8();
        }
    }

    /// Whether what follows cannot be the right side of an operator.
    fn begins_expression(&self, text: &str) -> bool {
        match self.last[3] {
            ')' | ']' | '"' | '\'' | '`' => false,
            last if is_word(last) => {
                let text = &text[..self.end];
                let start = text
                    .rfind(|it| !is_word(it))
                    .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
                BEFORE_EXPRESSION.contains(&&text[start..])
            }
            _ => true,
        }
    }

    /// Whether a `>` comes before, except that of `=>`, with or without the start of a template.
    fn ends_type_arguments(&self) -> bool {
        match self.last {
            [before, '>', '`', '$'] | [_, _, before, '>'] => before != '=',
            _ => false,
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

#[cfg(test)]
mod tests {
    use zigts_rules::span::ModuleId;

    use super::first_too_deep;

    fn is_refused(text: &str) -> bool {
        first_too_deep(ModuleId::ENTRY, text).is_some()
    }

    #[test]
    fn deep_guesses_are_refused() {
        for unit in
            ["<T>(", "f<T> ({a:[", "[<a>-", "{b: < a > ", "`${<a>", "a<b>`${", "(await <T>x"]
        {
            assert!(is_refused(&unit.repeat(20)), "{unit}");
            assert!(!is_refused(&unit.repeat(8)), "{unit}");
        }
    }

    #[test]
    fn open_angles_in_a_row_are_refused() {
        for unit in ["a<", "a.b < ", "a<b|", "a<b, c<", "a <b\n"] {
            assert!(is_refused(&unit.repeat(300)), "{unit}");
            assert!(!is_refused(&unit.repeat(100)), "{unit}");
        }
        for unit in
            ["a<b && ", "x = a < b\n", "if (a < b) {}\n", "a<T>b,", "1 << 2;", "for (;a<b;) c\n"]
        {
            assert!(!is_refused(&unit.repeat(1_000)), "{unit}");
        }
    }

    #[test]
    fn whatever_is_closed_or_no_guess_may_be_as_deep_as_it_likes() {
        for unit in ["<T>()", "f<T>(<a>b);", "a=>(", "f(", "if (a < b) {", "[a<b,", "(a > b && "] {
            assert!(!is_refused(&unit.repeat(100)), "{unit}");
        }
        assert!(!is_refused("))))"));
    }
}
