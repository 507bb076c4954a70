//! Printed forms (打印): pages that a browser prints on A4 as they are, without its own header or footer, behind
//! links that end soon.
//!
//! * [`form`]: what stands on each form. [`page`]: how it looks.

pub mod form;
pub mod page;

use docket_core::clock::random_bytes;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a link works.
pub const LINK_LASTS: Duration = Duration::from_mins(2);
/// Most pages that wait to be fetched; the oldest give way.
pub const PAGES_MAX: usize = 500;

/// Pages that wait to be fetched, by the token of their link. In memory alone: a link ends with the server.
#[derive(Default)]
pub struct Prints(Mutex<HashMap<String, (Instant, Arc<str>)>>);

impl Prints {
    /// Keeps a page for a while, and gives the token of its link: whoever has it sees the page.
    pub fn keep(&self, page: String) -> String {
        let token = random_bytes::<32>()
            .iter()
            .fold(String::new(), |mut token, byte| {
                let _ = write!(token, "{byte:02x}");
                token
            });
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|_, (kept, _)| kept.elapsed() < LINK_LASTS);
        while pages.len() >= PAGES_MAX {
            let oldest = pages.iter().min_by_key(|(_, (kept, _))| *kept);
            let Some(oldest) = oldest.map(|(token, _)| token.clone()) else {
                break;
            };
            pages.remove(&oldest);
        }
        pages.insert(token.clone(), (Instant::now(), page.into()));
        token
    }

    /// The page of a link, once, while that works.
    pub fn take(&self, token: &str) -> Option<Arc<str>> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, page) = pages.remove(token)?;
        (kept.elapsed() < LINK_LASTS).then_some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_give_way_and_tokens_are_not_guessed() {
        let prints = Prints::default();
        let tokens: Vec<String> = (0..=PAGES_MAX)
            .map(|n| prints.keep(n.to_string()))
            .collect();
        assert_eq!(prints.take(&tokens[0]), None);
        assert_eq!(prints.take(&tokens[PAGES_MAX]).as_deref(), Some("500"));
        assert_eq!(prints.take(&tokens[PAGES_MAX]), None, "once");
        assert_eq!(tokens[1].len(), 64);
        assert_ne!(tokens[1], tokens[2]);
        assert_eq!(prints.take(""), None);
    }

    #[test]
    fn a_link_lasts_two_minutes() {
        let prints = Prints::default();
        let (young, old) = (prints.keep("young".into()), prints.keep("old".into()));
        let age = |token: &str, by: Duration| {
            prints.0.lock().unwrap().get_mut(token).unwrap().0 -= by;
        };
        age(&young, LINK_LASTS / 2);
        age(&old, LINK_LASTS);
        assert_eq!(prints.take(&young).as_deref(), Some("young"));
        assert_eq!(prints.take(&old), None);
    }
}
