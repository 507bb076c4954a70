//! Every table that a backup keeps, as rows of plain values, alike from both databases.
//!
//! One line of JSON a row: integers as numbers, ids as UUIDs, bytes in unpadded base64url, times as
//! microseconds since 1970 UTC. A test compares this list with what the databases hold.

use crate::db::{Row, Tx, Value};
use crate::values;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashMap;
use std::fmt::Write as _;
use uuid::Uuid;

/// Rows in one statement: SQLite looks a statement's marks up one by one.
const ROWS_PER_STATEMENT: usize = 32;

/// What a column holds. Any may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Int,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// An id: 16 bytes in SQLite, a `uuid` in PostgreSQL. As a value it is text.
    Uuid,
}

/// A column.
pub type Column = (&'static str, Kind);

/// A table that is kept.
#[derive(Debug)]
pub struct Table {
    /// The part of the store it is in.
    pub part: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// The columns of its key: the first so many.
    pub key: usize,
}

use Kind::{Bytes, Int, Text, Uuid as Id};

/// The log's birth certificate.
pub const LOG: Table = Table {
    part: "journal",
    name: "log",
    columns: &[
        ("one", Int),
        ("id", Id),
        ("purpose", Text),
        ("schema", Int),
        ("created_at", Int),
    ],
    key: 1,
};

/// The records, in the order of their canonical encoding.
pub const EVENTS: Table = Table {
    part: "journal",
    name: "events",
    columns: &[
        ("position", Int),
        ("category", Text),
        ("stream", Id),
        ("version", Int),
        ("event", Id),
        ("type", Text),
        ("schema_version", Int),
        ("data", Text),
        ("actor", Id),
        ("acting_for", Id),
        ("command", Id),
        ("correlation", Id),
        ("causation", Id),
        ("occurred_at", Int),
        ("recorded_at", Int),
        ("rules_version", Int),
    ],
    key: 1,
};

/// What became of every command.
pub const COMMANDS: Table = Table {
    part: "journal",
    name: "commands",
    columns: &[
        ("command", Id),
        ("fingerprint", Bytes),
        ("stream", Id),
        ("version", Int),
        ("position", Int),
        ("recorded_at", Int),
    ],
    key: 1,
};

/// What must be unique.
pub const CLAIMS: Table = Table {
    part: "journal",
    name: "claims",
    columns: &[("kind", Text), ("value", Bytes), ("stream", Id)],
    key: 2,
};

/// Password hashes.
pub const CREDENTIALS: Table = Table {
    part: "ops",
    name: "credentials",
    columns: &[("created_by", Text), ("password", Text)],
    key: 1,
};

/// Questions for recovery, and hashes of their answers.
pub const RECOVERIES: Table = Table {
    part: "ops",
    name: "recoveries",
    columns: &[("created_by", Text), ("question", Text), ("answer", Text)],
    key: 1,
};

/// Who was let in and who was not.
pub const SECURITY_LOG: Table = Table {
    part: "ops",
    name: "security_log",
    columns: &[
        ("hour", Int),
        ("kind", Text),
        ("subject", Text),
        ("address", Text),
        ("proven", Int),
        ("count", Int),
        ("first_at", Int),
        ("last_at", Int),
    ],
    key: 4,
};

/// The key store's own secrets, wrapped.
pub const SECRETS: Table = Table {
    part: "keys",
    name: "secrets",
    columns: &[("name", Text), ("wrapped", Bytes)],
    key: 1,
};

/// Sealing keys, wrapped.
pub const KEYS: Table = Table {
    part: "keys",
    name: "keys",
    columns: &[
        ("id", Text),
        ("owner", Text),
        ("wrapped", Bytes),
        ("created_at", Int),
        ("same_as", Bytes),
    ],
    key: 1,
};

/// Keyed hashes that tell which tickets are alike.
pub const MARKS: Table = Table {
    part: "keys",
    name: "marks",
    columns: &[
        ("subject", Text),
        ("kind", Text),
        ("hash", Bytes),
        ("made_at", Int),
    ],
    key: 2,
};

/// Persons erased: which keys were destroyed, and which tickets were theirs.
pub const ERASURES: Table = Table {
    part: "keys",
    name: "erasures",
    columns: &[
        ("id", Text),
        ("at", Int),
        ("ground", Text),
        ("tickets", Text),
        ("accounts", Text),
        ("destroyed", Text),
        ("done_at", Int),
    ],
    key: 1,
};

/// The tables of the data, keys apart.
pub const DATA: [&Table; 7] = [
    &LOG,
    &EVENTS,
    &COMMANDS,
    &CLAIMS,
    &CREDENTIALS,
    &RECOVERIES,
    &SECURITY_LOG,
];
/// The tables of the keys.
pub const KEYRING: [&Table; 4] = [&SECRETS, &KEYS, &MARKS, &ERASURES];
/// Those that a store or a backup of an earlier Docket may not have; they are empty then.
pub const YOUNGER: [&Table; 4] = [&MARKS, &ERASURES, &RECOVERIES, &SECURITY_LOG];
/// Tables that are not kept, and why.
pub const LEFT_OUT: [(&str, &str, &str); 13] = [
    ("journal", "gaps", "it never holds a row"),
    ("ops", "failures", "a lock lasts ten minutes"),
    ("ops", "recovery_tries", "a lock lasts a day at most"),
    (
        "ops",
        "captchas_used",
        "a captcha is good for three minutes",
    ),
    ("ops", "uploads", "what was under way is sent again"),
    ("ops", "links_used", "a link is good for minutes"),
    ("ops", "prints", "a link is good for minutes"),
    (
        "ops",
        "session_families",
        "whoever logged out stays logged out",
    ),
    ("ops", "access_tokens", "of sessions that are not kept"),
    ("ops", "logins_taken", "of sessions that are not kept"),
    ("ops", "digest_head", "noted anew from the restored log"),
    ("ops", "leases", "of server processes that are no more"),
    ("ops", "digest_tiles", "noted anew from the restored log"),
];

impl Table {
    /// Whether it may be missing where an earlier Docket was at work.
    pub(super) fn may_be_missing(&self) -> bool {
        YOUNGER.iter().any(|table| table.name == self.name)
    }

    /// Whether it is there.
    pub(super) async fn is_there(&self, tx: &mut Tx) -> Result<bool, sqlx::Error> {
        let sql = if tx.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE name = $1"
        } else {
            "SELECT 'there' WHERE to_regclass($1) IS NOT NULL"
        };
        Ok(!tx.fetch_all(sql, values![self.name]).await?.is_empty())
    }

    /// What to select, so that both databases give the same kinds.
    pub(super) fn selected(&self, sqlite: bool) -> String {
        let select = |(name, kind): &Column| match (kind, sqlite) {
            (Int, _) => format!("CAST({name} AS BIGINT)"),
            (Id, true) => format!("CASE WHEN {name} IS NULL THEN NULL ELSE hex({name}) END"),
            (Id, false) => format!("CAST({name} AS TEXT)"),
            (Text | Bytes, _) => (*name).to_owned(),
        };
        let all: Vec<String> = self.columns.iter().map(select).collect();
        all.join(", ")
    }

    /// A page of rows after a key, in the order of the key.
    pub(super) async fn page(
        &self,
        tx: &mut Tx,
        after: Option<&[Value]>,
        limit: u32,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let sqlite = tx.is_sqlite();
        let key: Vec<&str> = self.columns[..self.key].iter().map(|c| c.0).collect();
        let key = key.join(", ");
        let condition = after.map_or(String::new(), |_| {
            format!("WHERE ({key}) > ({})", self.marks(1, self.key, sqlite))
        });
        let sql = format!(
            "SELECT {} FROM {} {condition} ORDER BY {key} LIMIT {limit}",
            self.selected(sqlite),
            self.name
        );
        tx.fetch_all(&sql, after.unwrap_or_default().to_vec()).await
    }

    fn marks(&self, from: usize, columns: usize, sqlite: bool) -> String {
        let mark = |(n, (_, kind)): (usize, &Column)| match (kind, sqlite) {
            (Id, true) => format!("unhex(replace(${n}, '-', ''))"),
            (Id, false) => format!("CAST(${n} AS uuid)"),
            (Int | Text | Bytes, _) => format!("${n}"),
        };
        let all: Vec<String> = (from..).zip(&self.columns[..columns]).map(mark).collect();
        all.join(", ")
    }

    /// The values of a row, or the name of the column that cannot be read.
    pub(super) fn values(&self, row: &Row) -> Result<Vec<Value>, &'static str> {
        let value = |(index, (name, kind)): (usize, &Column)| {
            let read = match kind {
                Int => row.int_or_null(index).map(Value::Int),
                Text => row.text_or_null(index).map(Value::Text),
                Bytes => row.bytes_or_null(index).map(Value::Bytes),
                Id => match row.text_or_null(index) {
                    Ok(Some(text)) => return id(&text).map(Value::from).ok_or(*name),
                    other => other.map(Value::Text),
                },
            };
            read.map_err(|_| *name)
        };
        self.columns.iter().enumerate().map(value).collect()
    }

    /// Inserts rows.
    pub(super) async fn insert(
        &self,
        tx: &mut Tx,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), sqlx::Error> {
        let names: Vec<&str> = self.columns.iter().map(|c| c.0).collect();
        let width = names.len();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let piece: Vec<Vec<Value>> = rows.by_ref().take(ROWS_PER_STATEMENT).collect();
            let marks: Vec<String> = (0..piece.len())
                .map(|n| format!("({})", self.marks(n * width + 1, width, tx.is_sqlite())))
                .collect();
            let sql = format!(
                "INSERT INTO {} ({}) VALUES {}",
                self.name,
                names.join(", "),
                marks.join(", ")
            );
            tx.execute(&sql, piece.into_iter().flatten().collect())
                .await?;
        }
        Ok(())
    }

    /// A row as one line of JSON, without the line's end.
    pub(super) fn line(&self, values: &[Value]) -> String {
        let mut line = String::with_capacity(512);
        for ((name, _), value) in self.columns.iter().zip(values) {
            line.push(if line.is_empty() { '{' } else { ',' });
            // Writing to a String cannot fail.
            let _ = match value {
                Value::Int(Some(n)) => write!(line, "\"{name}\":{n}"),
                Value::Text(Some(text)) => write!(line, "\"{name}\":{}", quoted(text)),
                Value::Bytes(Some(bytes)) => {
                    write!(line, "\"{name}\":\"{}\"", URL_SAFE_NO_PAD.encode(bytes))
                }
                Value::Real(Some(n)) => write!(line, "\"{name}\":{n}"),
                Value::Id(Some(id)) => write!(line, "\"{name}\":\"{id}\""),
                Value::Int(None)
                | Value::Text(None)
                | Value::Bytes(None)
                | Value::Real(None)
                | Value::Id(None) => write!(line, "\"{name}\":null"),
            };
        }
        line.push('}');
        line
    }

    /// The values of a line, or what is wrong with it. Never quotes it.
    pub(super) fn read_line(&self, line: &str) -> Result<Vec<Value>, String> {
        let mut fields: HashMap<String, serde_json::Value> =
            serde_json::from_str(line).map_err(|_| "it is no JSON object".to_owned())?;
        let mut values = Vec::with_capacity(self.columns.len());
        for (name, kind) in self.columns {
            let field = fields
                .remove(*name)
                .ok_or_else(|| format!("{name} is missing"))?;
            let value = match (kind, field) {
                (Int, serde_json::Value::Null) => Some(Value::Int(None)),
                (Text | Id, serde_json::Value::Null) => Some(Value::Text(None)),
                (Bytes, serde_json::Value::Null) => Some(Value::Bytes(None)),
                (Int, serde_json::Value::Number(n)) => n.as_i64().map(Value::from),
                (Text, serde_json::Value::String(text)) => Some(Value::from(text)),
                (Id, serde_json::Value::String(text)) => id(&text).map(Value::from),
                (Bytes, serde_json::Value::String(text)) => {
                    URL_SAFE_NO_PAD.decode(&text).ok().map(Value::from)
                }
                (Int | Text | Bytes | Id, _) => None,
            };
            values.push(value.ok_or_else(|| format!("{name} is not what it should be"))?);
        }
        match fields.into_keys().next() {
            None => Ok(values),
            Some(_) => Err("it has a field of a later Docket".into()),
        }
    }
}

