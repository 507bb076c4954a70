//! Reply templates and reusable phrases: of each department, and of the centre for its direct answers.

use super::common::{
    Position, UserError, app, global_id, local_id, open, options, split, wait_for,
};
use super::limits::counted;
use crate::auth::viewer;
use crate::error::{Code, Failure, fault, system};
use crate::rights::Sight;
use async_graphql::{Context, Enum, Error, ID, InputObject, Object, SimpleObject};
use docket_core::clock::new_id;
use docket_core::desk::Options;
use docket_domain::ids::PhraseId;
use docket_domain::phrasebook::{self as domain, Owner, PhraseAction};
use uuid::Uuid;

/// What a text is for.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "docket_domain::phrasebook::PhraseKind")]
pub enum PhraseKind {
    /// 答复模板: a whole reply to begin from.
    Template,
    /// 常用语: a part of one.
    Phrase,
}

/// A reply template or a reusable phrase.
#[derive(Clone)]
pub struct Phrase(domain::Phrase);

/// A reply template or a reusable phrase.
#[Object]
impl Phrase {
    /// Global id.
    pub async fn id(&self) -> ID {
        global_id("phrase", self.0.id.0)
    }

    /// 1 when added, and one more with every change. Give it as `expectedRevision`.
    async fn revision(&self) -> u32 {
        self.0.revision
    }

    /// What it is for.
    async fn kind(&self) -> PhraseKind {
        self.0.kind.into()
    }

    /// What it is found by.
    async fn title(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        open(context, Sight::Clear, "title", Some(&self.0.title)).await
    }

    /// The text.
    async fn text(&self, context: &Context<'_>) -> Result<Option<String>, Error> {
        open(context, Sight::Clear, "text", Some(&self.0.text)).await
    }
}

impl Phrase {
    pub(super) const fn key(&self) -> PhraseId {
        self.0.id
    }
}

/// The texts of one's place; none for whoever has no such place.
pub(super) async fn seen(context: &Context<'_>) -> Result<Vec<Phrase>, Error> {
    let Some(owner) = Owner::of(&viewer(context)?.actor) else {
        return Ok(Vec::new());
    };
    let book = app(context)?.desk.phrasebook(owner).await;
    let book = book.map_err(|error| system(&error))?;
    Ok(book.phrases.iter().cloned().map(Phrase).collect())
}

/// Which texts of a phrasebook.
#[derive(InputObject, Default)]
pub struct PhraseFilter {
    /// Only this kind.
    kind: Option<PhraseKind>,
}

/// Queries about phrasebooks.
#[derive(Default)]
pub struct PhrasebookQuery;

#[Object]
impl PhrasebookQuery {
    /// The texts of the phrasebook of one's place, in order of birth, at most 500: a department's for it and
    /// its units, the centre's for the centre.
    #[graphql(complexity = "50 + 20 * child_complexity")]
    async fn phrases(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<PhraseFilter>,
        #[graphql(desc = "Only this kind.", deprecation = "Give it in `filter`.")] kind: Option<
            PhraseKind,
        >,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Vec<Phrase>, Error> {
        let owner = own(context)?;
        wait_for(context, min_position).await?;
        let book = app(context)?.desk.phrasebook(owner).await;
        let book = book.map_err(|error| system(&error))?;
        let kind = filter.and_then(|filter| filter.kind).or(kind);
        let kind = kind.map(domain::PhraseKind::from);
        let wanted = |phrase: &&domain::Phrase| kind.is_none_or(|kind| kind == phrase.kind);
        let found = book.phrases.iter().filter(wanted).cloned();
        counted(context, found.map(Phrase).collect())
    }
}

/// A text to be added.
#[derive(InputObject)]
pub struct AddPhraseInput {
    /// What it is for.
    kind: PhraseKind,
    /// What it is found by.
    title: String,
    /// The text.
    text: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
}

/// A text to be changed.
#[derive(InputObject)]
pub struct ChangePhraseInput {
    /// Which.
    id: ID,
    /// What it is found by.
    title: String,
    /// The text.
    text: String,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the text as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A text to be removed.
#[derive(InputObject)]
pub struct RemovePhraseInput {
    /// Which.
    id: ID,
    /// Sent again with the same id, the command takes effect once.
    command_id: Option<Uuid>,
    /// The `revision` of the text as it was seen: if that has moved since, the command is refused (`STALE_REVISION`).
    expected_revision: Option<i32>,
}

/// A text after the command.
#[derive(SimpleObject)]
pub struct PhrasePayload {
    /// The text; null where it was refused or removed.
    phrase: Option<Phrase>,
    /// The position of the command's event: give it as `minPosition` to read your own writes.
    position: Option<Position>,
    /// Why not.
    user_errors: Vec<UserError>,
}

/// Commands about phrasebooks: a department's leaders keep its book, the hotline office the centre's.
#[derive(Default)]
pub struct PhrasebookMutation;

#[Object]
impl PhrasebookMutation {
    /// Adds a text to the phrasebook of one's place.
    async fn add_phrase(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: AddPhraseInput,
    ) -> Result<PhrasePayload, Error> {
        // The command's own id, so that a repeated command names the same text.
        let clock = &*app(context)?.store.clock;
        let action = PhraseAction::Add {
            id: input.command_id.map_or_else(|| new_id(clock), PhraseId),
            kind: input.kind.into(),
            title: input.title,
            text: input.text,
        };
        keep(context, action, &options(input.command_id, None)).await
    }

    /// Changes a text of the phrasebook of one's place.
    async fn change_phrase(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ChangePhraseInput,
    ) -> Result<PhrasePayload, Error> {
        let action = PhraseAction::Change {
            id: local_id("phrase", &input.id)?,
            title: input.title,
            text: input.text,
        };
        let options = options(input.command_id, input.expected_revision);
        keep(context, action, &options).await
    }

    /// Removes a text from the phrasebook of one's place.
    async fn remove_phrase(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RemovePhraseInput,
    ) -> Result<PhrasePayload, Error> {
        let action = PhraseAction::Remove {
            id: local_id("phrase", &input.id)?,
        };
        let options = options(input.command_id, input.expected_revision);
        keep(context, action, &options).await
    }
}

/// The book of the place the account works at.
fn own(context: &Context<'_>) -> Result<Owner, Error> {
    Owner::of(&viewer(context)?.actor).ok_or_else(|| fault(Code::Forbidden))
}

async fn keep(
    context: &Context<'_>,
    action: PhraseAction<String>,
    options: &Options,
) -> Result<PhrasePayload, Error> {
    let (owner, id) = (own(context)?, action.id());
    let actor = &viewer(context)?.actor;
    let desk = &app(context)?.desk;
    let kept = desk.keep_phrase(actor, owner, action, options).await;
    let (outcome, user_errors) = split(context, kept.map_err(Failure::from))?;
    let position = outcome.as_ref().map(|outcome| Position(outcome.position));
    let phrase = outcome.and_then(|outcome| outcome.state.phrase(id).cloned());
    Ok(PhrasePayload {
        position,
        phrase: phrase.map(Phrase),
        user_errors,
    })
}
