//! Statistics by department and day. Each ticket's facts are rows of their own, so that every figure can
//! be traced to the tickets behind it: `measures` holds those that are not 0, as `{"assigned":1}`. The daily sums move
//! by the difference.
//!
//! Days are days in the hotline's zone. An activity counts on the day it happened; what was due counts on
//! the day it was due, with its numerator beside it: "signed in time" over "due to sign" of the same day.
//! An assignment that was returned, recalled or released before its limit, and not signed (replied), is not
//! due to be; nor is one whose clock stands still since before its limit, until it goes on.
//! What a department's granted exclusion leaves out of its appraisal is counted in rows of its own (`excluded_from`): figures
//! are the sum of both kinds, adjusted figures those of the others alone.
//! What was carried over from another system counts where its figures hold: its tickets apart from those
//! received here, and of what a department had in hand only what it did here, in time only by a limit that
//! fell due here.

mod facts;

use crate::projection::{Batch, Column, Projection, ProjectionError, Table, id};
use crate::views::Views;
use crate::write::Write;
use chrono::NaiveDate;
use docket_core::db::Value;
use docket_core::values;
use docket_domain::ids::DepartmentId;
use facts::{Facts, facts};
use std::fmt::Write as _;
use uuid::Uuid;

/// The projection.
pub struct Statistics;

/// Most rows one query returns; one that has more is an error, never cut off.
pub const ROWS_MAX: u32 = 10_000;
/// The department column of what is the centre's own.
const CENTRE: Uuid = Uuid::nil();

const FACTS: Table = Table {
    name: "facts",
    columns: &[
        Column::Id("ticket"),
        Column::Id("department"),
        Column::Text("day"),
        Column::Int("excluded_from"),
        Column::Text("measures"),
    ],
    key: 4,
    indexes: &[],
};

macro_rules! measures {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Measures { $($(#[$doc])* pub $name: i64,)+ }

        impl Measures {
            /// The columns' names, in order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)+];

            fn values(&self) -> Vec<Value> {
                values![$(self.$name,)+]
            }

            /// Those that are not nothing, as a JSON object: of a ticket's, nearly all are.
            fn to_json(self) -> String {
                let mut json = String::from("{");
                $(if self.$name != 0 {
                    let comma = if json.len() > 1 { "," } else { "" };
                    let _ = write!(json, "{comma}\"{}\":{}", stringify!($name), self.$name);
                })+
                json.push('}');
                json
            }

            fn from_values(values: &[i64]) -> Self {
                let mut values = values.iter().copied();
                Self { $($name: values.next().unwrap_or(0),)+ }
            }

            fn add(&mut self, other: &Self, sign: i64) {
                $(self.$name += sign * other.$name;)+
            }
        }

        const DAILY: Table = Table {
            name: "daily",
            columns: &[Column::Id("department"), Column::Text("day"), Column::Int("excluded_from"), $(Column::Int(stringify!($name)),)+],
            key: 3,
            indexes: &["day"],
        };
    };
}

measures! {
    /// Requests received (the centre's).
    received,
    /// Requests received by a system before, and carried over (the centre's, on the day they were received).
    imported,
    /// Assignments made to the department.
    assigned,
    /// Assignments signed.
    signed,
    /// Assignments due to be signed.
    due_to_sign,
    /// Of those, signed in time.
    signed_in_time,
    /// Assignments replied.
    replied,
    /// Assignments due to be replied.
    due_to_reply,
    /// Of those, replied in time.
    replied_in_time,
    /// Returns asked for by the department.
    returned,
    /// Of those, refused by the centre.
    returns_refused,
    /// Tickets handled anew by the department that led them.
    redone,
    /// Tickets closed, at their lead department (the centre's where no office had them).
    closed,
    /// Requests declined (the centre's).
    declined,
    /// Requests withdrawn (the centre's).
    withdrawn,
    /// Callers put through to an emergency line (the centre's).
    transferred,
    /// Tickets that got the outcome of the one they were merged into (the centre's).
    merged,
    /// Tickets ended unsolved, at their lead department.
    terminated,
    /// Extensions granted to the department.
    extended,
    /// Tickets rated (latest rating), at their lead department (the centre's where no office had them).
    rated,
    /// Of those, satisfied.
    satisfied,
    /// Of those, fairly satisfied.
    fairly,
    /// Of those, dissatisfied.
    dissatisfied,
    /// Assignments that had to contact the caller by a limit, on the day it fell due; where no assignment of a ticket
    /// has one, tickets whose caller said in the latest call-back whether the office had been in touch.
    assessed,
    /// Of those, contacted in time, or as the caller said at all.
    contacted_in_time,
    /// Tickets that are solved, by the latest that their caller said of it.
    solved,
    /// Tickets that are not.
    unsolved,
    /// Tickets whose caller was asked, or rated them, and has not said.
    not_said,
    /// Tickets left out of the department's appraisal, on the day that was granted.
    excluded,
}

impl Projection for Statistics {
    fn name(&self) -> &'static str {
        "statistics"
    }

    fn version(&self) -> i64 {
        8
    }

    fn tables(&self) -> &'static [Table] {
        &[FACTS, DAILY]
    }

    fn writes(&self, batch: &Batch<'_>) -> Result<Vec<Write>, ProjectionError> {
        let mut rows = Vec::new();
        let mut moved = Facts::new();
        let mut gone = Vec::new();
        for change in batch.changes {
            let before = facts(&change.before, batch.zone);
            let after = facts(&change.after, batch.zone);
            for (key, measures) in &before {
                moved.entry(*key).or_default().add(measures, -1);
                if !after.contains_key(key) {
                    let mut row = values![id(change.id.0)];
                    row.extend(key.values());
                    gone.push(row);
                }
            }
            for (key, measures) in after {
                let stands = before.get(&key) == Some(&measures);
                moved.entry(key).or_default().add(&measures, 1);
                if !stands {
                    let mut row = values![id(change.id.0)];
                    row.extend(key.values());
                    row.push(measures.to_json().into());
                    rows.push(row);
                }
            }
        }
        moved.retain(|_, measures| *measures != Measures::default());
        let moved = moved.iter().map(|(key, measures)| {
            let mut row = key.values().to_vec();
            row.extend(measures.values());
            row
        });
        Ok(vec![
            Write::Remove(&FACTS, gone),
            Write::PutOnce(&FACTS, rows),
            Write::Add(&DAILY, moved.collect()),
        ])
    }
}

