//! Accounts: who one is, and who one's colleagues are.

mod bulk;
mod door;
mod from_csv;
mod keeping;
mod recovery;
mod staff;

pub use bulk::BulkMutation;
pub use door::DoorMutation;
pub(super) use door::address;
pub use from_csv::ListMutation;
pub use keeping::AccountMutation;
pub use recovery::{RecoveryMutation, RecoveryQuery};
pub use staff::StaffQuery;

use super::common::{Position, app, global_id, local_id, open, wait_for};
use super::limits::counted;
use super::organisation::{Department, Unit, organisation};
use crate::auth::{keeper, viewer, viewer_at_the_door};
use crate::error::{Code, fault, fault_because, not_found, system, view_fault};
use crate::rights::{self, Sight};
use async_graphql::{Context, Enum, Error, ID, Object};
use docket_core::DeskError;
use docket_domain::account::Account as AccountState;
use docket_domain::aggregate::Aggregate as _;
use docket_domain::ids::AccountId;
use docket_domain::people::Role as DomainRole;
use futures_util::future::try_join_all;
use std::sync::Arc;

/// Most accounts listed.
const ACCOUNTS_MAX: u32 = 1_000;
/// Accounts read at one time.
const ACCOUNTS_READ: usize = 64;
/// Most accounts looked at to find those of a department.
const ACCOUNTS_SCANNED_MAX: u32 = 20_000;

/// What an account may do at all.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "DomainRole")]
pub enum Role {
    /// 话务员: takes calls and letters at the hotline centre.
    Operator,
    /// 派单员: hands tickets to departments.
    Dispatcher,
    /// 回访员: calls citizens back after the answer.
    CallBack,
    /// 督办员: urges and supervises.
    Supervisor,
    /// 热线办: reviews answers, has tickets handled anew, closes.
    Office,
    /// 联席会议: rules on disputed tickets.
    JointMeeting,
    /// 经办: works a department's or unit's tickets.
    Clerk,
    /// 领导: leads a department or unit.
    Leader,
    /// 市民: sees and rates own tickets.
    Citizen,
    /// 审计员: reads and replays everything, personal data masked; writes nothing.
    Auditor,
    /// 分析员: aggregates only, no ticket and no personal data.
    Analyst,
    /// 管理员: keeps accounts and configuration; no business writes.
    Administrator,
}

/// An account.
#[derive(Clone)]
pub struct Account {
    id: AccountId,
    state: Arc<AccountState>,
}

impl Account {
    pub(super) async fn find(context: &Context<'_>, id: AccountId) -> Result<Option<Self>, Error> {
        let found = app(context)?
            .desk
            .account(id)
            .await
            .map_err(|e| system(&e))?;
        Ok(found.map(|state| Self { id, state }))
    }

