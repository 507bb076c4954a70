//! Marks: keyed hashes that tell which subjects are alike in something, and nothing else. They lie with the
//! keys and in no log or view, since whoever has both hash and key could guess what was hashed.

use super::{Vault, VaultError};
use crate::db::Tx;
use crate::values;
use docket_domain::Timestamp;
use uuid::Uuid;

/// Something a subject is known by.
#[derive(Clone, Debug)]
pub struct NewMark {
    /// Whose.
    pub subject: Uuid,
    /// In what it may be like others. One mark of a kind a subject.
    pub kind: &'static str,
    /// The clear value; only its keyed hash is kept.
    pub value: String,
}

/// A mark as it is stored.
pub(super) struct Row {
    subject: Uuid,
    kind: &'static str,
    hash: Vec<u8>,
}

impl Vault {
    pub(super) fn marked(&self, marks: Vec<NewMark>) -> Vec<Row> {
        let row = |mark: NewMark| Row {
            subject: mark.subject,
            kind: mark.kind,
            hash: self.keyed_hash(mark.kind, mark.value.as_bytes()).to_vec(),
        };
        marks.into_iter().map(row).collect()
    }

    /// Who is like a subject in something, each with the kind of it; the latest marked first, at most so many.
    pub async fn alike(&self, subject: Uuid, most: u32) -> Result<Vec<(Uuid, String)>, VaultError> {
        let sql = "SELECT other.subject, other.kind FROM marks own
             JOIN marks other ON other.hash = own.hash AND other.kind = own.kind
             WHERE own.subject = $1 AND other.subject <> $1
             ORDER BY other.made_at DESC, other.subject LIMIT $2";
        let rows = self.inner.db.fetch_all(sql, values![subject, most]).await?;
        let alike = |row: &crate::db::Row| Ok((row.uuid(0)?, row.text(1)?));
        rows.iter().map(alike).collect()
    }
}

/// Keeps marks; one that is there already stands, as a command sent again makes the same.
pub(super) async fn insert(
    tx: &mut Tx,
    mut marks: Vec<&Row>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    // In one order in every process, as keys are.
    marks.sort_unstable_by_key(|mark| (mark.subject, mark.kind));
    let rows = marks
        .iter()
        .map(|mark| values![mark.subject, mark.kind, mark.hash.clone(), now]);
    let stands = "ON CONFLICT DO NOTHING";
    tx.insert("INSERT INTO marks", stands, rows.collect())
        .await?;
    Ok(())
}
