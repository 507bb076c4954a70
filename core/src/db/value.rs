//! Values bound to statements, and rows read back, of either database.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Row as _};

/// A value bound to a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A 64-bit integer.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// A double.
    Real(Option<f64>),
    /// A UUID: `uuid` in PostgreSQL, 16 bytes in SQLite.
    Id(Option<uuid::Uuid>),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self { Self::$variant(Some(value.into())) }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self { Self::$variant(value.map(Into::into)) }
        }
    )+};
}
value_from! { i64 => Int, i32 => Int, u32 => Int, u16 => Int, String => Text, &str => Text, Vec<u8> => Bytes, &[u8] => Bytes, f64 => Real }

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<uuid::Uuid> for Value {
    fn from(value: uuid::Uuid) -> Self {
        Self::Text(Some(value.to_string()))
    }
}

impl From<Option<uuid::Uuid>> for Value {
    fn from(value: Option<uuid::Uuid>) -> Self {
        Self::Text(value.map(|id| id.to_string()))
    }
}

impl From<docket_domain::Timestamp> for Value {
    fn from(value: docket_domain::Timestamp) -> Self {
        Self::Int(Some(value.timestamp_micros()))
    }
}

impl From<Option<docket_domain::Timestamp>> for Value {
    fn from(value: Option<docket_domain::Timestamp>) -> Self {
        Self::Int(value.map(|t| t.timestamp_micros()))
    }
}

/// Builds a list of values: `values![1, "a", id]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Value::from($value)),*] };
}

/// A row of either kind.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $type:ty),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(&self, index: usize) -> Result<$type, sqlx::Error> {
            match self {
                Self::Sqlite(row) => row.try_get(index),
                Self::Postgres(row) => row.try_get(index),
            }
        }
    )+};
}

impl Row {
    getters! {
        /// An integer.
        int: i64,
        /// An integer or null.
        int_or_null: Option<i64>,
        /// A text.
        text: String,
        /// A text or null.
        text_or_null: Option<String>,
        /// Bytes.
        bytes: Vec<u8>,
        /// Bytes or null.
        bytes_or_null: Option<Vec<u8>>,
        /// A double.
        real: f64,
        /// A UUID.
        id: uuid::Uuid,
        /// A UUID or null.
        id_or_null: Option<uuid::Uuid>,
    }

    /// A UUID stored as text.
    pub fn uuid(&self, index: usize) -> Result<uuid::Uuid, sqlx::Error> {
        self.text(index)?
            .parse()
            .map_err(|e| sqlx::Error::Decode(Box::new(e)))
    }

    /// A point in time stored as microseconds.
    pub fn time(&self, index: usize) -> Result<docket_domain::Timestamp, sqlx::Error> {
        time_of(self.int(index)?)
    }
}

/// A point in time from microseconds since 1970.
pub fn time_of(micros: i64) -> Result<docket_domain::Timestamp, sqlx::Error> {
    chrono::DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| sqlx::Error::Decode("a time outside the calendar".into()))
}

pub(super) fn sqlite_arguments(
    values: Vec<Value>,
) -> Result<SqliteArguments<'static>, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Bytes(v) => arguments.add(v),
            Value::Real(v) => arguments.add(v),
            Value::Id(v) => arguments.add(v),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(super) fn postgres_arguments(values: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(v),
            Value::Text(v) => arguments.add(v),
            Value::Bytes(v) => arguments.add(v),
            Value::Real(v) => arguments.add(v),
            Value::Id(v) => arguments.add(v),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Rows as one array a column, and the marks they are bound to; the rows are left empty.
pub(super) fn postgres_columns(
    rows: &mut [Vec<Value>],
) -> Result<(PgArguments, String), sqlx::Error> {
    let kinds = rows.first().cloned().unwrap_or_default();
    let mut rows: Vec<_> = rows
        .iter_mut()
        .map(|row| std::mem::take(row).into_iter())
        .collect();
    let mut arguments = PgArguments::default();
    let mut marks = Vec::with_capacity(kinds.len());
    for (number, kind) in (1..).zip(kinds) {
        let column = rows.iter_mut().map(Iterator::next);
        macro_rules! bind {
            ($variant:ident, $type:literal) => {{
                let values = column.map(|value| match value {
                    Some(Value::$variant(value)) => Ok(value),
                    _ => Err(sqlx::Error::Encode("rows of different kinds".into())),
                });
                arguments
                    .add(values.collect::<Result<Vec<_>, _>>()?)
                    .map_err(sqlx::Error::Encode)?;
                marks.push(format!(concat!("${}::", $type, "[]"), number));
            }};
        }
        match kind {
            Value::Int(_) => bind!(Int, "bigint"),
            Value::Text(_) => bind!(Text, "text"),
            Value::Bytes(_) => bind!(Bytes, "bytea"),
            Value::Real(_) => bind!(Real, "float8"),
            Value::Id(_) => bind!(Id, "uuid"),
        }
    }
    Ok((arguments, marks.join(", ")))
}

/// Rows as `COPY … WITH (FORMAT binary)` reads them.
pub(super) fn postgres_copy(rows: &[Vec<Value>]) -> Result<Vec<u8>, sqlx::Error> {
    const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
    const NO_FLAGS: i32 = 0;
    const NO_EXTENSION: i32 = 0;
    const END: i16 = -1;
    let mut copy = SIGNATURE.to_vec();
    copy.extend(NO_FLAGS.to_be_bytes());
    copy.extend(NO_EXTENSION.to_be_bytes());
    for row in rows {
        let width = i16::try_from(row.len()).map_err(too_large)?;
        copy.extend(width.to_be_bytes());
        for value in row {
            match value {
                Value::Int(v) => field(&mut copy, v.map(i64::to_be_bytes).as_ref()),
                Value::Text(v) => field(&mut copy, v.as_ref()),
                Value::Bytes(v) => field(&mut copy, v.as_ref()),
                Value::Real(v) => field(&mut copy, v.map(f64::to_be_bytes).as_ref()),
                Value::Id(v) => field(&mut copy, v.as_ref()),
            }?;
        }
    }
    copy.extend(END.to_be_bytes());
    Ok(copy)
}

fn field(copy: &mut Vec<u8>, bytes: Option<&impl AsRef<[u8]>>) -> Result<(), sqlx::Error> {
    const NULL: i32 = -1;
    match bytes.map(AsRef::as_ref) {
        Some(bytes) => {
            let length = i32::try_from(bytes.len()).map_err(too_large)?;
            copy.extend(length.to_be_bytes());
            copy.extend(bytes);
        }
        None => copy.extend(NULL.to_be_bytes()),
    }
    Ok(())
}

fn too_large(error: std::num::TryFromIntError) -> sqlx::Error {
    sqlx::Error::Encode(Box::new(error))
}
