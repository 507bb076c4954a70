//! Keeping accounts: creating, changing, deactivating, and a new password in place of their person.
//! Administrators, and leaders of departments for their own staff.

use super::recovery::RecoveryQuestionCode;
use super::{Account, Role};
use crate::auth::{Viewer, keeper};
use crate::error::{Failure, Refused, system};
use crate::graphql::common::{Position, UserError, app, counted, local_id, options, split};
use async_graphql::{Context, Error, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use docket_core::DeskError;
use docket_core::desk::{NewAccount, Outcome, Password, Recovery};
use docket_domain::account::{Account as AccountState, Changes, Given};
use docket_domain::ids::{AccountId, DepartmentId, UnitId};
use docket_domain::people::Role as DomainRole;
use docket_domain::{Reason, Refusal};
use uuid::Uuid;

/// An account to be created.
#[derive(InputObject)]
pub struct CreateAccountInput {
    /// The login, unique in the hotline: letters and digits of any script, and `.` `_` `-` `@`. Those of clerks and leaders begin as the rule pack says for the
    /// department's region.
    login: String,
    /// The person's name.
    name: String,
    /// The password, as the rule pack asks; at most 256 bytes.
    password: String,
    /// Roles, at least one. Clerks and leaders need a department; others have none.
    roles: Vec<Role>,
    /// The department; a leader's own if left out.
    department_id: Option<ID>,
    /// The unit within the department.
    unit_id: Option<ID>,
    /// The person's mobile, for alerts by SMS: advised, not required. 5 to 20 digits, `+` before them if wished, spaces and dashes
    /// between.
    mobile: Option<String>,
    /// How many SMS a month it may send; 0 by default.
    sms_quota: Option<i32>,
    /// The question that recovers its password; comes with an answer.
    recovery_question: Option<RecoveryQuestionCode>,
    /// The answer: case, full-width forms and spaces around it do not matter. At most 64 characters.
    recovery_answer: Option<String>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// An account to be created, as it was asked for.
pub(super) struct Asked {
    pub(super) new: NewAccount,
    pub(super) password: Password,
    pub(super) command: Option<Uuid>,
    /// What keeps it from being read whole.
    pub(super) mistakes: Vec<Refused>,
}

impl CreateAccountInput {
    /// What is asked for by a person of a department, or of none.
    pub(super) fn read(self, viewer: &Viewer) -> Result<Asked, Error> {
        let of_offices = |role: &Role| matches!(role, Role::Clerk | Role::Leader);
        let own = viewer.actor.department;
        let own = own.filter(|_| self.roles.iter().all(of_offices));
        let id_of =
            |kind, id: &Option<ID>| id.as_ref().map(|id| local_id::<Uuid>(kind, id)).transpose();
        let recovery = recovery(self.recovery_question, self.recovery_answer);
        let (recovery, mistakes) = match recovery {
            Ok(recovery) => (recovery, Vec::new()),
            Err(refusal) => (None, vec![Refused::from(refusal)]),
        };
        let new = NewAccount {
            department: id_of("department", &self.department_id)?
                .map(DepartmentId)
                .or(own),
            unit: id_of("unit", &self.unit_id)?.map(UnitId),
            login: self.login,
            name: self.name,
            roles: self.roles.into_iter().map(DomainRole::from).collect(),
            mobile: self.mobile,
            sms_quota: quota(self.sms_quota).unwrap_or(0),
            recovery,
        };
        Ok(Asked {
            new,
            password: Password::Clear(self.password),
            command: self.command_id,
            mistakes,
        })
    }
}

/// The account after the command.
#[derive(SimpleObject)]
pub struct AccountPayload {
    /// The account.
    pub(super) account: Option<Account>,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    pub(super) position: Option<Position>,
    /// Why not.
    pub(super) user_errors: Vec<UserError>,
}

/// What is to be different about an account. What is not given stays.
#[derive(InputObject)]
pub struct ChangeAccountInput {
    /// Which.
    id: ID,
    /// The person's new name.
    name: Option<String>,
    /// Its new roles, at least one, all of one desk.
    roles: Option<Vec<Role>>,
    /// Its new department; null takes it away. Without `unitId` it leaves the unit it was in.
    department_id: MaybeUndefined<ID>,
    /// Its new unit; null takes it away. Without `departmentId` the unit's department goes with it.
    unit_id: MaybeUndefined<ID>,
    /// The person's new mobile, as at its creation; null takes it away.
    mobile: MaybeUndefined<String>,
    /// How many SMS a month it may send.
    sms_quota: Option<i32>,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the account as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// An account to be deactivated.
#[derive(InputObject)]
pub struct DeactivateAccountInput {
    /// Which.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the account as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// An account to be reactivated.
#[derive(InputObject)]
pub struct ReactivateAccountInput {
    /// Which.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the account as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A new password in place of an account's person.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// Which account.
    id: ID,
    /// The password, as the rule pack asks; at most 256 bytes.
    password: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the account as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// Commands about accounts.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Creates an account (administrators; leaders of a department for its clerks and leaders). Of one that is refused
    /// every mistake is told.
    async fn create_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateAccountInput,
    ) -> Result<AccountPayload, Error> {
        let viewer = keeper(context)?;
        create(context, viewer, input.read(viewer)?).await
    }

    /// Changes name, roles, department, unit, mobile or SMS of an account, whichever are given, by the rules of
    /// creating one (administrators; leaders of a department within it). It takes effect on open sessions, too.
    /// The administrator's role cannot be taken from oneself; a leader changes neither roles nor place of
    /// their own account.
    async fn change_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ChangeAccountInput,
    ) -> Result<AccountPayload, Error> {
        let viewer = keeper(context)?;
        let id = local_id("account", &input.id)?;
        let roles = input.roles;
        let changes = Changes {
            name: input.name,
            roles: roles.map(|roles| roles.into_iter().map(DomainRole::from).collect()),
            department: given("department", &input.department_id)?,
            unit: given("unit", &input.unit_id)?,
            mobile: match input.mobile {
                MaybeUndefined::Undefined => Given::Kept,
                MaybeUndefined::Null => Given::Nothing,
                MaybeUndefined::Value(mobile) => Given::This(mobile),
            },
            sms_quota: quota(input.sms_quota),
        };
        let options = options(input.command_id, input.expected_revision);
        let desk = &app(context)?.desk;
        let changed = desk
            .change_account(&viewer.actor, id, changes, &options)
            .await;
        after(context, changed)
    }

    /// Deactivates an account (administrators, leaders of its department; not one's own): it cannot log in,
    /// its sessions and subscriptions end, and it is nobody's colleague. What it did stays, and what it had in hand its
    /// colleagues take over.
    async fn deactivate_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeactivateAccountInput,
    ) -> Result<AccountPayload, Error> {
        let viewer = keeper(context)?;
        let id = local_id("account", &input.id)?;
        let options = options(input.command_id, input.expected_revision);
        let desk = &app(context)?.desk;
        let done = desk.deactivate_account(&viewer.actor, id, &options).await;
        after(context, done)
    }

    /// Reactivates an account (administrators, leaders of its department). Its password is the one it had.
    async fn reactivate_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReactivateAccountInput,
    ) -> Result<AccountPayload, Error> {
        let viewer = keeper(context)?;
        let id = local_id("account", &input.id)?;
        let options = options(input.command_id, input.expected_revision);
        let desk = &app(context)?.desk;
        let done = desk.reactivate_account(&viewer.actor, id, &options).await;
        after(context, done)
    }

    /// Gives an account a new password in place of its person (administrators, leaders of its department; not
    /// one's own), and ends its sessions. The log tells that it was done, and by whom; the password is not in it.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn reset_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ResetPasswordInput,
    ) -> Result<AccountPayload, Error> {
        let viewer = keeper(context)?;
        let id = local_id("account", &input.id)?;
        let options = options(input.command_id, input.expected_revision);
        let password = Password::Clear(input.password);
        let desk = &app(context)?.desk;
        let done = desk
            .reset_password(&viewer.actor, id, password, &options)
            .await;
        after(context, done)
    }
}

