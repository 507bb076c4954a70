//! Statistics by department and day. Each ticket's facts are rows of their own, so that every figure can
//! be traced to the tickets behind it; the daily sums move by the difference.
//!
//! Days are days in the hotline's zone. An activity counts on the day it happened; what was due counts on
//! the day it was due, with its numerator beside it: "signed in time" over "due to sign" of the same day.
//! An assignment that was returned, recalled or released before its limit, and not signed (replied), is not
//! due to be.
//! What was carried over from another system counts where its figures hold: its tickets apart from those
//! received here, and of what a department had in hand only what it did here, in time only by a limit that
//! fell due here.

use crate::projection::{
    Batch, Column, Projection, ProjectionError, Table, delete, id, move_sums, upsert,
};
use crate::views::Views;
use async_trait::async_trait;
use chrono::NaiveDate;
use chrono_tz::Tz;
use docket_core::db::{Tx, Value};
use docket_core::values;
use docket_domain::Timestamp;
use docket_domain::ids::DepartmentId;
use docket_domain::ticket::{
    Assignment, AssignmentState, EndingKind, Level, Part, Satisfaction, Ticket,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The projection.
pub struct Statistics;

/// Most rows one query returns; one that has more is an error, never cut off.
pub const ROWS_MAX: u32 = 10_000;
/// The department column of what is the centre's own.
const CENTRE: Uuid = Uuid::nil();

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

            fn from_values(values: &[i64]) -> Self {
                let mut values = values.iter().copied();
                Self { $($name: values.next().unwrap_or(0),)+ }
            }

            fn add(&mut self, other: &Self, sign: i64) {
                $(self.$name += sign * other.$name;)+
            }
        }

        const FACTS: Table = Table {
            name: "facts",
            columns: &[Column::Id("ticket"), Column::Id("department"), Column::Text("day"), $(Column::Int(stringify!($name)),)+],
            key: 3,
            indexes: &[],
        };
        const DAILY: Table = Table {
            name: "daily",
            columns: &[Column::Id("department"), Column::Text("day"), $(Column::Int(stringify!($name)),)+],
            key: 2,
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
}

type Facts = BTreeMap<(Uuid, NaiveDate), Measures>;

/// What a ticket adds to the statistics.
fn facts(ticket: &Ticket, zone: Tz) -> Facts {
    let mut facts = Facts::new();
    let Some(intake) = &ticket.intake else {
        return facts;
    };
    let day = |at: Timestamp| at.with_timezone(&zone).date_naive();
    let came_in = facts.entry((CENTRE, day(intake.at))).or_default();
    match &ticket.source {
        Some(_) => came_in.imported += 1,
        None => came_in.received += 1,
    }
    for assignment in ticket
        .assignments
        .iter()
        .filter(|a| a.level() == Level::Department)
    {
        let department = assignment.department.0;
        count_assignment(assignment, |at, count| {
            count(facts.entry((department, day(at))).or_default());
        });
    }
    // How it was handled and ended elsewhere is not for these figures.
    if ticket.was_over_before() {
        return facts;
    }
    // What no office led is the centre's own.
    let led = ticket
        .lead()
        .filter(|lead| lead.state != AssignmentState::Recalled);
    let led_by = led.map_or_else(|| CENTRE, |lead| lead.department.0);
    if let Some(ending) = &ticket.ending
        && let Some(at) = ending.at
    {
        let key = match ending.kind {
            EndingKind::Closed | EndingKind::Terminated => led_by,
            EndingKind::Declined
            | EndingKind::Withdrawn
            | EndingKind::Transferred
            | EndingKind::Merged => CENTRE,
        };
        let measures = facts.entry((key, day(at))).or_default();
        match ending.kind {
            EndingKind::Closed => measures.closed += 1,
            EndingKind::Declined => measures.declined += 1,
            EndingKind::Withdrawn => measures.withdrawn += 1,
            EndingKind::Transferred => measures.transferred += 1,
            EndingKind::Terminated => measures.terminated += 1,
            EndingKind::Merged => measures.merged += 1,
        }
    }
    if let Some(rating) = &ticket.last_rating {
        let measures = facts.entry((led_by, day(rating.at))).or_default();
        measures.rated += 1;
        match rating.satisfaction {
            Satisfaction::Satisfied => measures.satisfied += 1,
            Satisfaction::Fairly => measures.fairly += 1,
            Satisfaction::Dissatisfied => measures.dissatisfied += 1,
        }
    }
    facts
}

