//! What a setting may be, and how its text is read.

use super::access;
use std::net::SocketAddr;
use std::time::Duration;

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text that is never shown, nor taken from a file.
    Secret,
    /// A file's path.
    Path,
    /// A store's URL, whose password is never shown.
    Store,
    /// Where attachments are.
    Files,
    /// An IP address and port; perhaps `off`.
    Address {
        /// Whether it may be off.
        off: bool,
    },
    /// A length of time with its unit.
    Time {
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// A number of bytes with its unit.
    Bytes {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A number.
    Count {
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A part of the whole.
    Ratio,
    /// Yes or no.
    Switch,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Some of some words, at least one.
    Several(&'static [&'static str]),
    /// Origins of web pages.
    Origins,
    /// Where something is fetched, over TLS or from this machine.
    Url,
    /// Where something is sent that no person is in, over TLS or not.
    Endpoint,
}

impl Kind {
    /// Its unit, or what else it is, in a word for a table.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Text | Self::Choice(_) | Self::Several(_) => "text",
            Self::Origins => "origins",
            Self::Secret => "secret",
            Self::Path => "file",
            Self::Store | Self::Files | Self::Url | Self::Endpoint => "URL",
            Self::Address { .. } => "address",
            Self::Time { .. } => "ms, s, min, h",
            Self::Bytes { .. } => "B, KiB, MiB",
            Self::Count { .. } => "number",
            Self::Ratio => "0 to 1",
            Self::Switch => "true, false",
        }
    }

    /// What is expected of a value.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Secret => "a secret, in the environment".into(),
            Self::Path => "the path of a file".into(),
            Self::Store => "sqlite:DIR or postgres://USER:PASSWORD@HOST/DATABASE".into(),
            Self::Files => "file:DIR, or s3://BUCKET/PREFIX with a bucket as S3 names them (3 to 63 small letters, \
                            digits, - and .)"
                .into(),
            Self::Address { off: false } => "an address and port such as \"127.0.0.1:8080\"".into(),
            Self::Address { off: true } => {
                "an address and port such as \"127.0.0.1:9464\", or \"off\"".into()
            }
            Self::Time { least, most } => format!(
                "a length of time from {} to {}, such as \"500ms\", \"30s\", \"5min\" or \"12h\"",
                told(least),
                told(most)
            ),
            Self::Bytes { least, most } => {
                format!("from {least}B to {most}B, such as \"256KiB\" or \"1MiB\"")
            }
            Self::Count { least, most } => format!("a number from {least} to {most}"),
            Self::Ratio => "a number from 0 to 1, such as 0.1".into(),
            Self::Switch => "true or false".into(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Several(words) => format!("some of {}, with commas between", words.join(", ")),
            Self::Origins => "origins such as \"https://desk.example\", with commas between".into(),
            Self::Url => "an https:// URL, or http:// on this machine".into(),
            Self::Endpoint => "an https:// or http:// URL, without a password in it".into(),
        }
    }

    /// Whether a text is such a value.
    pub(super) fn takes(self, text: &str) -> bool {
        match self {
            Self::Text | Self::Secret | Self::Path => !text.is_empty(),
            Self::Store => text.parse::<docket_core::StoreUrl>().is_ok(),
            Self::Files => text.parse::<docket_core::FilesUrl>().is_ok(),
            Self::Address { off } => (off && text == "off") || text.parse::<SocketAddr>().is_ok(),
            Self::Time { least, most } => time(text).is_some_and(|t| t >= least && t <= most),
            Self::Bytes { least, most } => bytes(text).is_some_and(|n| n >= least && n <= most),
            Self::Count { least, most } => {
                text.parse::<usize>().is_ok_and(|n| n >= least && n <= most)
            }
            Self::Ratio => text
                .parse::<f64>()
                .is_ok_and(|ratio| (0.0..=1.0).contains(&ratio)),
            Self::Switch => matches!(text, "true" | "false"),
            Self::Choice(words) => words.contains(&text),
            Self::Several(of) => {
                access::words(text).next().is_some()
                    && access::words(text).all(|word| of.contains(&word))
            }
            Self::Origins => access::words(text).all(access::is_origin),
            Self::Url => access::is_safe_url(text),
            Self::Endpoint => access::is_endpoint(text),
        }
    }

    /// A value as it may be shown to anybody.
    pub(super) fn shown(self, text: &str) -> String {
        match self {
            Self::Secret => "***".into(),
            Self::Store => text
                .parse::<docket_core::StoreUrl>()
                .map_or_else(|_| "***".into(), |url| url.to_string()),
            _ => text.to_owned(),
        }
    }

    /// Whether a wrong value may be quoted in an error.
    pub(super) const fn is_quotable(self) -> bool {
        !matches!(
            self,
            Self::Secret | Self::Store | Self::Files | Self::Endpoint
        )
    }
}

/// A length of time such as `30s`.
pub(super) fn time(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let number = u64::try_from(number).ok()?;
    let seconds = |per: u64| number.checked_mul(per).map(Duration::from_secs);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "min" => seconds(60),
        "h" => seconds(3_600),
        _ => None,
    }
}

/// A number of bytes such as `256KiB`.
pub(super) fn bytes(text: &str) -> Option<usize> {
    let (number, unit) = number_and_unit(text)?;
    match unit {
        "B" => Some(number),
        "KiB" => number.checked_mul(1 << 10),
        "MiB" => number.checked_mul(1 << 20),
        _ => None,
    }
}

fn number_and_unit(text: &str) -> Option<(usize, &str)> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text[..text.len() - unit.len()].parse().ok()?;
    Some((number, unit))
}

/// A length of time as it would be written.
fn told(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        _ if time.subsec_millis() > 0 => format!("{}ms", time.as_millis()),
        0 => "0s".into(),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}min", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
