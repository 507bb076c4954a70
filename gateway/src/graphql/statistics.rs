//! Statistics: counts and rates by department and day.

use super::common::{Day, Position, app, local_id, wait_for};
use super::limits::counted;
use super::organisation::Department;
use crate::auth::viewer;
use crate::error::{Code, fault, fault_because, system, view_fault};
use crate::rights::{Figures, reads_figures};
use async_graphql::{ComplexObject, Context, Enum, Error, ID, InputObject, Object, SimpleObject};
use docket_domain::ids::DepartmentId;
use docket_domain::rules::Rules;
use docket_projections::statistics::{self as view, Measures};

/// How statistics are grouped.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_projections::statistics::GroupBy")]
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

/// Which days' figures, and of whom.
#[derive(InputObject)]
pub struct StatisticsFilter {
    /// The first day, in the hotline's zone.
    from: Day,
    /// The last day, which is included.
    to: Day,
    /// Only this department.
    department_id: Option<ID>,
}

/// A row of the statistics. An activity counts on the day it happened; what was due counts on the day it
/// was due. Rates are null where nothing was due or rated.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct StatisticsRow {
    #[graphql(skip)]
    department_id: Option<DepartmentId>,
    /// The day, in the hotline's zone; null where days are summed up.
    day: Option<Day>,
    #[graphql(flatten)]
    figures: StatisticsFigures,
    /// The same without what exclusions from the appraisal leave out (剔除): of a ticket that is left out for a department
    /// nothing counts there, on whatever day it was.
    adjusted: StatisticsFigures,
    /// Tickets left out of the department's appraisal, on the day that was granted. `exclusions` lists them.
    excluded: i64,
}

/// Figures of the statistics.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct StatisticsFigures {
    #[graphql(skip)]
    measures: Measures,
    /// Requests received (the centre's rows).
    received: i64,
    /// Requests received by a system before, and carried over: on the day they were received there (the
    /// centre's rows).
    imported: i64,
    /// Assignments made to departments.
    assigned: i64,
    /// Assignments signed.
    signed: i64,
    /// Assignments due to be signed.
    due_to_sign: i64,
    /// Of those, signed in time.
    signed_in_time: i64,
    /// Assignments replied.
    replied: i64,
    /// Assignments due to be replied.
    due_to_reply: i64,
    /// Of those, replied in time.
    replied_in_time: i64,
    /// Returns asked for.
    returned: i64,
    /// Of those, refused by the centre.
    returns_refused: i64,
    /// Tickets handled anew by the department that led them.
    redone: i64,
    /// Tickets closed, at their lead department (the centre's rows where no office had them).
    closed: i64,
    /// Requests declined (the centre's rows).
    declined: i64,
    /// Requests withdrawn (the centre's rows).
    withdrawn: i64,
    /// Callers put through to an emergency line (the centre's rows).
    transferred: i64,
    /// Tickets that got the outcome of the one they were merged into (the centre's rows).
    merged: i64,
    /// Tickets ended unsolved, at their lead department.
    terminated: i64,
    /// Extensions granted to departments.
    extended: i64,
    /// Tickets rated, by their latest rating, at their lead department (the centre's rows where no office
    /// had them).
    rated: i64,
    /// Of those, satisfied.
    satisfied: i64,
    /// Of those, fairly satisfied.
    fairly: i64,
    /// Of those, dissatisfied.
    dissatisfied: i64,
    /// Assignments that had to contact the caller by a limit; where no assignment of a ticket has one, tickets whose
    /// caller said in the latest call-back whether the office had been in touch.
    assessed: i64,
    /// Of those, contacted in time, or as the caller said at all.
    contacted_in_time: i64,
    /// Tickets that are solved, by the latest that their caller said of it, at their lead department.
    solved: i64,
    /// Tickets that are not.
    unsolved: i64,
    /// Tickets whose caller was asked, or rated them, and has not said.
    not_said: i64,
}

#[ComplexObject]
impl StatisticsRow {
    /// The department; null for the centre's rows and where departments are summed up.
    async fn department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        match self.department_id {
            Some(id) => Department::find(context, id).await,
            None => Ok(None),
        }
    }
}

#[ComplexObject]
impl StatisticsFigures {
    /// Signed in time ÷ due to be signed.
    async fn signed_in_time_rate(&self) -> Option<f64> {
        rate(self.measures.signed_in_time, self.measures.due_to_sign)
    }

    /// Replied in time ÷ due to be replied.
    async fn replied_in_time_rate(&self) -> Option<f64> {
        rate(self.measures.replied_in_time, self.measures.due_to_reply)
    }

    /// (Satisfied + fairly × the rule pack's weight) ÷ rated.
    async fn satisfaction_rate(&self, context: &Context<'_>) -> Result<Option<f64>, Error> {
        let rules = app(context)?.desk.rules().await.map_err(|e| system(&e))?;
        Ok(satisfaction(&self.measures, &rules))
    }

    /// 响应率: contacted in time ÷ assessed.
    async fn response_rate(&self) -> Option<f64> {
        response(&self.measures)
    }

    /// 解决率: solved ÷ (solved + unsolved). What was not said is in neither.
    async fn resolution_rate(&self) -> Option<f64> {
        resolution(&self.measures)
    }

