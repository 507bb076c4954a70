//! W3C trace context: which trace a request belongs to, as `traceparent` says it.

use crate::traces::Place;
use docket_core::clock::random_bytes;
use std::fmt;
use uuid::Uuid;

/// The place of a request in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    /// The trace: the correlation of everything that the request does.
    pub trace: Uuid,
    /// The span within it.
    span: [u8; 8],
    sampled: bool,
}

impl Traceparent {
    /// Reads a header of any version; what is malformed is as if it was not there.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let version = hex::<1>(parts.next()?)?;
        let trace = hex::<16>(parts.next()?)?;
        let span = hex::<8>(parts.next()?)?;
        let flags = hex::<1>(parts.next()?)?;
        let is_known = version[0] == 0;
        if version[0] == 0xff || (is_known && parts.next().is_some()) {
            return None;
        }
        if trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(Self {
            trace: Uuid::from_bytes(trace),
            span,
            sampled: flags[0] & 1 == 1,
        })
    }

    /// A trace that begins here.
    #[must_use]
    pub fn fresh() -> Self {
        // The system is asked once for both.
        let random: [u8; 24] = random_bytes();
        let (trace, span) = random.split_first_chunk().expect("16 of 24");
        Self {
            trace: Uuid::from_bytes(*trace),
            span: span.try_into().expect("8 of 24"),
            sampled: false,
        }
    }

    /// The same, for whoever exports spans.
    #[must_use]
    pub fn place(self) -> Place {
        Place {
            trace: self.trace,
            span: self.span,
            sampled: self.sampled,
        }
    }

    /// At a span that may be exported.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self {
            span: place.span,
            sampled: place.sampled,
            ..self
        }
    }

    /// A span of the server's own in the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self {
            span: random_bytes(),
            ..self
        }
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (self.trace.simple(), u64::from_be_bytes(self.span));
        write!(f, "00-{trace}-{span:016x}-{:02x}", u8::from(self.sampled))
    }
}

/// Bytes in small hexadecimal letters, exactly so many.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_honoured_and_gets_a_span_of_our_own() {
        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let read = Traceparent::parse(sent).unwrap();
        assert_eq!(read.to_string(), sent);
        assert_eq!(
            read.trace.simple().to_string(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        let told = read.child().to_string();
        assert!(told.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && told.ends_with("-01"));
        assert_ne!(told, sent);
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-comes";
        assert!(Traceparent::parse(later).is_some(), "a version to come");
    }

    #[test]
    fn what_is_malformed_is_as_if_it_was_not_there() {
        for sent in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-王bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Traceparent::parse(sent), None, "{sent}");
        }
        assert_ne!(Traceparent::fresh().trace, Traceparent::fresh().trace);
    }
}
