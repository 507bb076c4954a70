//! Passwords that are made for accounts whose list brings none.

use docket_core::clock::random_bytes;
use docket_domain::rules::PasswordRules;

/// Characters of a password that is made, if the rules ask for no more.
const MADE_CHARS: usize = 14;
/// What passwords are made of, class by class, without what is easily misread.
const CLASSES: [&[u8]; 4] = [
    b"abcdefghijkmnpqrstuvwxyz",
    b"ABCDEFGHJKLMNPQRSTUVWXYZ",
    b"23456789",
    b"-_.+#%",
];

/// A password that any rules let: of every class.
#[must_use]
pub fn made(rules: PasswordRules) -> String {
    let length = usize::from(rules.min_chars).max(MADE_CHARS);
    let all: Vec<u8> = CLASSES.concat();
    let mut made: Vec<u8> = CLASSES.iter().map(|class| pick(class)).collect();
    made.extend((made.len()..length).map(|_| pick(&all)));
    for last in (1..made.len()).rev() {
        made.swap(last, below(last + 1));
    }
    made.into_iter().map(char::from).collect()
}

fn pick(from: &[u8]) -> u8 {
    from[below(from.len())]
}

/// A random number below a small bound.
fn below(bound: usize) -> usize {
    // Out of so many that no number is noticeably more likely.
    let random = u64::from_be_bytes(random_bytes());
    usize::try_from(random % bound as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_made_meet_any_rules() {
        for (min_chars, classes) in [(8, 1), (8, 4), (40, 4), (128, 4)] {
            let rules = PasswordRules {
                min_chars,
                classes,
                expires_days: 0,
            };
            let (one, two) = (made(rules), made(rules));
            assert!(rules.lets(&one) && one.is_ascii(), "{one}");
            assert_ne!(one, two);
        }
    }
}
