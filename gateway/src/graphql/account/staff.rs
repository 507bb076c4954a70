//! The accounts that one keeps, in pages.

use super::{ACCOUNTS_READ, ACCOUNTS_SCANNED_MAX, Account, Role};
use crate::auth::keeper;
use crate::error::{Code, fault, system};
use crate::graphql::common::{Position, app, cursor, cursor_parts, local_id, wait_for};
use crate::graphql::organisation::organisation;
use crate::graphql::paging::{PageArgs, PageInfo, Paging, connection, page_size};
use async_graphql::{Context, Enum, Error, ID, InputObject, Object, SimpleObject};
use docket_core::{DeskError, Span};
use docket_domain::account::Account as AccountState;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::{AccountId, DepartmentId, UnitId};
use docket_domain::organisation::Organisation;
use docket_domain::people::Role as DomainRole;
use uuid::Uuid;

/// Most accounts a page.
const PAGE_MAX: u32 = 100;
/// Accounts of a page where the client does not say.
const PAGE_USUAL: u32 = 20;
/// What cursors of this list begin with.
const KIND: &str = "staff";

connection! {
    /// A page of accounts.
    AccountConnection,
    /// A row of the accounts, with its cursor.
    AccountEdge of Account
}

/// Which accounts.
#[derive(InputObject, Default)]
pub struct AccountFilter {
    /// Only those that may log in, or only those that are deactivated.
    active: Option<bool>,
    /// Only those with this role.
    role: Option<Role>,
    /// Only those of this department, its units included.
    department_id: Option<ID>,
    /// Only those of this unit.
    unit_id: Option<ID>,
}

/// In which order accounts are listed.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
pub enum AccountOrder {
    /// As they were created.
    OldestFirst,
    /// The last created first.
    NewestFirst,
}

/// A filter as it is applied.
struct Wanted {
    active: Option<bool>,
    role: Option<DomainRole>,
    department: Option<DepartmentId>,
    unit: Option<UnitId>,
}

impl Wanted {
    fn of(filter: &AccountFilter) -> Result<Self, Error> {
        let department = filter.department_id.as_ref();
        let unit = filter.unit_id.as_ref();
        Ok(Self {
            active: filter.active,
            role: filter.role.map(DomainRole::from),
            department: department
                .map(|id| local_id("department", id))
                .transpose()?,
            unit: unit.map(|id| local_id("unit", id)).transpose()?,
        })
    }

    fn is(&self, account: &AccountState, organisation: &Organisation) -> bool {
        self.active
            .is_none_or(|active| active != account.deactivated)
            && self.role.is_none_or(|role| account.roles.contains(&role))
            && self.unit.is_none_or(|unit| account.unit == Some(unit))
            && self
                .department
                .is_none_or(|department| account.department(organisation) == Some(department))
    }
}

/// Queries about the accounts that one keeps.
#[derive(Default)]
pub struct StaffQuery;

#[Object]
impl StaffQuery {
    /// The accounts that one keeps, deactivated ones too: administrators all, leaders those of their department and its
    /// units. Of an installation's first 20,000.
    #[graphql(
        complexity = "100 + page_size(first, last, PAGE_USUAL, PAGE_MAX) as usize * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn staff(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<AccountFilter>,
        #[graphql(desc = "In which order.", default_with = "AccountOrder::OldestFirst")]
        order_by: AccountOrder,
        #[graphql(
            desc = "Rows wanted from the first of the order on, 1 to 100; 20 if neither is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows wanted from the last of the order back, 1 to 100.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<AccountConnection, Error> {
        let actor = &keeper(context)?.actor;
        let wanted = &Wanted::of(&filter.unwrap_or_default())?;
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let paging = Paging::of(context, &args, (PAGE_USUAL, PAGE_MAX), place)?;
        wait_for(context, min_position).await?;
        let journal = app(context)?.desk.journal();
        let ids = journal.streams_of(AccountState::CATEGORY, ACCOUNTS_SCANNED_MAX);
        let ids = &ids.await.map_err(|e| system(&DeskError::Journal(e)))?;
        let organisation = &*organisation(context).await?;
        let kept = |account: &Account| {
            let state = &account.state;
            actor.keeps(state, organisation) && wanted.is(state, organisation)
        };
        let descends = order_by == AccountOrder::NewestFirst;
        let load = |span| async move {
            let mut rows = Vec::new();
            for piece in places(ids, &span, descends).chunks(ACCOUNTS_READ) {
                let named = piece.iter().map(|(_, id)| AccountId(*id));
                let found = Account::find_all(context, named).await?;
                // Those that are not there are left out.
                let mut found = found.into_iter().peekable();
                for (place, id) in piece {
                    let here = found.next_if(|account| account.id.0 == *id);
                    rows.extend(here.filter(&kept).map(|account| (*place, account)));
                }
                if rows.len() >= span.limit as usize {
                    break;
                }
            }
            rows.truncate(span.limit as usize);
            Ok(rows)
        };
        let page = paging.read(|row: &(usize, Account)| row.0, load).await?;
        let page_info = page.info(|row| cursor_of(row.0));
        let edge = |(place, node)| AccountEdge {
            cursor: cursor_of(place),
            node,
        };
        Ok(AccountConnection {
            edges: page.rows.into_iter().map(edge).collect(),
            page_info,
        })
    }
}

/// The accounts of a stretch of the list with their places in the order of creation, as they are to be read.
fn places(ids: &[Uuid], span: &Span<usize>, descends: bool) -> Vec<(usize, Uuid)> {
    let (from, to) = if descends {
        (span.before, span.after)
    } else {
        (span.after, span.before)
    };
    let from = from.map_or(0, |place| place.saturating_add(1));
    let to = to.unwrap_or(ids.len()).min(ids.len());
    let mut places: Vec<_> = (from..to).map(|place| (place, ids[place])).collect();
    if descends != span.backward {
        places.reverse();
    }
    places
}

fn cursor_of(place: usize) -> String {
    cursor(KIND, &[place.to_string()])
}

fn place(text: &str) -> Result<usize, Error> {
    let [place] = cursor_parts::<1>(KIND, text)?;
    place.parse().map_err(|_| fault(Code::BadCursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_read_from_its_end_towards_the_other_in_both_orders() {
        let ids: Vec<Uuid> = (0..5).map(Uuid::from_u128).collect();
        let read = |after, before, backward, descends| {
            let span = Span {
                after,
                before,
                backward,
                limit: 9,
            };
            let places = places(&ids, &span, descends).into_iter();
            places.map(|(place, _)| place).collect::<Vec<_>>()
        };
        assert_eq!(read(None, None, false, false), [0, 1, 2, 3, 4]);
        assert_eq!(read(Some(1), Some(4), false, false), [2, 3]);
        assert_eq!(read(Some(1), Some(4), true, false), [3, 2]);
        assert_eq!(read(None, None, false, true), [4, 3, 2, 1, 0]);
        assert_eq!(read(Some(3), None, false, true), [2, 1, 0]);
        assert_eq!(read(Some(3), Some(0), true, true), [1, 2]);
        let beyond: [usize; 0] = [];
        assert_eq!(read(Some(usize::MAX), None, false, false), beyond);
        assert_eq!(read(Some(9), Some(7), false, false), beyond);
    }
}
