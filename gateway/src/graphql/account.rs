//! Accounts: who one is, logging in and out, and creating accounts.

use super::common::{UserError, app, global_id, local_id, open, options, split};
use super::organisation::{Department, Unit, organisation};
use crate::auth::{Sight, viewer, viewer_of, viewer_with};
use crate::error::{Code, Failure, Refused, fault, system, view_fault};
use async_graphql::{Context, Enum, Error, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::desk::{NewAccount, Password};
use docket_domain::account::Account as AccountState;
use docket_domain::ids::{AccountId, DepartmentId, UnitId};
use docket_domain::people::Role as DomainRole;
use std::sync::Arc;
use uuid::Uuid;

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
}

#[Object]
impl Account {
    /// Global id.
    async fn id(&self) -> ID {
        global_id("account", self.id.0)
    }

    /// The login; only to oneself and administrators.
    async fn login(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let actor = &viewer(context)?.actor;
        let may = actor.account == self.id || actor.has(DomainRole::Administrator);
        let sight = if may { Sight::Clear } else { Sight::Hidden };
        open(context, sight, "login", self.state.login.as_ref()).await
    }

    /// The person's name; not told to citizens, except their own.
    async fn name(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        let actor = &viewer(context)?.actor;
        let citizen = actor.roles.iter().all(|role| *role == DomainRole::Citizen);
        let own = actor.account == self.id;
        let sight = if citizen && !own {
            Sight::Hidden
        } else {
            Sight::Clear
        };
        open(context, sight, "name", self.state.name.as_ref()).await
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
    async fn me(&self, context: &Context<'_>) -> Result<Account, Error> {
        let actor = &viewer(context)?.actor;
        Account::find(context, actor.account)
            .await?
            .ok_or_else(|| fault(Code::Unauthenticated))
    }

    /// Everybody of one's own office, oneself included: to whom an assignment may be handed over. At most
    /// 1,000.
    #[graphql(complexity = "100 + 20 * child_complexity")]
    async fn colleagues(&self, context: &Context<'_>) -> Result<Vec<Account>, Error> {
        let actor = &viewer(context)?.actor;
        let office = actor.office().ok_or_else(|| fault(Code::Forbidden))?;
        let found = app(context)?.views.people(office).await;
        let mut colleagues = Vec::new();
        for id in found.map_err(|e| view_fault(&e))? {
            let account = Account::find(context, id).await?;
            // As the account says now, which the views may not know yet.
            colleagues.extend(account.filter(|a| a.state.office() == Some(office)));
        }
        Ok(colleagues)
    }
}

/// Login and password.
#[derive(InputObject)]
pub struct LoginInput {
    /// The login; case does not matter.
    login: String,
    /// The password.
    password: String,
}

/// A session.
#[derive(SimpleObject)]
pub struct LoginPayload {
    /// To be sent as `Authorization: Bearer TOKEN`.
    token: Option<String>,
    /// When the session ends.
    expires_at: Option<DateTime<Utc>>,
    /// The account.
    account: Option<LoggedIn>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// The account just logged in.
#[derive(SimpleObject)]
pub struct LoggedIn {
    /// Global id.
    id: ID,
    /// The person's name.
    name: Option<String>,
    /// Its roles.
    roles: Vec<Role>,
}

/// The end of a session.
#[derive(SimpleObject)]
pub struct LogoutPayload {
    /// Always true: the token is worth nothing any more.
    logged_out: bool,
}

/// An account to be created.
#[derive(InputObject)]
pub struct CreateAccountInput {
    /// The login, unique in the hotline.
    login: String,
    /// The person's name.
    name: String,
    /// The password, 8 characters to 256 bytes.
    password: String,
    /// Roles, at least one. Clerks and leaders need a department; others have none.
    roles: Vec<Role>,
    /// The department.
    department_id: Option<ID>,
    /// The unit within the department.
    unit_id: Option<ID>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// A new account.
#[derive(SimpleObject)]
pub struct CreateAccountPayload {
    /// The account.
    account: Option<Account>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// A new password of one's own.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The one there is.
    old_password: String,
    /// The one there shall be: 8 characters to 256 bytes.
    new_password: String,
}

/// What became of a new password.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// Whether it is in force.
    changed: bool,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Commands about accounts.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Opens a session. Counts for much: a password is dear to check.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn login(&self, context: &Context<'_>, input: LoginInput) -> Result<LoginPayload, Error> {
        let app = app(context)?;
        let opened = app.desk.log_in(&input.login, input.password).await;
        let opened = opened.map_err(Failure::from);
        let (session, user_errors) = split(context, opened)?;
        let Some((account, token, expires_at)) = session else {
            return Ok(LoginPayload {
                token: None,
                expires_at: None,
                account: None,
                user_errors,
            });
        };
        let known = app.desk.account(account).await.map_err(|e| system(&e))?;
        let state = known.ok_or_else(|| fault(Code::Internal))?;
        let account = LoggedIn {
            id: global_id("account", account.0),
            name: open(context, Sight::Clear, "name", state.name.as_ref()).await?,
            roles: state.roles.iter().copied().map(Role::from).collect(),
        };
        Ok(LoginPayload {
            token: Some(token),
            expires_at: Some(expires_at),
            account: Some(account),
            user_errors,
        })
    }

