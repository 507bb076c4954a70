//! Notices: what is addressed to whom, and who has read it as it stands. Texts stay sealed.

use crate::projection::{Batch, Column, Projection, ProjectionError, Table, id};
use crate::views::Views;
use crate::write::Write;
use docket_core::db::{Row, Value, list};
use docket_core::esrs_store::decode;
use docket_core::{Record, Span, values};
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::{AccountId, DepartmentId, NoticeId};
use docket_domain::notice::{Content, Notice, NoticeEvent};
use docket_domain::organisation::OFFICES_MAX;
use docket_domain::{Sealed, Timestamp};
use std::fmt::Write as _;
use uuid::Uuid;

/// The projection.
pub struct Notices;

/// Most notices one query returns.
pub const NOTICES_MAX: u32 = 101;

/// What stands for "to all departments" among those a notice is addressed to, and for the centre among those who
/// read it.
const NO_DEPARTMENT: Uuid = Uuid::nil();

const NOTICES: Table = Table {
    name: "notices",
    columns: &[
        Column::Id("notice"),
        Column::Long("title"),
        Column::Long("body"),
        Column::Int("published_at"),
        Column::Int("changed_at"),
        Column::Int("expires_at"),
        Column::Int("withdrawn_at"),
        Column::Int("edition"),
    ],
    key: 1,
    indexes: &["published_at, notice"],
};

const ADDRESSEES: Table = Table {
    name: "notice_addressees",
    columns: &[Column::Id("notice"), Column::Id("department")],
    key: 2,
    indexes: &[],
};

const READERS: Table = Table {
    name: "notice_readers",
    columns: &[
        Column::Id("notice"),
        Column::Id("account"),
        Column::Id("department"),
        Column::Int("edition"),
        Column::Int("at"),
    ],
    key: 2,
    indexes: &[],
};

impl Projection for Notices {
    fn name(&self) -> &'static str {
        "notices"
    }

    fn version(&self) -> i64 {
        2
    }

    fn tables(&self) -> &'static [Table] {
        &[NOTICES, ADDRESSEES, READERS]
    }

    /// One statement an event, in their order: notices are rare.
    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
        let of_notices = |record: &&Record| record.category == Notice::CATEGORY;
        let mut writes = Vec::new();
        for record in batch.records.iter().filter(of_notices) {
            match decode::<Notice>(record)? {
                NoticeEvent::Published(event) => {
                    let content = Content::from(&event);
                    let row = values![
                        id(record.stream),
                        content.title.to_string(),
                        content.body.to_string(),
                        record.occurred_at,
                        0_i64,
                        micros(content.expires_at),
                        0_i64,
                        1_i64,
                    ];
                    writes.push(Write::Put(&NOTICES, vec![row]));
                    writes.extend(address(record, &content));
                }
                NoticeEvent::Changed(event) => {
                    let content = Content::from(&event);
                    let sql = "UPDATE {prefix}notices SET title = $1, body = $2, changed_at = $3,
                             expires_at = $4, edition = edition + 1 WHERE notice = $5";
                    let values = values![
                        content.title.to_string(),
                        content.body.to_string(),
                        record.occurred_at,
                        micros(content.expires_at),
                        id(record.stream),
                    ];
                    writes.push(Write::Run(sql, values));
                    writes.extend(address(record, &content));
                }
                NoticeEvent::Withdrawn(_) => {
                    let sql = "UPDATE {prefix}notices SET withdrawn_at = $1 WHERE notice = $2";
                    let values = values![record.occurred_at, id(record.stream)];
                    writes.push(Write::Run(sql, values));
                }
                NoticeEvent::Read(event) => {
                    let row = values![
                        id(record.stream),
                        id(record.actor.0),
                        id(event
                            .department
                            .map_or(NO_DEPARTMENT, |department| department.0)),
                        i64::from(event.edition),
                        record.occurred_at,
                    ];
                    writes.push(Write::Put(&READERS, vec![row]));
                }
            }
        }
        Ok(writes)
    }
}

fn micros(at: Option<Timestamp>) -> i64 {
    at.map_or(0, |at| at.timestamp_micros())
}

/// Replaces whom a notice is addressed to.
fn address(record: &Record, content: &Content<Sealed>) -> [Write; 2] {
    let notice = record.stream;
    let rows: Vec<Vec<Value>> = match &content.departments {
        None => vec![values![id(notice), id(NO_DEPARTMENT)]],
        Some(departments) => {
            let row = |department: &DepartmentId| values![id(notice), id(department.0)];
            departments.iter().map(row).collect()
        }
    };
    [
        Write::RemoveOf(&ADDRESSEES, "notice", vec![notice]),
        Write::Put(&ADDRESSEES, rows),
    ]
}

/// Which notices somebody looks for.
#[derive(Clone, Debug)]
pub struct NoticeQuery {
    /// Whose read marks count.
    pub account: AccountId,
    /// Only what is addressed to this department; `None`: whoever it is addressed to.
    pub department: Option<DepartmentId>,
    /// Those that are over, too.
    pub with_ended: bool,
    /// Only what the account has not read as it stands.
    pub unread_only: bool,
    /// Now, for what has expired.
    pub now: Timestamp,
    /// Only these, at most [`NOTICES_MAX`].
    pub only: Option<Vec<NoticeId>>,
}

/// A notice's place among all: when it was published, and its id.
pub type Place = (Timestamp, NoticeId);

