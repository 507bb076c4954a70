//! The door: logging in and out, and one's own password.

use super::Role;
use crate::address::Address;
use crate::auth::{Credential, TokenOver, Viewer, viewer_at_the_door};
use crate::error::{self, Code, Failure, Refused, fault, fault_because, system};
use crate::graphql::common::{Position, UserError, app, global_id, open, options, split};
use crate::rates::SECRET_COSTS;
use crate::rights::Sight;
use async_graphql::{Context, Error, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::desk::{Solved, Visitor};
use docket_core::ops::SecurityKind;
use docket_domain::Reason;
use docket_domain::ids::CommandId;
use std::net::IpAddr;
use uuid::Uuid;

/// Login and password.
#[derive(InputObject)]
pub struct LoginInput {
    /// The login; case does not matter.
    login: String,
    /// The password.
    password: String,
    /// The id of a `captcha`, where one is required: after two failures in a row.
    captcha_id: Option<String>,
    /// What is to be read on it.
    captcha_answer: Option<String>,
    /// Sent again with the same id, it gives the same session's tokens, as long as that is not refreshed or over. The
    /// password has to be right each time.
    command_id: Option<Uuid>,
}

/// Who knocks: with a captcha, if they sent all of it, and from where.
pub(super) fn visitor(
    context: &Context<'_>,
    id: Option<String>,
    answer: Option<String>,
    command: Option<Uuid>,
) -> Visitor {
    Visitor {
        captcha: id.zip(answer).map(|(id, answer)| Solved { id, answer }),
        address: address(context),
        command: command.map(CommandId),
    }
}

/// Where the request comes from.
pub fn address(context: &Context<'_>) -> Option<IpAddr> {
    context.data_opt::<Address>().map(|address| address.0)
}

/// Counts a secret that is tried at the address it comes from: checking it is dear, and guessing is no work.
pub(super) async fn count_try(context: &Context<'_>) -> Result<(), Error> {
    let (app, address) = (app(context)?, address(context));
    // The request itself was counted for one.
    let Err(slow) = app.rates.of_address(address, SECRET_COSTS - 1) else {
        return Ok(());
    };
    if let Some(times) = slow.untold {
        let noted = app
            .desk
            .note(SecurityKind::RateLimited, None, address, times);
        noted.await.map_err(|error| system(&error))?;
    }
    Err(error::slow(slow.seconds()))
}

/// A session.
#[derive(SimpleObject)]
pub struct LoginPayload {
    /// To be sent as `Authorization: Bearer TOKEN`.
    token: Option<String>,
    /// When the token expires: call `refreshSession` before.
    expires_at: Option<DateTime<Utc>>,
    /// Good once, for the next tokens by `refreshSession`. Keep it where no other program reads it.
    refresh_token: Option<String>,
    /// When the session ends, however often it is refreshed.
    session_ends_at: Option<DateTime<Utc>>,
    /// The account.
    account: Option<LoggedIn>,
    /// Whether the password has expired: until `changePassword`, only that, `me` and `logout` are answered.
    must_change_password: bool,
    /// Whether the next try at this login needs a `captcha`; the same for logins that do not exist.
    captcha_required: bool,
    /// Tries to recover this login's password that failed since the last time it logged in; null where there were none. Told
    /// once: show it.
    recovery_tried: Option<RecoveryTried>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Tries to recover a password that failed: by the person, or by somebody who guesses.
#[derive(SimpleObject)]
pub struct RecoveryTried {
    /// How many answers were wrong.
    count: u32,
    /// When the last of them was.
    last_at: DateTime<Utc>,
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

/// A session to be refreshed.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The newest refresh token of the session.
    refresh_token: String,
    /// Sent again with the same id after a lost answer, it gives the same tokens, as long as the new refresh token was not
    /// used.
    command_id: Option<Uuid>,
}

/// A session's next tokens.
#[derive(SimpleObject)]
pub struct RefreshSessionPayload {
    /// To be sent as `Authorization: Bearer TOKEN` from now on. The one before is good until it expires.
    token: Option<String>,
    /// When the token expires.
    expires_at: Option<DateTime<Utc>>,
    /// For the next time; the one sent is good no more.
    refresh_token: Option<String>,
    /// When the session ends, however often it is refreshed.
    session_ends_at: Option<DateTime<Utc>>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// A session to be ended.
#[derive(InputObject)]
pub struct LogoutInput {
    /// The session's refresh token. It names the session, also where the token sent is over, or none is sent.
    refresh_token: Option<String>,
    /// Taken as with every mutation. A session that was ended twice has ended once: nothing depends on it.
    command_id: Option<Uuid>,
}

/// The end of a session.
#[derive(SimpleObject)]
pub struct LogoutPayload {
    /// Always true: the token sent is worth nothing any more, nor is any other of its session, and of that of the refresh token.
    logged_out: bool,
}

/// A new password of one's own.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The one there is.
    old_password: String,
    /// The one there shall be: another one, as the rule pack asks; at most 256 bytes.
    new_password: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of one's account as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// What became of a new password.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// Whether it is in force.
    changed: bool,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Logging in and out, and one's own password.
#[derive(Default)]
pub struct DoorMutation;

#[Object]
impl DoorMutation {
    /// Opens a session. Counts for much: a password is dear to check.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn login(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: LoginInput,
    ) -> Result<LoginPayload, Error> {
        count_try(context).await?;
        let app = app(context)?;
        let visitor = visitor(
            context,
            input.captcha_id,
            input.captcha_answer,
            input.command_id,
        );
        let desk = &app.desk;
        let opened = desk.log_in(&input.login, input.password, &visitor).await;
        let opened = opened.map_err(Failure::from);
        let (session, user_errors) = split(context, opened)?;
        let Some(session) = session else {
            let captcha_required = desk.login_needs_captcha(&input.login).await;
            return Ok(LoginPayload {
                token: None,
                expires_at: None,
                refresh_token: None,
                session_ends_at: None,
                account: None,
                must_change_password: false,
                captcha_required: captcha_required.map_err(|e| system(&e))?,
                recovery_tried: None,
                user_errors,
            });
        };
        let account = session.account;
        let known = app.desk.account(account).await.map_err(|e| system(&e))?;
        let state = known.ok_or_else(|| fault(Code::Internal))?;
        let must_change = desk.must_change_password(account).await;
        let must_change_password = must_change.map_err(|e| system(&e))?;
        let tried = desk.tell_tried(&input.login).await;
        let recovery_tried = tried.map_err(|e| system(&e))?.map(|tried| RecoveryTried {
            count: tried.count,
            last_at: tried.last_at,
        });
        let account = LoggedIn {
            id: global_id("account", account.0),
            name: open(context, Sight::Clear, "name", state.name.as_ref()).await?,
            roles: state.roles.iter().copied().map(Role::from).collect(),
        };
        Ok(LoginPayload {
            token: Some(session.token),
            expires_at: Some(session.expires_at),
            refresh_token: Some(session.refresh_token),
            session_ends_at: Some(session.ends_at),
            account: Some(account),
            must_change_password,
            captcha_required: false,
            recovery_tried,
            user_errors,
        })
    }

    /// Gives the next tokens of a session against its refresh token; needs no other. A refresh token is good once: used
    /// twice it is in two hands, and the session ends with all its tokens (`TOKEN_REUSED`). Give a `commandId`, and the same
    /// one when you ask again because no answer came.
    #[graphql(complexity = "50 + child_complexity")]
    async fn refresh_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RefreshSessionInput,
    ) -> Result<RefreshSessionPayload, Error> {
        let desk = &app(context)?.desk;
        let refreshed = desk.refresh_session(
            &input.refresh_token,
            input.command_id.map(CommandId),
            address(context),
        );
        let refreshed = refreshed.await.map_err(Failure::from);
        let (session, user_errors) = split(context, refreshed)?;
        let (token, expires_at, refresh_token, session_ends_at) =
            session.map_or_else(<(_, _, _, _)>::default, |session| {
                (
                    Some(session.token),
                    Some(session.expires_at),
                    Some(session.refresh_token),
                    Some(session.ends_at),
                )
            });
        Ok(RefreshSessionPayload {
            token,
            expires_at,
            refresh_token,
            session_ends_at,
            user_errors,
        })
    }

    /// Ends the session of the token sent, with every token it has, also where that token ran out. Give the refresh token, too: the
    /// access tokens before the last two are forgotten when a session is refreshed, and name it no more. Of a token that
    /// is unknown it is said, too, that it is worth nothing: a log-out whose answer was lost can be sent again.
    async fn logout(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: Option<LogoutInput>,
    ) -> Result<LogoutPayload, Error> {
        let refresh_token = input.and_then(|input| input.refresh_token);
        let over = context.data_opt::<TokenOver>();
        let over = over.map(|TokenOver(token)| &**token);
        let desk = &app(context)?.desk;
        let ended = desk.end_session(over, refresh_token.as_deref(), address(context));
        ended.await.map_err(|error| system(&error))?;
        let anybody = context.data_opt::<Viewer>().is_some();
        if over.is_some() || refresh_token.is_some() && !anybody {
            return Ok(LogoutPayload { logged_out: true });
        }
        let viewer = viewer_at_the_door(context)?;
        let Credential::Session(token) = &viewer.credential else {
            let ends = (
                "身份认证服务的令牌须在该服务处退出",
                "a provider's token ends at its provider",
            );
            return Err(fault_because(Code::BadRequest, ends));
        };
        let account = viewer.actor.account;
        let ended = desk.log_out(account, token, address(context)).await;
        ended.map_err(|error| system(&error))?;
        Ok(LogoutPayload { logged_out: true })
    }

    /// Changes one's own password. Every other session of the account ends.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn change_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload, Error> {
        let viewer = viewer_at_the_door(context)?;
        let ChangePasswordInput {
            old_password: old,
            new_password: new,
            command_id,
            expected_revision,
        } = input;
        let options = options(command_id, expected_revision);
        let kept = match &viewer.credential {
            Credential::Session(token) => token,
            Credential::Provider => "",
        };
        let desk = &app(context)?.desk;
        let changed = desk
            .change_password(&viewer.actor, old, new, kept, address(context), &options)
            .await
            .map_err(Failure::from)
            .map_err(|failure| match failure {
                Failure::Refused(refused) => {
                    let of_the_new = [Code::UnfitPassword.code(), Reason::NoChange.code()];
                    let path = if refused.code == Reason::StaleRevision.code() {
                        "expectedRevision"
                    } else if of_the_new.contains(&refused.code) {
                        "newPassword"
                    } else {
                        "oldPassword"
                    };
                    Failure::Refused(Refused {
                        path: Some(path),
                        ..refused
                    })
                }
                fault @ Failure::Fault(_) => fault,
            });
        let (changed, user_errors) = split(context, changed)?;
        Ok(ChangePasswordPayload {
            changed: changed.is_some(),
            position: changed.map(|outcome| Position(outcome.position)),
            user_errors,
        })
    }
}
