//! What a projection wants written: made from a batch without a database, so that one batch can be made while another
//! is being written.

use crate::projection::{Batch, Projection, ProjectionError, Table};
use docket_core::db::{Tx, Value};
use uuid::Uuid;

/// Stands in the texts of [`Write::Run`] where a build beside puts its tables' prefix.
const PREFIX: &str = "{prefix}";

/// A change to a projection's tables, of any number of rows.
pub enum Write {
    /// Puts whole rows in the place of those with the same keys, if there are any.
    Put(&'static Table, Vec<Vec<Value>>),
    /// The same, of rows that follow from what a stream has come to: where streams are folded whole into empty tables,
    /// there are none with the same keys.
    PutOnce(&'static Table, Vec<Vec<Value>>),
    /// Moves sums by differences: the columns behind the key are added up. A row that comes to nothing goes, so
    /// that rows depend on what is summed alone.
    Add(&'static Table, Vec<Vec<Value>>),
    /// Takes rows away by their keys.
    Remove(&'static Table, Vec<Vec<Value>>),
    /// Takes away every row with one of these ids in a column, which must be indexed.
    RemoveOf(&'static Table, &'static str, Vec<Uuid>),
    /// Runs a statement, whose tables' names begin with `{prefix}`.
    Run(&'static str, Vec<Value>),
}

impl Write {
    /// Writes it to the tables under a prefix.
    async fn apply(self, tx: &mut Tx, prefix: &str, tables: Tables) -> Result<(), sqlx::Error> {
        match self {
            Self::PutOnce(table, rows) if tables == Tables::Empty => {
                let columns: Vec<&str> = table.columns.iter().map(|c| c.name()).collect();
                let name = format!("{prefix}{}", table.name);
                tx.append(&name, &columns, rows).await
            }
            Self::Put(table, rows) | Self::PutOnce(table, rows) => {
                put(tx, prefix, table, rows).await
            }
            Self::Add(table, rows) => add(tx, prefix, table, rows).await,
            Self::Remove(table, keys) => remove(tx, prefix, table, keys, "").await,
            Self::RemoveOf(table, column, ids) => {
                let name = format!("{prefix}{}", table.name);
                tx.delete_of(&name, column, &ids).await
            }
            Self::Run(sql, values) => {
                tx.execute(&sql.replace(PREFIX, prefix), values).await?;
                Ok(())
            }
        }
    }
}

/// What some projections want written for a batch.
pub(crate) fn writes_of(
    projections: &[&'static dyn Projection],
    batch: &Batch<'_>,
) -> Result<Vec<Write>, ProjectionError> {
    let mut writes = Vec::new();
    for projection in projections {
        writes.extend(projection.writes(batch)?);
    }
    Ok(writes)
}

/// Into what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// Tables with rows.
    Filled,
    /// Tables that hold nothing of the streams that are written, each of which is folded whole.
    Empty,
}

/// Writes all of it in order.
pub(crate) async fn apply_all(
    tx: &mut Tx,
    prefix: &str,
    tables: Tables,
    writes: impl IntoIterator<Item = Write>,
) -> Result<(), sqlx::Error> {
    for write in writes {
        write.apply(tx, prefix, tables).await?;
    }
    Ok(())
}

async fn put(
    tx: &mut Tx,
    prefix: &str,
    table: &Table,
    rows: Vec<Vec<Value>>,
) -> Result<(), sqlx::Error> {
    let head = format!(
        "INSERT INTO {prefix}{} ({})",
        table.name,
        table.column_list()
    );
    let updates: Vec<String> = table.columns[table.key..]
        .iter()
        .map(|c| format!("{0} = excluded.{0}", c.name()))
        .collect();
    let then = if updates.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!("UPDATE SET {}", updates.join(", "))
    };
    let tail = format!("ON CONFLICT ({}) DO {then}", table.key_list());
    tx.insert(&head, &tail, rows).await?;
    Ok(())
}

async fn add(
    tx: &mut Tx,
    prefix: &str,
    table: &Table,
    rows: Vec<Vec<Value>>,
) -> Result<(), sqlx::Error> {
    let (name, key) = (table.name, table.key_list());
    let keys = rows.iter().map(|row| row[..table.key].to_vec()).collect();
    let sums = table.columns[table.key..].iter().map(|c| c.name());
    let (added, zero): (Vec<_>, Vec<_>) = sums
        .map(|n| {
            (
                format!("{n} = {prefix}{name}.{n} + excluded.{n}"),
                format!("{n} = 0"),
            )
        })
        .unzip();
    let head = format!("INSERT INTO {prefix}{name} ({})", table.column_list());
    let tail = format!("ON CONFLICT ({key}) DO UPDATE SET {}", added.join(", "));
    tx.insert(&head, &tail, rows).await?;
    let nothing_left = format!("AND {}", zero.join(" AND "));
    remove(tx, prefix, table, keys, &nothing_left).await
}

/// Where a further condition holds.
async fn remove(
    tx: &mut Tx,
    prefix: &str,
    table: &Table,
    keys: Vec<Vec<Value>>,
    condition: &str,
) -> Result<(), sqlx::Error> {
    let key: Vec<&str> = table.columns[..table.key]
        .iter()
        .map(|c| c.name())
        .collect();
    let name = format!("{prefix}{}", table.name);
    tx.delete(&name, &key, keys, condition).await
}
