//! Comparing a stored table with a freshly built one, row by row, a page at a time.

use super::{DIFFERENCES_MAX, Difference, DifferenceKind, Verification};
use crate::projection::{Column, ProjectionError, Table};
use docket_core::db::{Db, Row, Tx, Value, list};
use std::cmp::Ordering;

/// Rows compared at a time.
const PAGE: u32 = 2_000;

/// Rows of a table in the order of its key, a page at a time.
struct Pages<'t> {
    table: &'t Table,
    prefix: &'t str,
    last_key: Option<Vec<Value>>,
    page: std::vec::IntoIter<Vec<Value>>,
    over: bool,
}

impl<'t> Pages<'t> {
    fn new(table: &'t Table, prefix: &'t str) -> Self {
        Self {
            table,
            prefix,
            last_key: None,
            page: Vec::new().into_iter(),
            over: false,
        }
    }

    fn query(&self) -> (String, Vec<Value>) {
        let (columns, key, name) = (
            self.table.column_list(),
            self.table.key_list(),
            self.table.name,
        );
        let (after, values) = match &self.last_key {
            None => (String::new(), Vec::new()),
            Some(last) => (
                format!("WHERE ({key}) > ({})", list(1, last.len())),
                last.clone(),
            ),
        };
        let prefix = self.prefix;
        (
            format!("SELECT {columns} FROM {prefix}{name} {after} ORDER BY {key} LIMIT {PAGE}"),
            values,
        )
    }

    fn take(&mut self, rows: &[Row]) -> Result<(), ProjectionError> {
        let mut page = Vec::with_capacity(rows.len());
        for row in rows {
            let mut values = Vec::with_capacity(self.table.columns.len());
            for (index, column) in self.table.columns.iter().enumerate() {
                values.push(match column {
                    Column::Int(_) => Value::Int(row.int_or_null(index)?),
                    Column::Text(_) | Column::Long(_) => Value::Text(row.text_or_null(index)?),
                    Column::Id(_) => Value::Id(row.id_or_null(index)?),
                });
            }
            page.push(values);
        }
        self.over = page.len() < PAGE as usize;
        self.last_key = page.last().map(|row| row[..self.table.key].to_vec());
        self.page = page.into_iter();
        Ok(())
    }

    async fn next_live(&mut self, tx: &mut Tx) -> Result<Option<Vec<Value>>, ProjectionError> {
        if self.page.len() == 0 && !self.over {
            let (sql, values) = self.query();
            let rows = tx.fetch_all(&sql, values).await?;
            self.take(&rows)?;
        }
        Ok(self.page.next())
    }

    async fn next_built(&mut self, db: &Db) -> Result<Option<Vec<Value>>, ProjectionError> {
        if self.page.len() == 0 && !self.over {
            let (sql, values) = self.query();
            let rows = db.fetch_all(&sql, values).await?;
            self.take(&rows)?;
        }
        Ok(self.page.next())
    }
}

pub(super) async fn compare_table(
    live: &mut Tx,
    db: &Db,
    prefix: &str,
    table: &Table,
    verification: &mut Verification,
) -> Result<(), ProjectionError> {
    let (mut stored, mut fresh) = (Pages::new(table, ""), Pages::new(table, prefix));
    let mut a = stored.next_live(live).await?;
    let mut b = fresh.next_built(db).await?;
    loop {
        let order = match (&a, &b) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => compare_keys(&a[..table.key], &b[..table.key]),
        };
        verification.rows += 1;
        let found = match order {
            Ordering::Less => a.as_ref().map(|row| (row, DifferenceKind::Extra)),
            Ordering::Greater => b.as_ref().map(|row| (row, DifferenceKind::Missing)),
            Ordering::Equal => {
                let changed: Vec<&'static str> = a
                    .iter()
                    .flatten()
                    .zip(b.iter().flatten())
                    .zip(table.columns)
                    .filter(|((a, b), _)| a != b)
                    .map(|(_, column)| column.name())
                    .collect();
                a.as_ref()
                    .filter(|_| !changed.is_empty())
                    .map(|row| (row, DifferenceKind::Changed(changed)))
            }
        };
        if let Some((row, kind)) = found
            && verification.differences.len() < DIFFERENCES_MAX
        {
            let key = key_text(&row[..table.key]);
            verification.differences.push(Difference {
                table: table.name,
                key,
                kind,
            });
        }
        if order != Ordering::Greater {
            a = stored.next_live(live).await?;
        }
        if order != Ordering::Less {
            b = fresh.next_built(db).await?;
        }
    }
}

fn compare_keys(a: &[Value], b: &[Value]) -> Ordering {
    let one = |(a, b): (&Value, &Value)| match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Id(a), Value::Id(b)) => a.cmp(b),
        _ => Ordering::Equal,
    };
    a.iter()
        .zip(b)
        .map(one)
        .find(|o| o.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn key_text(key: &[Value]) -> String {
    let text = |value: &Value| match value {
        Value::Int(Some(n)) => n.to_string(),
        Value::Text(Some(t)) => t.clone(),
        Value::Id(Some(id)) => id.to_string(),
        _ => "null".into(),
    };
    key.iter().map(text).collect::<Vec<_>>().join("/")
}