    /// Ends the session of the token sent.
    async fn logout(&self, context: &Context<'_>) -> Result<LogoutPayload, Error> {
        let token = viewer(context)?.token.clone();
        let ended = app(context)?.store.ops.log_out(&token).await;
        ended.map_err(|error| system(&error.into()))?;
        Ok(LogoutPayload { logged_out: true })
    }

    /// Changes one's own password. Every other session of the account ends.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn change_password(
        &self,
        context: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload, Error> {
        let viewer = viewer(context)?;
        let ChangePasswordInput {
            old_password: old,
            new_password: new,
        } = input;
        let changed = app(context)?
            .desk
            .change_password(viewer.actor.account, old, new, &viewer.token)
            .await
            .map_err(Failure::from)
            .map_err(|failure| match failure {
                Failure::Refused(refused) if refused.code == Code::UnfitPassword.code() => {
                    Failure::Refused(Refused {
                        path: Some("newPassword"),
                        ..refused
                    })
                }
                Failure::Refused(refused) => Failure::Refused(Refused {
                    path: Some("oldPassword"),
                    ..refused
                }),
                fault @ Failure::Fault(_) => fault,
            });
        let (changed, user_errors) = split(context, changed)?;
        Ok(ChangePasswordPayload {
            changed: changed.is_some(),
            user_errors,
        })
    }

    /// Creates an account (administrators).
    async fn create_account(
        &self,
        context: &Context<'_>,
        input: CreateAccountInput,
    ) -> Result<CreateAccountPayload, Error> {
        let viewer = viewer_with(context, &[DomainRole::Administrator])?;
        let id_of =
            |kind, id: &Option<ID>| id.as_ref().map(|id| local_id::<Uuid>(kind, id)).transpose();
        let new = NewAccount {
            login: input.login,
            name: input.name,
            roles: input.roles.into_iter().map(DomainRole::from).collect(),
            department: id_of("department", &input.department_id)?.map(DepartmentId),
            unit: id_of("unit", &input.unit_id)?.map(UnitId),
        };
        let options = options(input.command_id, None)?;
        let password = Password::Clear(input.password);
        let desk = &app(context)?.desk;
        let created = desk
            .create_account(&viewer.actor, new, password, &options)
            .await;
        let (outcome, user_errors) = split(context, created.map_err(Failure::from))?;
        let account = outcome.map(|o| Account {
            id: AccountId(o.id),
            state: o.state,
        });
        Ok(CreateAccountPayload {
            account,
            user_errors,
        })
    }
}

/// Whether a token still opens anything; used by long-lived connections.
pub(super) async fn still_valid(app: &crate::app::App, token: &str) -> bool {
    matches!(
        viewer_of(&app.desk, &app.store.ops, token).await,
        Ok(Some(_))
    )
}
