//! Texts as people send them: what is kept of one, and what none may hold. One rule for every text, whether it is
//! then sealed, named in the organisation or written into a rule pack.

/// A text as it is kept: without blanks around it, with one kind of line end, without signs that turn the order in
/// which the rest is read; empty where nothing of it can be seen. The control character it may not hold, else.
pub fn clean(text: &str) -> Result<String, char> {
    if let Some(control) = text.chars().find(|c| c.is_control() && !is_kept(*c)) {
        return Err(control);
    }
    let mut kept = text.replace("\r\n", "\n").replace('\r', "\n");
    kept.retain(|c| !turns_order(c));
    let kept = kept.trim();
    Ok(if is_blank(kept) {
        String::new()
    } else {
        kept.to_owned()
    })
}

/// Control characters that texts of several lines and columns have.
const fn is_kept(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t')
}

/// Whether nothing of a text can be seen.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// Whether it has what comes after it be read in another order than it is written in: with these a text shows
/// something else than it says.
#[must_use]
pub const fn turns_order(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Unicode's `Default_Ignorable_Code_Point`s (`DerivedCoreProperties.txt` of Unicode 16), the marks of interlinear
/// annotations, and the braille pattern without dots.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{061C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// How a character that cannot be shown is named.
#[must_use]
pub fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_text() {
        for (sent, kept) in [
            ("  路灯不亮\t", "路灯不亮"),
            ("一\r\n二\r三\n\t四", "一\n二\n三\n\t四"),
            ("家人 👨\u{200D}👩\u{200D}👧", "家人 👨\u{200D}👩\u{200D}👧"),
            ("葛\u{E0100}城", "葛\u{E0100}城"),
            ("\u{202D}138 0013 8000\u{202C}", "138 0013 8000"),
            ("a\u{2067}b\u{2069}c", "abc"),
            ("", ""),
            (" \u{3000}\n", ""),
            ("\u{200B}", ""),
            (" \u{FEFF}\u{2060}\u{00AD}\u{3164}\u{2800}\u{FE0F} ", ""),
            ("\u{202E}\u{202C}", ""),
        ] {
            assert_eq!(clean(sent).as_deref(), Ok(kept), "{sent:?}");
            assert_eq!(clean(kept).as_deref(), Ok(kept), "twice is once: {sent:?}");
        }
    }

    #[test]
    fn no_text_holds_what_nothing_can_show() {
        for control in [
            '\0', '\u{7}', '\u{8}', '\u{B}', '\u{1B}', '\u{7F}', '\u{9F}',
        ] {
            assert_eq!(clean(&format!("路灯{control}不亮")), Err(control));
            assert_eq!(clean(&control.to_string()), Err(control));
        }
    }

    #[test]
    fn what_can_be_seen_is_not_blank() {
        for text in ["。", "0", "\u{200B}字", "🇨🇳", "\u{0601}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
