//! The clock of an assignment, explained: every span with what made it so, as judged then and as judged now.

use super::parts::Move;
use super::words::{Due, Light};
use crate::graphql::common::Day;
use async_graphql::{Enum, ID, SimpleObject};
use chrono::{DateTime, TimeDelta, Utc};
use docket_domain::ticket::clock as domain;

/// What became of a stretch of time.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_domain::ticket::clock::SpanKind")]
pub enum SpanKind {
    /// 计时: the clock ran.
    Running,
    /// 调休上班: the clock ran on a weekend day that is worked.
    MakeUpDay,
    /// 延期内计时: the clock ran in the time that an extension gave.
    Extended,
    /// 暂停: it stood still.
    Paused,
    /// 午间休息: between two shifts of a working day.
    Break,
    /// 非工作时间: before or after the office hours of a working day.
    Night,
    /// 周末.
    Weekend,
    /// 节假日.
    Holiday,
}

/// A stretch of time of one kind.
#[derive(SimpleObject)]
pub struct ClockSpan {
    /// What kind.
    kind: SpanKind,
    /// Its beginning.
    from: DateTime<Utc>,
    /// Its end.
    to: DateTime<Utc>,
    /// The event that made it so; null where the calendar or the office hours did.
    event_id: Option<ID>,
    /// The day of the calendar that made it so; null where an event or the office hours did.
    day: Option<Day>,
}

/// A judgement of a limit.
#[derive(SimpleObject)]
pub struct ClockReading {
    /// The limit; null where there is none.
    due: Option<Due>,
    /// How it stands now, or stood at the end.
    light: Option<Light>,
    /// The time that counted, in minutes: office hours of working days; of a limit in minutes any time.
    elapsed_minutes: i64,
    /// How long after the limit, in minutes by the clock on the wall and without pauses; null where in time.
    late_by_minutes: Option<i64>,
}

/// The clock of an assignment, explained.
#[derive(SimpleObject)]
pub struct Clock {
    /// The limit it has; null where it has none.
    due: Option<Due>,
    /// How it stands now, or stood at the end.
    light: Option<Light>,
    /// The time that counted, in minutes.
    elapsed_minutes: i64,
    /// When it began.
    began_at: DateTime<Utc>,
    /// When it ended; null while it runs.
    ended_at: Option<DateTime<Utc>>,
    /// Since when it stands still; null while it does not.
    still_since: Option<DateTime<Utc>>,
    /// As judged under the rules in force when the assignment was made.
    judged_then: ClockReading,
    /// As it would be judged under the rules in force now.
    judged_now: ClockReading,
    /// The whole time in order, without gap or overlap: at most 1,000 spans, the latest.
    spans: Vec<ClockSpan>,
    /// Whether earlier spans are left out, as there are more.
    spans_cut: bool,
    /// Every time the limit was moved, in order.
    moves: Vec<Move>,
}

impl From<domain::Clock> for Clock {
    fn from(clock: domain::Clock) -> Self {
        let then = ClockReading::from(clock.judged_then);
        Self {
            due: then.due,
            light: then.light,
            elapsed_minutes: then.elapsed_minutes,
            began_at: clock.began_at,
            ended_at: clock.ended_at,
            still_since: clock.still_since,
            judged_then: then,
            judged_now: clock.judged_now.into(),
            spans: clock.spans.into_iter().map(Into::into).collect(),
            spans_cut: clock.cut,
            moves: clock.moves.iter().map(Move::from).collect(),
        }
    }
}

impl From<domain::Reading> for ClockReading {
    fn from(reading: domain::Reading) -> Self {
        Self {
            due: reading.due.map(Due::from),
            light: reading.light.map(Light::from),
            elapsed_minutes: reading.elapsed.num_minutes(),
            late_by_minutes: reading.late_by.map(|late: TimeDelta| late.num_minutes()),
        }
    }
}

impl From<domain::Span> for ClockSpan {
    fn from(span: domain::Span) -> Self {
        let (event_id, day) = match span.cause {
            domain::Cause::Event(event) => (Some(ID(event.to_string())), None),
            domain::Cause::Calendar(day) => (None, Some(day)),
            domain::Cause::OfficeHours => (None, None),
        };
        Self {
            kind: span.kind.into(),
            from: span.from,
            to: span.to,
            event_id,
            day: day.map(Day),
        }
    }
}