/// An id from its digits. Only the whole 32: a shorter blob is no id.
fn id(text: &str) -> Option<Uuid> {
    text.parse().ok()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_as_a_line() {
        let awkward = "a\"b\\c\n\u{2028}𠮷\u{0}";
        let id = "0191e000-0000-7000-8000-0000000000d1";
        let rows = [
            (&CLAIMS, values![awkward, vec![0_u8, 255], id]),
            (
                &KEYS,
                values![id, "caller", vec![1_u8], -1_i64, None::<Vec<u8>>],
            ),
            (&LOG, values![i64::MAX, id, "real", 1_i64, i64::MIN]),
        ];
        for (table, values) in rows {
            let line = table.line(&values);
            assert!(!line.contains('\n'));
            assert_eq!(table.read_line(&line).unwrap(), values);
        }
    }

    #[test]
    fn a_line_that_does_not_fit_is_told_without_quoting_it() {
        for (line, told) in [
            ("{", "no JSON object"),
            (r#"{"kind":"login","value":"AA"}"#, "stream is missing"),
            (
                r#"{"kind":"login","value":"??","stream":null}"#,
                "value is not",
            ),
            (r#"{"kind":7,"value":"AA","stream":null}"#, "kind is not"),
            (
                r#"{"kind":"a","value":"AA","stream":null,"later":1}"#,
                "later Docket",
            ),
        ] {
            let error = CLAIMS.read_line(line).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
