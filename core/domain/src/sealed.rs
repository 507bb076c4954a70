//! Personal data as the log holds it: sealed under a key that can be destroyed.
//!
//! The domain never opens a seal. It sees what a decision needs: that a text is there, and its length.

use crate::ids::{EventId, KeyId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// A sealed text. Which field it belongs to is known by its place in the event.
///
/// Serialised as one string, `CHARS.KEY.EVENT.BOX`: the number of characters of the clear text, the
/// key's id, the id of the event it was sealed for, and nonce and ciphertext in unpadded base64url.
/// The frozen form of every sealed text in the log.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key it is sealed under.
    pub key: KeyId,
    /// The event it was sealed for: bound into the ciphertext, so that it cannot be moved.
    pub event: EventId,
    /// Length of the clear text in characters (Unicode scalar values).
    pub chars: u32,
    /// Nonce and ciphertext, base64url without padding.
    pub sealed_box: String,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} characters under {})", self.chars, self.key.0)
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}.{}",
            self.chars,
            self.key.0.simple(),
            self.event.0.simple(),
            self.sealed_box
        )
    }
}

impl std::str::FromStr for Sealed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(4, '.');
        let mut next = || {
            parts
                .next()
                .ok_or("a sealed text has four parts: CHARS.KEY.EVENT.BOX")
        };
        let (chars, key, event, sealed_box) = (next()?, next()?, next()?, next()?);
        Ok(Self {
            chars: chars
                .parse()
                .map_err(|_| "a sealed text starts with its length")?,
            key: key
                .parse()
                .map_err(|_| "a sealed text names its key by a UUID")?,
            event: event
                .parse()
                .map_err(|_| "a sealed text names its event by a UUID")?,
            sealed_box: sealed_box.to_owned(),
        })
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Whose key a text is sealed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyOwner {
    /// The citizen who called: one key over all their tickets.
    Caller,
    /// The party complained of.
    Respondent,
    /// The ticket: its matter and every free text about it.
    Ticket,
    /// A member of staff or a citizen's account.
    Account,
    /// An office, or the centre: what it keeps for itself.
    Office,
}

/// Names a text field of a command while it is being sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name in the event, bound into the ciphertext.
    pub name: &'static str,
    /// Whose key it goes under.
    pub owner: KeyOwner,
}

impl Field {
    /// A free text about the matter, under the ticket's key.
    #[must_use]
    pub const fn of_ticket(name: &'static str) -> Self {
        Self {
            name,
            owner: KeyOwner::Ticket,
        }
    }

    /// The field's name in the command's input, as clients write it.
    #[must_use]
    pub fn in_input(self) -> &'static str {
        match self.name {
            "file_name" => "name",
            "lawful_channel" => "lawfulChannel",
            "source_number" => "sourceNumber",
            "source_words" => "words",
            "unsolved_reason" => "unsolvedReason",
            same => same,
        }
    }
}

/// Applies a sealing function to an optional text.
pub fn try_map_option<T, U, E>(
    text: Option<T>,
    field: Field,
    f: &mut dyn FnMut(Field, T) -> Result<U, E>,
) -> Result<Option<U>, E> {
    text.map(|t| f(field, t)).transpose()
}
