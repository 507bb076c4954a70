//! Statements over many rows: on SQLite in pieces of a few sizes, on PostgreSQL with a column as one array.

use super::Tx;
use super::value::{Value, postgres_columns, postgres_copy, sqlite_arguments};
use uuid::Uuid;

/// Rows in one multi-row statement. Keeps well under both databases' limits of bound values.
pub const ROWS_PER_STATEMENT: usize = 256;
/// Rows in one statement that takes them as arrays.
const ROWS_PER_ARRAY: usize = 4_096;

impl Tx {
    /// Inserts rows, many a statement: `head` up to the values, `tail` after them (`ON CONFLICT …`). Every row
    /// has values of the same kinds. The number of rows it changed.
    pub async fn insert(
        &mut self,
        head: &str,
        tail: &str,
        mut rows: Vec<Vec<Value>>,
    ) -> Result<u64, sqlx::Error> {
        let mut changed = 0;
        match self {
            Self::Sqlite(tx) => {
                for piece in pieces_mut(&mut rows) {
                    let width = piece.first().map_or(0, Vec::len);
                    let marks = placeholders(piece.len(), width);
                    let values = piece.iter_mut().flat_map(std::mem::take).collect();
                    let sql = format!("{head} VALUES {marks} {tail}");
                    let query = sqlx::query_with(&sql, sqlite_arguments(values)?);
                    changed += query.execute(&mut **tx).await?.rows_affected();
                }
            }
            // A column is one array: one text and one plan for any number of rows.
            Self::Postgres(tx) => {
                for piece in rows.chunks_mut(ROWS_PER_ARRAY) {
                    let (arguments, marks) = postgres_columns(piece)?;
                    let sql = format!("{head} SELECT * FROM unnest({marks}) {tail}");
                    let query = sqlx::query_with(&sql, arguments);
                    changed += query.execute(&mut **tx).await?.rows_affected();
                }
            }
        }
        Ok(changed)
    }

    /// Appends rows to a table that has none with their keys. Every row has a value a column, of its kind.
    pub async fn append(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> Result<(), sqlx::Error> {
        let columns = columns.join(", ");
        match self {
            Self::Sqlite(_) => {
                let head = format!("INSERT INTO {table} ({columns})");
                self.insert(&head, "", rows).await?;
            }
            Self::Postgres(_) if rows.is_empty() => {}
            // No plan, no look for what is there, and rows stored by the page.
            Self::Postgres(tx) => {
                let sql = format!("COPY {table} ({columns}) FROM STDIN WITH (FORMAT binary)");
                let rows = postgres_copy(&rows)?;
                // Broken off at its end, sqlx would take its answer for that to the next statement.
                tx.set_delicate(true);
                let mut copying = tx.copy_in_raw(&sql).await?;
                copying.send(rows).await?;
                copying.finish().await?;
                tx.set_delicate(false);
            }
        }
        Ok(())
    }

    /// Deletes rows by their keys, where a condition holds besides (`AND …`, or nothing).
    pub async fn delete(
        &mut self,
        table: &str,
        key: &[&str],
        mut keys: Vec<Vec<Value>>,
        condition: &str,
    ) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => {
                let columns = key.join(", ");
                for piece in pieces_mut(&mut keys) {
                    let marks = placeholders(piece.len(), key.len());
                    let values = piece.iter_mut().flat_map(std::mem::take).collect();
                    let sql = format!(
                        "DELETE FROM {table} WHERE ({columns}) IN (VALUES {marks}) {condition}"
                    );
                    let query = sqlx::query_with(&sql, sqlite_arguments(values)?);
                    query.execute(&mut **tx).await?;
                }
            }
            Self::Postgres(tx) => {
                let columns: Vec<String> = (1..=key.len()).map(|n| format!("key_{n}")).collect();
                let equal = key
                    .iter()
                    .zip(&columns)
                    .map(|(name, key)| format!("{name} = {key}"));
                let (columns, equal) =
                    (columns.join(", "), equal.collect::<Vec<_>>().join(" AND "));
                for piece in keys.chunks_mut(ROWS_PER_ARRAY) {
                    let (arguments, marks) = postgres_columns(piece)?;
                    let sql = format!(
                        "DELETE FROM {table} USING unnest({marks}) AS k ({columns}) WHERE {equal} {condition}"
                    );
                    sqlx::query_with(&sql, arguments).execute(&mut **tx).await?;
                }
            }
        }
        Ok(())
    }

    /// Deletes every row with one of these ids in a column.
    pub async fn delete_of(
        &mut self,
        table: &str,
        column: &str,
        ids: &[Uuid],
    ) -> Result<(), sqlx::Error> {
        let keys = ids.iter().map(|id| vec![Value::Id(Some(*id))]).collect();
        self.delete(table, &[column], keys, "").await
    }
}

/// The length of the first piece of so many rows: a power of two, so that a handful of prepared statements
/// serve all.
fn piece_length(rows: usize) -> usize {
    (1 << rows.ilog2()).min(ROWS_PER_STATEMENT)
}

/// Cuts rows into pieces, one for each multi-row statement.
#[must_use]
pub fn pieces<T>(mut rows: &[T]) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    while !rows.is_empty() {
        let (piece, rest) = rows.split_at(piece_length(rows.len()));
        pieces.push(piece);
        rows = rest;
    }
    pieces
}

/// [`pieces`], to be changed.
fn pieces_mut<T>(mut rows: &mut [T]) -> Vec<&mut [T]> {
    let mut pieces = Vec::new();
    while !rows.is_empty() {
        let (piece, rest) = rows.split_at_mut(piece_length(rows.len()));
        pieces.push(piece);
        rows = rest;
    }
    pieces
}

/// `(?, ?), (?, ?)` for two rows of two columns, on SQLite: it looks numbered marks up by name, one by one, which for
/// thousands of them takes longer than the statement.
#[must_use]
pub fn placeholders(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}
