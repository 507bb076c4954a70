//! How a long job shows how far it is.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;

/// A progress bar on a terminal, plain lines otherwise.
pub(super) struct Shown {
    what: &'static str,
    bar: Option<ProgressBar>,
    tenth: u64,
}

impl Shown {
    pub(super) fn new(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {per_sec} {eta}");
            ProgressBar::new(0)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(what)
        });
        Self {
            what,
            bar,
            tenth: 0,
        }
    }

    pub(super) fn show(&mut self, (at, of): (u64, u64)) {
        if let Some(bar) = &self.bar {
            bar.set_length(of);
            bar.set_position(at);
        } else if of > 0 && at * 10 / of > self.tenth {
            self.tenth = at * 10 / of;
            eprintln!("{} {at}/{of}", self.what);
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
