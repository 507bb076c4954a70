//! Links by which files are sent and fetched. A link carries all there is to know of it, sealed under the store's keys:
//! nothing is kept of one until it is used, and every process of the store takes it.
//!
//! * [`sniff`]: what kind of file some bytes are.

pub mod sniff;

use chrono::TimeDelta;
use docket_core::vault::Vault;
use docket_domain::Timestamp;
use docket_domain::ids::{AccountId, AttachmentId, TicketId};
use docket_domain::sealed::Sealed;
use docket_domain::ticket::{FilePart, FileType};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long after it was asked for an upload may begin.
pub const UPLOAD_LINK_LASTS: TimeDelta = TimeDelta::minutes(5);
/// How long a link to a file works.
pub const FILE_LINK_LASTS: TimeDelta = TimeDelta::minutes(2);
/// Files on their way at one time, in and out each; each holds about 6 MiB at the most while it comes in.
pub const TRANSFERS_AT_ONCE: usize = 32;

/// What a link carries.
pub trait Link: Serialize + DeserializeOwned {
    /// What it is for: a link for one thing is none for another.
    const PURPOSE: &'static str;

    /// Until when it works.
    fn until(&self) -> Timestamp;

    /// The link's token.
    fn token(&self, vault: &Vault) -> String {
        let content = serde_json::to_vec(self).expect("a link is a plain struct");
        vault.seal_link(Self::PURPOSE, &content)
    }

    /// The link of a token, while it works.
    fn of(token: &str, vault: &Vault) -> Option<Self> {
        let content = vault.open_link(Self::PURPOSE, token)?;
        let link: Self = serde_json::from_slice(&content).ok()?;
        (link.until() > vault.clock().now()).then_some(link)
    }
}

/// A file that may be sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct UploadLink {
    /// To which ticket.
    pub ticket: TicketId,
    /// The id it gets.
    pub attachment: AttachmentId,
    /// Who sends it.
    pub account: AccountId,
    /// What it belongs to.
    pub part: FilePart,
    /// Its name, under the ticket's key: links stand in logs of proxies.
    pub name: Sealed,
    /// What it is said to be.
    pub file_type: FileType,
    /// How large it is said to be.
    pub bytes: u64,
    /// Until when it may begin.
    pub until: Timestamp,
}

/// A file that may be fetched, once.
#[derive(Debug, Serialize, Deserialize)]
pub struct FileLink {
    /// By which it is known whether it was used.
    pub id: Uuid,
    /// Of which ticket.
    pub ticket: TicketId,
    /// Which file.
    pub attachment: AttachmentId,
    /// Who fetches it.
    pub account: AccountId,
    /// Until when.
    pub until: Timestamp,
}

impl Link for UploadLink {
    const PURPOSE: &'static str = "upload";

    fn until(&self) -> Timestamp {
        self.until
    }
}

impl Link for FileLink {
    const PURPOSE: &'static str = "file";

    fn until(&self) -> Timestamp {
        self.until
    }
}

/// Whether a name can be a file's: nothing in it that a file system or a reader could take for something else.
#[must_use]
pub fn is_fit_name(name: &str) -> bool {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '/' | '\\' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    !name.chars().any(odd) && !matches!(name.trim(), "." | "..")
}

/// A file's name as it is saved by: it ends as files of its type do.
#[must_use]
pub fn saved_as(name: &str, file_type: FileType) -> String {
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_lowercase());
    let usual = file_type.extensions();
    if ending.is_some_and(|ending| usual.contains(&ending.as_str())) {
        name.to_owned()
    } else {
        format!("{name}.{}", usual[0])
    }
}

/// `Content-Disposition` of a file to be saved (RFC 6266), its name in UTF-8 (RFC 5987).
#[must_use]
pub fn disposition(name: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_saved_by_what_the_file_is() {
        assert_eq!(saved_as("现场.JPG", FileType::Jpeg), "现场.JPG");
        assert_eq!(saved_as("现场.exe", FileType::Jpeg), "现场.exe.jpg");
        assert_eq!(saved_as("现场", FileType::Docx), "现场.docx");
        assert_eq!(
            disposition("现 场\".jpg"),
            "attachment; filename*=UTF-8''%E7%8E%B0%20%E5%9C%BA%22.jpg"
        );
    }

    #[test]
    fn names_that_deceive_are_unfit() {
        for fit in ["现场照片 1.jpg", "a..b", "…"] {
            assert!(is_fit_name(fit), "{fit}");
        }
        for unfit in [
            "../a",
            "a\\b",
            "a\r\nb",
            "gpj.\u{202e}exe",
            "..",
            "a\u{200b}",
        ] {
            assert!(!is_fit_name(unfit), "{unfit:?}");
        }
    }
}