fn count_assignment(
    assignment: &Assignment,
    mut on: impl FnMut(Timestamp, &dyn Fn(&mut Measures)),
) {
    if !assignment.imported {
        on(assignment.assigned_at, &|m| m.assigned += 1);
    }
    if let Some(signed_at) = assignment.signed_at {
        on(signed_at, &|m| m.signed += 1);
    }
    let given_up = match assignment.state {
        AssignmentState::Returned | AssignmentState::Recalled | AssignmentState::Released => true,
        AssignmentState::Assigned
        | AssignmentState::InProgress
        | AssignmentState::Delegated
        | AssignmentState::AwaitingSummary
        | AssignmentState::Replied => false,
    };
    // Given up in time, it was never due; given up late, not having signed (replied) stays a failure.
    let escaped = |due: docket_domain::Due| {
        given_up && assignment.ended_at.is_some_and(|ended| due.met_at(ended))
    };
    let due_to_sign = assignment
        .sign_due
        .filter(|due| assignment.signed_at.is_some() || !escaped(*due));
    if let Some(due) = due_to_sign {
        let in_time = assignment.signed_at.is_some_and(|at| due.met_at(at));
        on(due.at, &|m| {
            m.due_to_sign += 1;
            m.signed_in_time += i64::from(in_time);
        });
    }
    let replied_at = assignment
        .ended_at
        .filter(|_| assignment.state == AssignmentState::Replied);
    if let Some(at) = replied_at {
        on(at, &|m| m.replied += 1);
    }
    // Who else kept to a limit that had passed before it was carried over is not known.
    let judged = |due: &docket_domain::Due| !assignment.imported || due.at > assignment.assigned_at;
    let due_to_reply = assignment.due.filter(|due| judged(due) && !escaped(*due));
    if let Some(due) = due_to_reply {
        let in_time = replied_at.is_some_and(|at| due.met_at(at));
        on(due.at, &|m| {
            m.due_to_reply += 1;
            m.replied_in_time += i64::from(in_time);
        });
    }
    for extension in &assignment.extensions {
        if let (Some(at), Some(true)) = (extension.decided_at, extension.granted) {
            on(at, &|m| m.extended += 1);
        }
    }
    // Returns are set against assignments: those made here.
    if assignment.imported {
        return;
    }
    for returned in &assignment.returns {
        on(returned.at, &|m| m.returned += 1);
        if let (Some(at), Some(false)) = (returned.decided_at, returned.accepted) {
            on(at, &|m| m.returns_refused += 1);
        }
    }
    if assignment.part == Part::Lead && assignment.sign_due.is_none() {
        on(assignment.assigned_at, &|m| m.redone += 1);
    }
}

#[async_trait]
impl Projection for Statistics {
    fn name(&self) -> &'static str {
        "statistics"
    }

    fn version(&self) -> i64 {
        5
    }

    fn tables(&self) -> &'static [Table] {
        &[FACTS, DAILY]
    }

    async fn apply(
        &self,
        tx: &mut Tx,
        prefix: &str,
        batch: &Batch<'_>,
    ) -> Result<(), ProjectionError> {
        let mut rows = Vec::new();
        let mut moved = Facts::new();
        let mut gone = Vec::new();
        for change in batch.changes {
            let before = facts(&change.before, batch.zone);
            let after = facts(&change.after, batch.zone);
            for (key, measures) in &before {
                moved.entry(*key).or_default().add(measures, -1);
                if !after.contains_key(key) {
                    gone.extend(values![id(change.id.0), id(key.0), key.1.to_string()]);
                }
            }
            for (key, measures) in after {
                let stands = before.get(&key) == Some(&measures);
                moved.entry(key).or_default().add(&measures, 1);
                if !stands {
                    let mut row = values![id(change.id.0), id(key.0), key.1.to_string()];
                    row.extend(measures.values());
                    rows.push(row);
                }
            }
        }
        moved.retain(|_, measures| *measures != Measures::default());
        delete(tx, prefix, &FACTS, gone, "").await?;
        upsert(tx, prefix, &FACTS, rows).await?;
        let moved = moved.iter().map(|((department, day), measures)| {
            let mut row = values![id(*department), day.to_string()];
            row.extend(measures.values());
            row
        });
        Ok(move_sums(tx, prefix, &DAILY, moved.collect()).await?)
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
        let sums: Vec<String> = Measures::NAMES
            .iter()
            .map(|n| format!("CAST(coalesce(sum({n}), 0) AS BIGINT)"))
            .collect();
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
            let counts: Result<Vec<i64>, _> =
                (0..Measures::NAMES.len()).map(|n| row.int(n + 2)).collect();
            Ok(StatisticsRow {
                department: row
                    .id_or_null(0)?
                    .filter(|id| *id != CENTRE)
                    .map(DepartmentId),
                day: row.text(1)?.parse().ok(),
                measures: Measures::from_values(&counts?),
            })
        };
        rows.iter().map(row).collect()
    }
}
