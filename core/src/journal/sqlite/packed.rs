//! Rows packed into two values, and the statement that unpacks them.
//!
//! Every value bound through sqlx is allocated, copied and freed on its way to the connection's thread, and
//! SQLite copies it once more: for rows of a journal that costs as much as inserting them. So all rows of a
//! batch travel as one value of fixed-width rows and one of their texts, end to end, and SQLite cuts them
//! up itself. One text serves batches of every size. The tables hold ordinary columns.
//!
//! It must *not* know what the columns mean.

use crate::journal::backend::signed;
use uuid::Uuid;

/// Most rows of one statement.
pub(super) const ROWS_MAX: usize = 1_024;
/// Width of a whole number: decimal digits, filled up with zeros, a minus in front of negative ones.
const INT: usize = 20;
/// Width of an id.
const ID: usize = 16;

/// Makes what the statements count rows with; for every connection that runs them.
pub(super) fn numbers_sql() -> String {
    format!(
        "CREATE TEMP TABLE IF NOT EXISTS numbers (i INTEGER PRIMARY KEY);
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS_MAX})
         INSERT OR IGNORE INTO numbers SELECT i FROM n;"
    )
}

/// A column of a packed row.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// The same SQL expression for every row; `n.i` counts them from 0. Nothing is packed.
    Given(&'static str, &'static str),
    /// An id.
    Id(&'static str),
    /// An id or null.
    OptionalId(&'static str),
    /// A whole number.
    Int(&'static str),
    /// So many bytes.
    Bytes(&'static str, usize),
    /// A text.
    Text(&'static str),
    /// Bytes of any length.
    Blob(&'static str),
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Given(name, _)
            | Self::Id(name)
            | Self::OptionalId(name)
            | Self::Int(name)
            | Self::Bytes(name, _)
            | Self::Text(name)
            | Self::Blob(name) => name,
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::Given(..) => 0,
            Self::Id(_) => ID,
            // A mark whether there is one, and it.
            Self::OptionalId(_) => 1 + ID,
            Self::Int(_) => INT,
            Self::Bytes(_, width) => width,
            // Where it begins among the texts, and its length in bytes.
            Self::Text(_) | Self::Blob(_) => 2 * INT,
        }
    }

    /// What takes the column from the row `n.r` and the texts, when it begins at a byte of the row.
    fn unpack(self, at: usize, texts: &str) -> String {
        let int = |at: usize| format!("CAST(substr(n.r, {at}, {INT}) AS INTEGER)");
        let cut = || format!("substr({texts}, {}, {})", int(at), int(at + INT));
        match self {
            Self::Given(_, expression) => expression.to_owned(),
            Self::Id(_) => format!("substr(n.r, {at}, {ID})"),
            Self::OptionalId(_) => format!(
                "CASE WHEN substr(n.r, {at}, 1) = x'01' THEN substr(n.r, {}, {ID}) END",
                at + 1
            ),
            Self::Int(_) => int(at),
            Self::Bytes(_, width) => format!("substr(n.r, {at}, {width})"),
            Self::Text(_) => format!("CAST({} AS TEXT)", cut()),
            Self::Blob(_) => cut(),
        }
    }
}

/// The bytes of one packed row.
pub(super) const fn width(columns: &[Column]) -> usize {
    let (mut width, mut index) = (0, 0);
    while index < columns.len() {
        width += columns[index].width();
        index += 1;
    }
    width
}

/// The statement that inserts packed rows. `rows`, `texts` and `count` are the marks of its values. A
/// refused row rolls back the whole transaction, so SQLite needs no journal for the statement alone.
pub(super) fn insert_sql(
    table: &str,
    columns: &[Column],
    [rows, texts, count]: [&str; 3],
) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
    let mut at = 1;
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        values.push(column.unpack(at, texts));
        at += column.width();
    }
    let width = width(columns);
    // Limit and condition together keep SQLite from flattening the inner query, which would cut the row out
    // anew for each of its columns.
    format!(
        "INSERT OR ROLLBACK INTO {table} ({}) SELECT {} FROM \
         (SELECT i, substr({rows}, i * {width} + 1, {width}) AS r FROM temp.numbers LIMIT {count}) AS n \
         WHERE n.i >= 0",
        names.join(", "),
        values.join(", ")
    )
}

/// Rows being packed: values are put in the order of the columns.
#[derive(Default)]
pub(super) struct Packed {
    pub(super) rows: Vec<u8>,
    pub(super) texts: Vec<u8>,
    pub(super) count: usize,
}

impl Packed {
    pub(super) fn with_capacity(rows: usize, width: usize, texts: usize) -> Self {
        Self {
            rows: Vec::with_capacity(rows * width),
            texts: Vec::with_capacity(texts),
            count: 0,
        }
    }

    /// Ends a row.
    pub(super) fn end_row(&mut self, width: usize) {
        self.count += 1;
        debug_assert_eq!(self.rows.len(), self.count * width, "a value was left out");
    }

    pub(super) fn id(&mut self, id: Uuid) {
        self.rows.extend_from_slice(id.as_bytes());
    }

    pub(super) fn optional_id(&mut self, id: Option<Uuid>) {
        self.rows.push(u8::from(id.is_some()));
        self.id(id.unwrap_or_default());
    }

    pub(super) fn int(&mut self, number: i64) {
        let mut digits = [b'0'; INT];
        let mut rest = number.unsigned_abs();
        for digit in digits.iter_mut().rev() {
            if rest == 0 {
                break;
            }
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        if number < 0 {
            digits[0] = b'-';
        }
        self.rows.extend_from_slice(&digits);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.rows.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.blob(text.as_bytes());
    }

    pub(super) fn blob(&mut self, bytes: &[u8]) {
        // SQLite counts bytes from 1.
        self.int(signed(self.texts.len() as u64 + 1));
        self.int(signed(bytes.len() as u64));
        self.texts.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Db, Durability};
    use sqlx::Row as _;

    const ROW: &[Column] = &[
        Column::Given("place", "n.i"),
        Column::Text("text"),
        Column::Int("number"),
        Column::OptionalId("id"),
        Column::Blob("blob"),
        Column::Bytes("bytes", 2),
    ];

    #[tokio::test]
    async fn what_is_packed_comes_out_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&dir.path().join("some.db"), Durability::Full).await;
        let Db::Sqlite { write, .. } = db.unwrap() else {
            unreachable!()
        };
        let awkward = [
            ("", i64::MIN, None, vec![]),
            ("字'\"\0é", i64::MAX, Some(Uuid::nil()), vec![0, 255, 0]),
            ("x", 0, Some(Uuid::max()), vec![1; 300]),
            ("plain", -7, None, vec![0]),
        ];
        let mut packed = Packed::default();
        for (text, number, id, blob) in &awkward {
            packed.text(text);
            packed.int(*number);
            packed.optional_id(*id);
            packed.blob(blob);
            packed.bytes(&[9, 0]);
            packed.end_row(width(ROW));
        }
        let mut connection = write.take().await.unwrap();
        let table = "CREATE TABLE some (place INTEGER PRIMARY KEY, text TEXT NOT NULL, \
             number INTEGER NOT NULL, id BLOB, blob BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;";
        let setup = format!("{table}{}", numbers_sql());
        sqlx::query(&setup).execute(&mut *connection).await.unwrap();
        let insert = insert_sql("some", ROW, ["$1", "$2", "$3"]);
        sqlx::query(&insert)
            .bind(packed.rows)
            .bind(packed.texts)
            .bind(signed(packed.count as u64))
            .execute(&mut *connection)
            .await
            .unwrap();
        let rows = sqlx::query("SELECT text, number, id, blob, bytes FROM some ORDER BY place")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        assert_eq!(rows.len(), awkward.len());
        for (row, (text, number, id, blob)) in rows.iter().zip(&awkward) {
            assert_eq!(row.get::<String, _>(0), *text);
            assert_eq!(row.get::<i64, _>(1), *number);
            assert_eq!(row.get::<Option<Uuid>, _>(2), *id);
            assert_eq!(&row.get::<Vec<u8>, _>(3), blob);
            assert_eq!(row.get::<Vec<u8>, _>(4), [9, 0]);
        }
    }
}