fn given<T: From<Uuid>>(kind: &str, id: &MaybeUndefined<ID>) -> Result<Given<T>, Error> {
    Ok(match id {
        MaybeUndefined::Undefined => Given::Kept,
        MaybeUndefined::Null => Given::Nothing,
        MaybeUndefined::Value(id) => Given::This(local_id(kind, id)?),
    })
}

fn quota(sms_quota: Option<i32>) -> Option<u32> {
    sms_quota.map(|quota| counted(quota, u32::MAX))
}

fn recovery(
    question: Option<RecoveryQuestionCode>,
    answer: Option<String>,
) -> Result<Option<Recovery>, Refusal> {
    let required = |field| {
        let refusal = Refusal::new("create_account", "account", Reason::Required);
        Err(refusal.at(field))
    };
    match (question, answer) {
        (Some(question), Some(answer)) => Ok(Some(Recovery {
            question: question.into(),
            answer,
        })),
        (None, None) => Ok(None),
        (Some(_), None) => required("recoveryAnswer"),
        (None, Some(_)) => required("recoveryQuestion"),
    }
}

/// Creates an account. Of one that is refused every mistake is told, each field once.
pub(super) async fn create(
    context: &Context<'_>,
    viewer: &Viewer,
    asked: Asked,
) -> Result<AccountPayload, Error> {
    let Asked {
        new,
        password,
        command,
        mistakes: mut refused,
    } = asked;
    let (desk, actor) = (&app(context)?.desk, &viewer.actor);
    if refused.is_empty() {
        let options = options(command, None);
        let created = desk
            .create_account(actor, new.clone(), password.clone(), &options)
            .await;
        match created.map_err(Failure::from) {
            Ok(outcome) => return after(context, Ok(outcome)),
            Err(Failure::Fault(error)) => return Err(error),
            Err(Failure::Refused(first)) => refused.push(first),
        }
    }
    let all = desk.account_mistakes(actor, &new, Some(&password)).await;
    for mistake in all.map_err(|error| system(&error))? {
        match Failure::from(mistake) {
            Failure::Fault(error) => return Err(error),
            Failure::Refused(other) if refused.iter().all(|one| one.path != other.path) => {
                refused.push(other);
            }
            Failure::Refused(_) => {}
        }
    }
    Ok(AccountPayload {
        account: None,
        position: None,
        user_errors: refused
            .iter()
            .flat_map(|refused| UserError::of(context, refused))
            .collect(),
    })
}

pub(super) fn after(
    context: &Context<'_>,
    done: Result<Outcome<AccountState>, DeskError>,
) -> Result<AccountPayload, Error> {
    let (outcome, user_errors) = split(context, done.map_err(Failure::from))?;
    let position = outcome.as_ref().map(|o| Position(o.position));
    let account = outcome.map(|o| Account {
        id: AccountId(o.id),
        state: o.state,
    });
    Ok(AccountPayload {
        account,
        position,
        user_errors,
    })
}
