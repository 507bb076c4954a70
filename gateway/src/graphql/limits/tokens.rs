//! Counts a document's tokens, and how deep its brackets go, before anything reads it: a parser that works by recursion
//! would run out of stack within a few thousand brackets, and a tree is many times the size of its text.

use super::TOO_DEEP;
use crate::error::{Code, fault_because};
use async_graphql::Error;

/// Refuses a text with more tokens than `most`, or brackets deeper than `deepest`. What is no token is left to the parser.
pub fn check(text: &str, most: usize, deepest: usize) -> Result<(), Error> {
    let mut rest = text.as_bytes();
    let (mut tokens, mut depth) = (0_usize, 0_usize);
    while let Some(&first) = rest.first() {
        let length = match first {
            b'#' => until(rest, |byte| matches!(byte, b'\n' | b'\r')),
            b'"' => string(rest),
            b'.' if rest.starts_with(b"...") => 3,
            b if is_word(b) => until(rest, |byte| !is_word(byte)),
            _ => 1,
        };
        // Commas, spaces, comments and the byte order mark are nothing.
        let ignored = matches!(first, b' ' | b'\t' | b'\n' | b'\r' | b',' | b'#' | 0x80..);
        if !ignored {
            tokens += 1;
        }
        match first {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if tokens > most {
            let detail = (
                format!("至多{most}个词法单元"),
                format!("at most {most} tokens"),
            );
            return Err(fault_because(Code::TooLarge, detail));
        }
        if depth > deepest {
            return Err(fault_because(Code::TooLarge, TOO_DEEP));
        }
        rest = &rest[length.min(rest.len())..];
    }
    Ok(())
}

/// Of a name or a number; a sign and a point belong to a number.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.')
}

fn until(text: &[u8], end: impl Fn(u8) -> bool) -> usize {
    text.iter()
        .position(|byte| end(*byte))
        .unwrap_or(text.len())
        .max(1)
}

/// The length of a string with its quotes; of one that does not end, all there is.
fn string(text: &[u8]) -> usize {
    let (quote, escape): (&[u8], &[u8]) = if text.starts_with(b"\"\"\"") {
        (b"\"\"\"", b"\\\"\"\"")
    } else {
        (b"\"", b"\\")
    };
    let mut at = quote.len();
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(escape) {
            // A backslash takes the next sign with it; in a block only three quotes are escaped.
            at += escape.len().max(2);
        } else if rest.starts_with(quote) {
            return at + quote.len();
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        (0..100)
            .find(|most| check(text, *most, 100).is_ok())
            .unwrap()
    }

    #[test]
    fn tokens_are_those_of_the_specification() {
        for (text, tokens) in [
            ("", 0),
            (" ,\t\n", 0),
            ("\u{feff}{ a }", 3),
            ("{ a # { b }\n c }", 4),
            ("{a:b(c:\"}{\\\"\",d:-1.5e+3)}", 13),
            ("query Q($a:[Int!]!=[1])@d{...F}", 22),
            ("{a(b:\"\"\" { \\\"\"\" \" \"\"\")}", 8),
            ("{a(b:\"长文字\")}", 8),
            ("\"unended { { {", 1),
            ("\"\"\" unended \\\"\"\"", 1),
            ("\"\\", 1),
        ] {
            assert_eq!(count(text), tokens, "{text}");
        }
    }

    #[test]
    fn brackets_are_counted_wherever_they_are_code() {
        let nested = |n: usize| format!("{{a(b:{}{})}}", "[".repeat(n), "]".repeat(n));
        assert!(check(&nested(10), 1_000, 12).is_ok());
        assert!(check(&nested(11), 1_000, 12).is_err());
        let quoted = format!("{{a(b:\"{}\")}}", "[".repeat(5_000));
        assert!(check(&quoted, 1_000, 2).is_ok());
        assert!(check(&"]".repeat(500), 1_000, 2).is_ok());
    }
}