    /// 三率得分: the rates of response and resolution and of satisfaction by the rule pack's weights, 0 to 100; null where
    /// one of the three that has a weight is not known.
    async fn three_rate_score(&self, context: &Context<'_>) -> Result<Option<f64>, Error> {
        let rules = app(context)?.desk.rules().await.map_err(|e| system(&e))?;
        let (m, weights) = (&self.measures, rules.rate_weights());
        let weighed = [
            (weights.response, response(m)),
            (weights.resolution, resolution(m)),
            (weights.satisfaction, satisfaction(m, &rules)),
        ];
        let counts = weighed.into_iter().filter(|(weight, _)| *weight > 0);
        Ok(counts
            .map(|(weight, rate)| Some(f64::from(weight) * rate?))
            .sum())
    }
}

fn response(m: &Measures) -> Option<f64> {
    rate(m.contacted_in_time, m.assessed)
}

fn resolution(m: &Measures) -> Option<f64> {
    rate(m.solved, m.solved + m.unsolved)
}

fn satisfaction(m: &Measures, rules: &Rules) -> Option<f64> {
    let weighed = float(m.satisfied) + float(m.fairly) * rules.fairly_weight();
    (m.rated > 0).then(|| weighed / float(m.rated))
}

fn rate(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn float(count: i64) -> f64 {
    count as f64
}

impl From<view::StatisticsRow> for StatisticsRow {
    fn from(row: view::StatisticsRow) -> Self {
        Self {
            department_id: row.department,
            day: row.day.map(Day),
            figures: row.measures.into(),
            adjusted: row.adjusted.into(),
            excluded: row.measures.excluded,
        }
    }
}

impl From<Measures> for StatisticsFigures {
    fn from(m: Measures) -> Self {
        Self {
            measures: m,
            received: m.received,
            imported: m.imported,
            assigned: m.assigned,
            signed: m.signed,
            due_to_sign: m.due_to_sign,
            signed_in_time: m.signed_in_time,
            replied: m.replied,
            due_to_reply: m.due_to_reply,
            replied_in_time: m.replied_in_time,
            returned: m.returned,
            returns_refused: m.returns_refused,
            redone: m.redone,
            closed: m.closed,
            declined: m.declined,
            withdrawn: m.withdrawn,
            transferred: m.transferred,
            merged: m.merged,
            terminated: m.terminated,
            extended: m.extended,
            rated: m.rated,
            satisfied: m.satisfied,
            fairly: m.fairly,
            dissatisfied: m.dissatisfied,
            assessed: m.assessed,
            contacted_in_time: m.contacted_in_time,
            solved: m.solved,
            unsolved: m.unsolved,
            not_said: m.not_said,
        }
    }
}

/// Queries about statistics.
#[derive(Default)]
pub struct StatisticsQuery;

#[Object]
impl StatisticsQuery {
    /// Statistics of days, in the order of departments and days. Offices see their own department's; the centre, auditors
    /// and analysts see all.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn statistics(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which days, and of whom.")] filter: Option<StatisticsFilter>,
        #[graphql(
            desc = "The first day, in the hotline's zone.",
            deprecation = "Give it in `filter`."
        )]
        from: Option<Day>,
        #[graphql(desc = "The last day.", deprecation = "Give it in `filter`.")] to: Option<Day>,
        #[graphql(desc = "Only this department.", deprecation = "Give it in `filter`.")]
        department_id: Option<ID>,
        #[graphql(desc = "How to group.", default_with = "GroupBy::Department")] group_by: GroupBy,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Vec<StatisticsRow>, Error> {
        let actor = &viewer(context)?.actor;
        if filter.is_some() && (from.is_some() || to.is_some() || department_id.is_some()) {
            let detail = (
                "from、to 和 departmentId 请填写在 filter 中",
                "give `from`, `to` and `departmentId` in `filter`",
            );
            return Err(fault_because(Code::BadRequest, detail));
        }
        let figures = reads_figures(actor).ok_or_else(|| fault(Code::Forbidden))?;
        let loose = from.zip(to).map(|(from, to)| StatisticsFilter {
            from,
            to,
            department_id,
        });
        let StatisticsFilter {
            from,
            to,
            department_id,
        } = filter.or(loose).ok_or_else(|| {
            let detail = (
                "请在 filter 中填写 from 和 to",
                "give `from` and `to` in `filter`",
            );
            fault_because(Code::BadRequest, detail)
        })?;
        let (from, to) = (from.known()?, to.known()?);
        if to < from {
            return Err(fault_because(
                Code::BadRequest,
                ("to 早于 from", "`to` lies before `from`"),
            ));
        }
        let asked = department_id
            .map(|id| local_id::<DepartmentId>("department", &id))
            .transpose()?;
        let department = match (asked, figures) {
            (asked, Figures::All) => asked,
            (None, Figures::Of(own)) => own,
            (Some(asked), Figures::Of(own)) if own == Some(asked) => own,
            (Some(_), Figures::Of(_)) => return Err(fault(Code::Forbidden)),
        };
        wait_for(context, min_position).await?;
        let views = &app(context)?.views;
        let rows = views
            .statistics(from, to, department, group_by.into())
            .await;
        let rows = rows.map_err(|e| view_fault(&e))?.into_iter();
        counted(context, rows.map(StatisticsRow::from).collect())
    }
}
