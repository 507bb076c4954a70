//! Recovering a forgotten password, and the captchas between failures.

use super::door::{count_try, visitor};
use crate::auth::viewer;
use crate::captcha::draw;
use crate::error::{Code, Failure, Refused, system};
use crate::graphql::common::{Position, UserError, app, options, split};
use async_graphql::{Context, Enum, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::desk::Recovery;
use docket_domain::Reason;
use docket_domain::account::RecoveryQuestion as DomainQuestion;
use uuid::Uuid;

/// A question that its person alone should know the answer to.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "DomainQuestion")]
pub enum RecoveryQuestionCode {
    /// What was your first school called?
    FirstSchool,
    /// Who was your first form teacher?
    FirstTeacher,
    /// Who was your closest friend as a child?
    ChildhoodFriend,
    /// In which street or village did you grow up?
    ChildhoodStreet,
    /// Where was your mother born?
    MothersBirthplace,
    /// Where did you first work?
    FirstEmployer,
    /// Which book influenced you most?
    FavouriteBook,
    /// Where did your first long journey take you?
    FirstJourney,
}

/// A question to recover a password by.
#[derive(SimpleObject)]
pub struct RecoveryQuestion {
    /// Which.
    code: RecoveryQuestionCode,
    /// The question in Chinese.
    zh: &'static str,
    /// The question in English.
    en: &'static str,
}

impl From<DomainQuestion> for RecoveryQuestion {
    fn from(question: DomainQuestion) -> Self {
        Self {
            code: question.into(),
            zh: question.zh(),
            en: question.en(),
        }
    }
}

/// An image with digits that people read and programs do not so easily.
#[derive(SimpleObject)]
pub struct Captcha {
    /// To be sent as `captchaId`.
    id: String,
    /// The image: an SVG document to be put into the page as it is.
    svg: String,
    /// When it is over. It is good for one try, right or wrong.
    expires_at: DateTime<Utc>,
}

/// Question and answer for one's own account.
#[derive(InputObject)]
pub struct SetRecoveryInput {
    /// The question.
    question: RecoveryQuestionCode,
    /// The answer: case, full-width forms and spaces around it do not matter. At most 64 characters.
    answer: String,
    /// The password of one's account.
    password: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of one's account as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// What became of question and answer.
#[derive(SimpleObject)]
pub struct SetRecoveryPayload {
    /// Whether they are in force.
    set: bool,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// A new password against the answer to the recovery question.
#[derive(InputObject)]
pub struct RecoverPasswordInput {
    /// The login; case does not matter.
    login: String,
    /// The answer to its question.
    answer: String,
    /// The password there shall be, as the rule pack asks; at most 256 bytes.
    new_password: String,
    /// The id of a `captcha`, where one is required: after two failures in a row.
    captcha_id: Option<String>,
    /// What is to be read on it.
    captcha_answer: Option<String>,
    /// Sent again with the same id, the command takes effect once. The answer has to be right each time.
    command_id: Option<Uuid>,
}

/// What became of a recovery.
#[derive(SimpleObject)]
pub struct RecoverPasswordPayload {
    /// Whether the new password is in force. Every session of the account has ended then; log in with it.
    recovered: bool,
    /// The position of the command's event: give it as `minPosition` once you are logged in.
    position: Option<Position>,
    /// Whether the next try at this login needs a `captcha`; the same for logins that do not exist.
    captcha_required: bool,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Queries for those who are not in yet. None needs a login, and none tells whether one exists.
#[derive(Default)]
pub struct RecoveryQuery;

#[Object]
impl RecoveryQuery {
    /// A new captcha, for a login or recovery after two failures in a row.
    #[graphql(complexity = "200 + child_complexity")]
    async fn captcha(&self, context: &Context<'_>) -> Result<Captcha, Error> {
        let captcha = app(context)?.desk.captcha();
        Ok(Captcha {
            svg: draw(&captcha.digits),
            id: captcha.id,
            expires_at: captcha.expires_at,
        })
    }

    /// The questions to choose from for recovery.
    async fn recovery_questions(&self) -> Vec<RecoveryQuestion> {
        DomainQuestion::ALL
            .iter()
            .copied()
            .map(RecoveryQuestion::from)
            .collect()
    }

    /// The question that recovers the password of a login. One that does not exist, or has none, is said to have
    /// one too, always the same.
    #[graphql(complexity = "200 + child_complexity")]
    async fn recovery_question(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The login; case does not matter.")] login: String,
    ) -> Result<RecoveryQuestion, Error> {
        let question = app(context)?.desk.recovery_question(&login).await;
        Ok(question.map_err(|e| system(&e))?.into())
    }
}

/// Setting question and answer, and recovering by them.
#[derive(Default)]
pub struct RecoveryMutation;

#[Object]
impl RecoveryMutation {
    /// Sets question and answer for recovery of one's own account, in place of those there were.
    #[graphql(complexity = "2_000 + child_complexity")]
    async fn set_recovery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SetRecoveryInput,
    ) -> Result<SetRecoveryPayload, Error> {
        let recovery = Recovery {
            question: input.question.into(),
            answer: input.answer,
        };
        let actor = &viewer(context)?.actor;
        let options = options(input.command_id, input.expected_revision);
        let desk = &app(context)?.desk;
        let set = desk
            .set_recovery(actor, &recovery, input.password, &options)
            .await;
        let set = set.map_err(Failure::from).map_err(|failure| match failure {
            Failure::Refused(refused) if refused.path.is_none() => Failure::Refused(Refused {
                path: Some("password"),
                ..refused
            }),
            failure => failure,
        });
        let (set, user_errors) = split(context, set)?;
        Ok(SetRecoveryPayload {
            set: set.is_some(),
            position: set.map(|outcome| Position(outcome.position)),
            user_errors,
        })
    }

    /// Gives an account a new password against the answer to its recovery question, and ends its sessions. Needs
    /// no login. The log tells that it was done; neither answer nor password is in it. Wrong answers lock apart
    /// from wrong passwords, each for longer, whether the login exists or not, and the next login tells of them.
    #[graphql(complexity = "4_000 + child_complexity")]
    async fn recover_password(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RecoverPasswordInput,
    ) -> Result<RecoverPasswordPayload, Error> {
        count_try(context).await?;
        let desk = &app(context)?.desk;
        let visitor = visitor(
            context,
            input.captcha_id,
            input.captcha_answer,
            input.command_id,
        );
        let recovered = desk
            .recover_password(&input.login, &input.answer, input.new_password, &visitor)
            .await;
        let recovered = recovered
            .map_err(Failure::from)
            .map_err(at_the_new_password);
        let (recovered, user_errors) = split(context, recovered)?;
        let needs = desk.recovery_needs_captcha(&input.login).await;
        Ok(RecoverPasswordPayload {
            recovered: recovered.is_some(),
            position: recovered.map(|outcome| Position(outcome.position)),
            captcha_required: needs.map_err(|e| system(&e))?,
            user_errors,
        })
    }
}

/// The path of an unfit password is that of the new one; of nothing else the field is told.
fn at_the_new_password(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(refused) => {
            let unfit = refused.code == Code::UnfitPassword.code();
            // Deactivated or erased since the answer was checked.
            let gone = refused.code == Reason::NotFound.code();
            if gone {
                return Code::AccountDeactivated.into();
            }
            Failure::Refused(Refused {
                path: unfit.then_some("newPassword"),
                ..refused
            })
        }
        fault @ Failure::Fault(_) => fault,
    }
}
