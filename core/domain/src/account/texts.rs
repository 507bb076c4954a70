//! What a login and a mobile look like. Both are sealed before anything is decided: whoever seals them asks here.

use std::ops::RangeInclusive;

/// Beside letters and digits, what a login may have.
pub const LOGIN_SIGNS: [char; 4] = ['.', '_', '-', '@'];
/// Digits of a mobile.
pub const MOBILE_DIGITS: RangeInclusive<usize> = 5..=20;

/// Whether a login has nothing but letters and digits, of any script, and [`LOGIN_SIGNS`]: nothing that is not
/// seen, and no spaces, so that two that look the same are the same.
#[must_use]
pub fn is_login(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || LOGIN_SIGNS.contains(&c))
}

/// Whether this is a mobile: [`MOBILE_DIGITS`] digits, `+` before them at most, spaces and dashes between them.
#[must_use]
pub fn is_mobile(text: &str) -> bool {
    let number = text.strip_prefix('+').unwrap_or(text);
    let digit = |c: char| c.is_ascii_digit();
    let digits = number.chars().filter(|c| digit(*c)).count();
    number.starts_with(digit)
        && number.ends_with(digit)
        && number.chars().all(|c| digit(c) || c == ' ' || c == '-')
        && MOBILE_DIGITS.contains(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_have_letters_digits_and_four_signs() {
        for login in ["cg-wang", "zhang.wei_2@CG", "王小明", "阿依古丽", "42"] {
            assert!(is_login(login), "{login}");
        }
        for login in [
            "a\0b",
            "a\tb",
            "a\u{7f}",
            "a\u{85}b",
            "a b",
            "王\u{3000}明",
            "a\u{200b}b",
            "\u{202e}ab",
            "a\u{feff}",
            "a/b",
            "a,b",
            "=1+1",
            "a\"b",
            "a+b",
        ] {
            assert!(!is_login(login), "{login:?}");
        }
    }

    #[test]
    fn mobiles_have_five_to_twenty_digits() {
        for mobile in [
            "13800000001",
            "+86 138-0000-0001",
            "12345",
            "0594 12345",
            "12345678901234567890",
        ] {
            assert!(is_mobile(mobile), "{mobile}");
        }
        for mobile in [
            "abc",
            "1234",
            "123456789012345678901",
            "+",
            "++8613800000001",
            "86+13800000001",
            "-13800000001",
            "13800000001-",
            "+ 8613800000001",
            "1380000000a",
            "138\u{a0}00000001",
            "１３８００００００００１",
            "138.0000.0001",
            "1380000\u{0}1",
        ] {
            assert!(!is_mobile(mobile), "{mobile:?}");
        }
    }
}