    /// Accounts in the order asked for; those that are not there are left out. Asked for at the same time, the journal
    /// gathers them into few statements.
    async fn find_all(
        context: &Context<'_>,
        ids: impl Iterator<Item = AccountId>,
    ) -> Result<Vec<Self>, Error> {
        let found = try_join_all(ids.map(|id| Self::find(context, id))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// An account that one keeps, one's own, or a colleague's of one's office.
    pub(super) async fn seen(context: &Context<'_>, id: AccountId) -> Result<Option<Self>, Error> {
        let actor = &viewer(context)?.actor;
        let Some(account) = Self::find(context, id).await? else {
            return Ok(None);
        };
        let colleague = actor.office().is_some() && account.state.office() == actor.office();
        let seen = actor.account == id || colleague || account.is_kept(context).await?;
        Ok(seen.then_some(account))
    }

    pub(super) const fn key(&self) -> AccountId {
        self.id
    }

    /// Whether the viewer keeps this account.
    async fn is_kept(&self, context: &Context<'_>) -> Result<bool, Error> {
        let actor = &viewer(context)?.actor;
        let organisation = organisation(context).await?;
        Ok(actor.keeps(&self.state, &organisation))
    }

    /// How much of what is for its person and its keepers alone the viewer gets.
    async fn inner_sight(&self, context: &Context<'_>) -> Result<Sight, Error> {
        let actor = &viewer_at_the_door(context)?.actor;
        let own = actor.account == self.id;
        let keeps = !own && self.is_kept(context).await?;
        Ok(rights::inner_sight(actor, self.id, keeps))
    }
}

/// An account.
#[Object]
impl Account {
    /// Global id.
    pub async fn id(&self) -> ID {
        global_id("account", self.id.0)
    }

    /// The login; only to oneself, administrators, and leaders of its department.
    async fn login(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let sight = self.inner_sight(context).await?;
        open(context, sight, "login", self.state.login.as_ref()).await
    }

    /// The person's mobile, for alerts by SMS; only to oneself, administrators, and leaders of its department.
    async fn mobile(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let sight = self.inner_sight(context).await?;
        open(context, sight, "mobile", self.state.mobile.as_ref()).await
    }

    /// How many SMS a month it may send; only to oneself, administrators, and leaders of its department.
    async fn sms_quota(&self, context: &Context<'_>) -> Result<Option<u32>, Error> {
        let sight = self.inner_sight(context).await?;
        Ok((sight == Sight::Clear).then_some(self.state.sms_quota))
    }

    /// Whether its password is older than the rule pack lets it become. Until it is changed, only
    /// `changePassword`, `me` and `logout` are answered. Told of one's own account only.
    async fn must_change_password(&self, context: &Context<'_>) -> Result<Option<bool>, Error> {
        let viewer = viewer_at_the_door(context)?;
        let own = viewer.actor.account == self.id;
        Ok(own.then_some(viewer.must_change_password))
    }

    /// The person's name; not told to citizens, except their own.
    async fn name(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let actor = &viewer_at_the_door(context)?.actor;
        let sight = rights::name_sight(actor, self.id);
        open(context, sight, "name", self.state.name.as_ref()).await
    }

    /// Whether its person may log in: false while it is deactivated.
    async fn active(&self) -> bool {
        !self.state.deactivated
    }

    /// Whether its person was erased: then it has no name and no login, and stays inactive.
    async fn erased(&self) -> bool {
        self.state.erased
    }

    /// Moves with everything that is done to it; logging in is no such thing. Only to oneself, administrators, and leaders of
    /// its department. Give it as `expectedRevision`.
    async fn revision(&self, context: &Context<'_>) -> Result<Option<u32>, Error> {
        let sight = self.inner_sight(context).await?;
        Ok((sight == Sight::Clear).then_some(self.state.revision))
    }

    /// Its roles.
    async fn roles(&self) -> Vec<Role> {
        self.state.roles.iter().copied().map(Role::from).collect()
    }

    /// Its department; that of its unit, if it has one.
    async fn department(&self, context: &Context<'_>) -> Result<Option<Department>, Error> {
        let organisation = organisation(context).await?;
        let department = self.state.department(&organisation);
        Ok(department.and_then(|id| Department::new(&organisation, id)))
    }

    /// Its unit within the department.
    async fn unit(&self, context: &Context<'_>) -> Result<Option<Unit>, Error> {
        match self.state.unit {
            Some(id) => Unit::find(context, id).await,
            None => Ok(None),
        }
    }
}

/// Queries about accounts.
#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// The account that asks.
    async fn me(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Account, Error> {
        let actor = &viewer_at_the_door(context)?.actor;
        wait_for(context, min_position).await?;
        Account::find(context, actor.account)
            .await?
            .ok_or_else(|| fault(Code::Unauthenticated))
    }

    /// An account by id or by login, deactivated ones too (administrators; leaders of a department of its
    /// staff).
    async fn account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its login; case does not matter.")] login: Option<String>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Account, Error> {
        keeper(context)?;
        wait_for(context, min_position).await?;
        let id = match (id, login) {
            (Some(id), None) => Some(local_id("account", &id)?),
            (None, Some(login)) => {
                let found = app(context)?.desk.account_of(&login).await;
                found.map_err(|e| system(&e))?
            }
            _ => {
                return Err(fault_because(
                    Code::BadRequest,
                    ("请填写 id 或 login 之一", "give id or login"),
                ));
            }
        };
        let found = match id {
            Some(id) => Account::find(context, id).await?,
            None => None,
        };
        match found {
            Some(account) if account.is_kept(context).await? => Ok(account),
            _ => Err(not_found()),
        }
    }

    /// Every account that one keeps, deactivated ones too, in the order of creation: administrators all,
    /// leaders those of their department and its units. At most 1,000.
    #[graphql(
        complexity = "100 + 50 * child_complexity",
        deprecation = "Ask `staff`, which has pages."
    )]
    async fn accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Vec<Account>, Error> {
        let all = keeper(context)?.actor.has(DomainRole::Administrator);
        wait_for(context, min_position).await?;
        let scanned = if all {
            ACCOUNTS_MAX
        } else {
            ACCOUNTS_SCANNED_MAX
        };
        let journal = app(context)?.desk.journal();
        let ids = journal.streams_of(AccountState::CATEGORY, scanned).await;
        let ids = ids.map_err(|e| system(&DeskError::Journal(e)))?;
        let mut accounts = Vec::new();
        for piece in ids.chunks(ACCOUNTS_READ) {
            let ids = piece.iter().copied().map(AccountId);
            for account in Account::find_all(context, ids).await? {
                if all || account.is_kept(context).await? {
                    accounts.push(account);
                }
            }
            if accounts.len() >= ACCOUNTS_MAX as usize {
                break;
            }
        }
        accounts.truncate(ACCOUNTS_MAX as usize);
        counted(context, accounts)
    }

    /// Everybody of one's own office, oneself included: to whom an assignment may be handed over. At most
    /// 1,000.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    async fn colleagues(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Vec<Account>, Error> {
        let actor = &viewer(context)?.actor;
        let office = actor.office().ok_or_else(|| fault(Code::Forbidden))?;
        wait_for(context, min_position).await?;
        let found = app(context)?.views.people(office).await;
        let found = found.map_err(|e| view_fault(&e))?;
        let mut colleagues = Vec::with_capacity(found.len());
        for piece in found.chunks(ACCOUNTS_READ) {
            let accounts = Account::find_all(context, piece.iter().copied()).await?;
            // As the account says now, which the views may not know yet.
            let here = accounts
                .into_iter()
                .filter(|a| a.state.office() == Some(office));
            colleagues.extend(here);
        }
        counted(context, colleagues)
    }
}