/// A notice as the views know it.
#[derive(Clone, Debug)]
pub struct NoticeRow {
    /// Its id.
    pub id: NoticeId,
    /// Title.
    pub title: Sealed,
    /// Body.
    pub body: Sealed,
    /// When it was published.
    pub published_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Option<Timestamp>,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Timestamp>,
    /// How often it was published or changed.
    pub edition: u32,
    /// Whether the account has read it as it stands.
    pub read: bool,
}

impl Views {
    /// A stretch of notices, the latest first, at most [`NOTICES_MAX`], in the order they are read.
    pub async fn notices(
        &self,
        query: &NoticeQuery,
        span: &Span<Place>,
    ) -> Result<Vec<NoticeRow>, ProjectionError> {
        const READ: &str = "EXISTS (SELECT 1 FROM notice_readers r WHERE r.notice = n.notice
             AND r.account = $1 AND r.edition = n.edition)";
        let mut values = values![id(query.account.0), span.limit.min(NOTICES_MAX)];
        let mut conditions = "1 = 1".to_owned();
        let (after, before) = Span::<Place>::compares(true);
        for (compare, place) in [(after, span.after), (before, span.before)] {
            let Some((at, notice)) = place else {
                continue;
            };
            values.extend(values![at, id(notice.0)]);
            let (n, m) = (values.len() - 1, values.len());
            let _ = write!(
                conditions,
                " AND (n.published_at, n.notice) {compare} (${n}, ${m})"
            );
        }
        if let Some(only) = &query.only {
            let only = &only[..only.len().min(NOTICES_MAX as usize)];
            let list = list(values.len() + 1, only.len());
            values.extend(only.iter().map(|notice| id(notice.0)));
            let _ = write!(conditions, " AND n.notice IN ({list})");
        }
        if query.unread_only {
            let _ = write!(conditions, " AND NOT {READ}");
        }
        if !query.with_ended {
            values.extend(values![query.now]);
            let now = values.len();
            let _ = write!(
                conditions,
                " AND n.withdrawn_at = 0 AND (n.expires_at = 0 OR n.expires_at > ${now})"
            );
        }
        if let Some(department) = query.department {
            values.extend(values![id(department.0), id(NO_DEPARTMENT)]);
            let (own, all) = (values.len() - 1, values.len());
            let _ = write!(
                conditions,
                " AND EXISTS (SELECT 1 FROM notice_addressees a WHERE a.notice = n.notice
                   AND a.department IN (${all}, ${own}))"
            );
        }
        let direction = span.direction(true);
        let sql = format!(
            "SELECT n.notice, n.title, n.body, n.published_at, n.changed_at, n.expires_at, n.withdrawn_at,
                    n.edition, CAST(CASE WHEN {READ} THEN 1 ELSE 0 END AS BIGINT)
             FROM notices n
             WHERE {conditions}
             ORDER BY n.published_at {direction}, n.notice {direction} LIMIT $2"
        );
        let rows = self.db().fetch_all(&sql, values).await?;
        rows.iter().map(read_row).collect()
    }

    /// The departments a notice is addressed to; `None`: all.
    pub async fn notice_departments(
        &self,
        notice: NoticeId,
    ) -> Result<Option<Vec<DepartmentId>>, ProjectionError> {
        let sql = "SELECT department FROM notice_addressees WHERE notice = $1 AND department <> $3
             ORDER BY department LIMIT $2";
        let most = i64::try_from(OFFICES_MAX).unwrap_or(i64::MAX);
        let rows = self
            .db()
            .fetch_all(sql, values![id(notice.0), most, id(NO_DEPARTMENT)])
            .await?;
        let department = |row: &Row| Ok(DepartmentId(row.id(0)?));
        let named: Vec<_> = rows
            .iter()
            .map(department)
            .collect::<Result<_, ProjectionError>>()?;
        Ok((!named.is_empty()).then_some(named))
    }

    /// How many accounts of each department have read a notice as it stands; `None`: of the centre.
    pub async fn notice_readers(
        &self,
        notice: NoticeId,
    ) -> Result<Vec<(Option<DepartmentId>, u64)>, ProjectionError> {
        let sql = "SELECT r.department, COUNT(*) FROM notice_readers r
             JOIN notices n ON n.notice = r.notice AND n.edition = r.edition
             WHERE r.notice = $1 GROUP BY r.department ORDER BY r.department LIMIT $2";
        let most = i64::try_from(OFFICES_MAX + 1).unwrap_or(i64::MAX);
        let rows = self
            .db()
            .fetch_all(sql, values![id(notice.0), most])
            .await?;
        let counted = |row: &Row| {
            let department = Some(row.id(0)?).filter(|id| *id != NO_DEPARTMENT);
            let department = department.map(DepartmentId);
            Ok((department, u64::try_from(row.int(1)?).unwrap_or(0)))
        };
        rows.iter().map(counted).collect()
    }
}

fn read_row(row: &Row) -> Result<NoticeRow, ProjectionError> {
    let sealed = |column| -> Result<Sealed, ProjectionError> {
        row.text(column)?.parse().map_err(|_| unreadable(&NOTICES))
    };
    let time = |column| -> Result<Option<Timestamp>, ProjectionError> {
        let set = row.int(column)? != 0;
        Ok(set.then(|| row.time(column)).transpose()?)
    };
    Ok(NoticeRow {
        id: NoticeId(row.id(0)?),
        title: sealed(1)?,
        body: sealed(2)?,
        published_at: row.time(3)?,
        changed_at: time(4)?,
        expires_at: time(5)?,
        withdrawn_at: time(6)?,
        edition: u32::try_from(row.int(7)?).unwrap_or(0),
        read: row.int(8)? != 0,
    })
}

const fn unreadable(table: &Table) -> ProjectionError {
    ProjectionError::Unreadable { table: table.name }
}