/// A row of the statistics.
#[derive(Clone, Copy, Debug)]
pub struct StatisticsRow {
    /// The department; `None` is the centre.
    pub department: Option<DepartmentId>,
    /// The day; `None` where days are summed up.
    pub day: Option<NaiveDate>,
    /// The counts.
    pub measures: Measures,
    /// The counts without what exclusions leave out.
    pub adjusted: Measures,
}

/// How statistics are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// One row a department.
    Department,
    /// One row a day.
    Day,
    /// One row a department and day.
    DepartmentAndDay,
    /// One row.
    Nothing,
}

impl Views {
    /// The statistics of days `from` to `to` (both included), of one department or of all.
    pub async fn statistics(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        department: Option<DepartmentId>,
        group: GroupBy,
    ) -> Result<Vec<StatisticsRow>, ProjectionError> {
        // The sum of bigints is a numeric in PostgreSQL, hence the cast.
        let all = |n: &&str| format!("CAST(coalesce(sum({n}), 0) AS BIGINT)");
        let of_others = |n: &&str| {
            format!(
                "CAST(coalesce(sum(CASE WHEN excluded_from = 0 THEN {n} ELSE 0 END), 0) AS BIGINT)"
            )
        };
        let names = Measures::NAMES.iter();
        let sums: Vec<String> = names.clone().map(all).chain(names.map(of_others)).collect();
        let (columns, grouping) = match group {
            GroupBy::Department => ("department, ''", "GROUP BY department ORDER BY department"),
            GroupBy::Day => ("CAST(NULL AS UUID), day", "GROUP BY day ORDER BY day"),
            GroupBy::DepartmentAndDay => (
                "department, day",
                "GROUP BY department, day ORDER BY day, department",
            ),
            GroupBy::Nothing => ("CAST(NULL AS UUID), ''", ""),
        };
        let mut values = values![from.to_string(), to.to_string(), ROWS_MAX + 1];
        let only = department.map_or("", |department| {
            values.push(id(department.0));
            "AND department = $4"
        });
        let sql = format!(
            "SELECT {columns}, {} FROM daily WHERE day >= $1 AND day <= $2 {only} {grouping} LIMIT $3",
            sums.join(", ")
        );
        let rows = self.db().fetch_all(&sql, values).await?;
        if rows.len() > ROWS_MAX as usize {
            return Err(ProjectionError::TooMany { limit: ROWS_MAX });
        }
        let row = |row: &docket_core::db::Row| {
            let counts: Result<Vec<i64>, _> = (0..2 * Measures::NAMES.len())
                .map(|n| row.int(n + 2))
                .collect();
            let counts = counts?;
            let (all, of_others) = counts.split_at(Measures::NAMES.len());
            Ok(StatisticsRow {
                department: row
                    .id_or_null(0)?
                    .filter(|id| *id != CENTRE)
                    .map(DepartmentId),
                day: row.text(1)?.parse().ok(),
                measures: Measures::from_values(all),
                adjusted: Measures::from_values(of_others),
            })
        };
        rows.iter().map(row).collect()
    }
}
