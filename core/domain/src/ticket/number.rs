//! Ticket numbers: `yyMMddHHmmss` in the hotline's zone and six digits, as real systems write them.

use crate::time::Timestamp;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A ticket's number: eighteen digits, unique in a journal by a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketNumber(String);

/// A text that is no ticket number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket number is eighteen digits")]
pub struct NotANumber;

impl TicketNumber {
    /// The number of a request received at `time`, told apart by `tail` (its last six digits count).
    #[must_use]
    pub fn compose(time: Timestamp, zone: Tz, tail: u32) -> Self {
        let local = time.with_timezone(&zone).format("%y%m%d%H%M%S");
        Self(format!("{local}{:06}", tail % 1_000_000))
    }

    /// The eighteen digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for TicketNumber {
    type Error = NotANumber;
    fn try_from(text: String) -> Result<Self, NotANumber> {
        if text.len() == 18 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text))
        } else {
            Err(NotANumber)
        }
    }
}

impl std::str::FromStr for TicketNumber {
    type Err = NotANumber;
    fn from_str(text: &str) -> Result<Self, NotANumber> {
        text.trim().to_owned().try_into()
    }
}

impl From<TicketNumber> for String {
    fn from(number: TicketNumber) -> Self {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn numbers_carry_local_time_and_a_tail() {
        let time = chrono::Utc.with_ymd_and_hms(2019, 4, 25, 1, 32, 9).unwrap();
        let number = TicketNumber::compose(time, chrono_tz::Asia::Shanghai, 7_000_042);
        assert_eq!(number.as_str(), "190425093209000042");
        assert_eq!(" 190425093209000042 ".parse(), Ok(number));
        assert_eq!("19042509320900004".parse::<TicketNumber>(), Err(NotANumber));
        assert_eq!(
            "19042509320900004x".parse::<TicketNumber>(),
            Err(NotANumber)
        );
    }
}
