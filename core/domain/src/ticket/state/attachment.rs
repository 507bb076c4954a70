//! A file attached to a ticket (附件): what there is to know of it but its bytes, and who may see it. The bytes lie
//! sealed apart from the log; the event holds their hash.

use super::{FilePart, FileType, Ticket};
use crate::ids::{AccountId, AttachmentId, ObjectId};
use crate::people::Actor;
use crate::sealed::Sealed;
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::str::FromStr;

/// SHA-256 of a file's bytes as they are stored: sealed. So it tells nothing of what is in the file, not even to
/// whoever has a copy to compare, and holds when the key is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileHash(pub [u8; 32]);

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileHash({self})")
    }
}

impl FromStr for FileHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a file's hash is 64 hexadecimal digits";
        if text.len() != 64 || !text.is_ascii() {
            return Err(WRONG);
        }
        let mut bytes = [0; 32];
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for FileHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A file attached to a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The name its bytes are stored under.
    pub object: ObjectId,
    /// What it belongs to.
    pub part: FilePart,
    /// Its name, as whoever attached it called it.
    pub name: Sealed,
    /// What kind of file it is, by what is in it.
    pub file_type: FileType,
    /// Its size in bytes, in the clear.
    pub bytes: u64,
    /// The hash of its sealed bytes.
    pub hash: FileHash,
    /// Who attached it.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
    /// The round of handling it was attached in.
    pub round: u16,
}

impl Ticket {
    /// An attachment by its id.
    #[must_use]
    pub fn attachment(&self, id: AttachmentId) -> Option<&Attachment> {
        self.attachments.iter().find(|file| file.id == id)
    }

    /// How many files the caller attached.
    #[must_use]
    pub fn attached_by_caller(&self) -> usize {
        let caller = self.intake.as_ref().and_then(|i| i.caller_account);
        let files = self.attachments.iter();
        files.filter(|file| caller == Some(file.by)).count()
    }

    /// Whether an account may know of a file, and see what is in it unless it is an auditor: no file can be masked.
    /// An office sees files only while the ticket is its business; the caller sees what belongs to the request, and
    /// what belongs to an answer once that is given.
    #[must_use]
    pub fn shows_file_to(&self, file: &Attachment, actor: &Actor) -> bool {
        if !self.is_visible_to(actor) {
            return false;
        }
        if actor.in_centre() {
            return true;
        }
        if self.is_own_of(actor) {
            return match file.part {
                FilePart::Matter => true,
                FilePart::Answer => self.round > file.round || self.answer.is_some(),
                FilePart::Evidence => false,
            };
        }
        !actor.in_office() || self.is_business_of(actor)
    }

    /// The files an account may know of, in the order they were attached.
    pub fn attachments_for<'t>(
        &'t self,
        actor: &'t Actor,
    ) -> impl Iterator<Item = &'t Attachment> + 't {
        let files = self.attachments.iter();
        files.filter(move |file| self.shows_file_to(file, actor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = FileHash(std::array::from_fn(|n| u8::try_from(n * 8).unwrap()));
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(
            serde_json::from_str::<FileHash>(&format!("\"{text}\"")).unwrap(),
            hash
        );
        for wrong in [&text[1..], &format!("{}é", &text[2..]), &"zz".repeat(32)] {
            assert!(wrong.parse::<FileHash>().is_err(), "{wrong}");
        }
    }
}
