//! Phrasebooks: reply templates (答复模板) and reusable phrases (常用语). Each department has one, which its
//! units read too; the centre has one for its direct answers. What a text says is sealed, as everywhere.

use crate::aggregate::{Aggregate, Encoded, Stamp, UnknownEvent, read_data, write_data};
use crate::ids::{DepartmentId, PhraseId};
use crate::people::{Actor, Role};
use crate::refusal::{Detail, Reason, Refusal, ensure_revision};
use crate::rules::TextLimits;
use crate::sealed::Sealed;
use serde::{Deserialize, Serialize};

/// Most phrases of one book. A technical limit.
pub const PHRASES_MAX: usize = 500;

/// Whose book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The hotline centre.
    Centre,
    /// A department with its units.
    Department(DepartmentId),
}

impl Owner {
    /// The book an account reads from, if any.
    #[must_use]
    pub fn of(actor: &Actor) -> Option<Self> {
        if actor.in_centre() {
            return Some(Self::Centre);
        }
        actor
            .department
            .filter(|_| actor.in_office())
            .map(Self::Department)
    }

    /// Whether the account keeps the book: the hotline office the centre's, its leaders a department's.
    fn is_kept_by(self, actor: &Actor) -> bool {
        match self {
            Self::Centre => actor.has(Role::Office),
            Self::Department(department) => {
                actor.has(Role::Leader)
                    && actor.department == Some(department)
                    && actor.unit.is_none()
            }
        }
    }
}

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhraseKind {
    /// A whole reply to begin from (答复模板).
    Template,
    /// A part of one (常用语).
    Phrase,
}

/// A book as folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrasebook {
    /// Its texts, in order of birth.
    pub phrases: Vec<Phrase>,
}

/// A template or a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// Its id.
    pub id: PhraseId,
    /// What it is for.
    pub kind: PhraseKind,
    /// What it is found by.
    pub title: Sealed,
    /// The text.
    pub text: Sealed,
    /// 1 when added, and one more with every change.
    pub revision: u32,
}

impl Phrasebook {
    /// A text by id.
    #[must_use]
    pub fn phrase(&self, id: PhraseId) -> Option<&Phrase> {
        self.phrases.iter().find(|phrase| phrase.id == id)
    }
}

/// What may be asked; `T` is the type of its texts.
#[derive(Clone, Debug, Serialize)]
pub enum PhraseAction<T> {
    /// Adds a text.
    Add {
        /// Its new id.
        id: PhraseId,
        /// What it is for.
        kind: PhraseKind,
        /// What it is found by.
        title: T,
        /// The text.
        text: T,
    },
    /// Changes a text.
    Change {
        /// Which.
        id: PhraseId,
        /// What it is found by.
        title: T,
        /// The text.
        text: T,
    },
    /// Removes a text; what was said with it stays said.
    Remove {
        /// Which.
        id: PhraseId,
    },
}

impl<T> PhraseAction<T> {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add_phrase",
            Self::Change { .. } => "change_phrase",
            Self::Remove { .. } => "remove_phrase",
        }
    }

    /// Which text.
    #[must_use]
    pub const fn id(&self) -> PhraseId {
        match self {
            Self::Add { id, .. } | Self::Change { id, .. } | Self::Remove { id } => *id,
        }
    }
}

/// A command with who gives it, and on whose book.
#[derive(Clone, Debug)]
pub struct PhraseCommand {
    /// Who asks.
    pub actor: Actor,
    /// Whose book.
    pub owner: Owner,
    /// The longest texts.
    pub max: TextLimits,
    /// What for, texts sealed.
    pub action: PhraseAction<Sealed>,
    /// The revision of the text that the client saw; the command is refused if that was changed since.
    pub expected_revision: Option<u32>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhraseEvent {
    /// A text was added.
    Added(PhraseAdded),
    /// A text was changed.
    Changed(PhraseChanged),
    /// A text was removed.
    Removed(PhraseRemoved),
}

/// A text was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhraseAdded {
    /// Its id.
    pub phrase: PhraseId,
    /// What it is for.
    pub kind: PhraseKind,
    /// What it is found by.
    pub title: Sealed,
    /// The text.
    pub text: Sealed,
}

/// A text was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhraseChanged {
    /// Which.
    pub phrase: PhraseId,
    /// What it is found by.
    pub title: Sealed,
    /// The text.
    pub text: Sealed,
}

/// A text was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhraseRemoved {
    /// Which.
    pub phrase: PhraseId,
}

const ADDED: &str = "phrase_added";
const CHANGED: &str = "phrase_changed";
const REMOVED: &str = "phrase_removed";

impl Aggregate for Phrasebook {
    const CATEGORY: &'static str = "phrasebook";
    const EVENT_TYPES: &'static [&'static str] = &[ADDED, CHANGED, REMOVED];
    type State = Self;
    type Command = PhraseCommand;
    type Event = PhraseEvent;

    fn decide(state: &Self, command: PhraseCommand) -> Result<Vec<PhraseEvent>, Refusal> {
        let PhraseCommand {
            actor,
            owner,
            max,
            action,
            expected_revision,
        } = command;
        let (name, id) = (action.name(), action.id());
        let refuse = |reason| Refusal::new(name, "phrasebook", reason);
        if !owner.is_kept_by(&actor) {
            return Err(refuse(Reason::RoleNotAllowed));
        }
        let known = state.phrase(id);
        if let Some(phrase) = known {
            ensure_revision(expected_revision, phrase.revision)
                .map_err(|no| no.to(name, "phrasebook"))?;
        }
        let known = known.is_some();
        let event = match action {
            PhraseAction::Add { .. } if known => return Err(refuse(Reason::AlreadyExists)),
            PhraseAction::Change { .. } | PhraseAction::Remove { .. } if !known => {
                return Err(refuse(Reason::NotFound).at("id"));
            }
            PhraseAction::Add { .. } if state.phrases.len() >= PHRASES_MAX => {
                let detail = (
                    format!("每个部门至多{PHRASES_MAX}条"),
                    format!("at most {PHRASES_MAX} in one book"),
                );
                return Err(refuse(Reason::InvalidValue).because(detail));
            }
            PhraseAction::Add {
                kind, title, text, ..
            } => {
                check(&title, &text, max, &refuse)?;
                PhraseEvent::Added(PhraseAdded {
                    phrase: id,
                    kind,
                    title,
                    text,
                })
            }
            PhraseAction::Change { title, text, .. } => {
                check(&title, &text, max, &refuse)?;
                PhraseEvent::Changed(PhraseChanged {
                    phrase: id,
                    title,
                    text,
                })
            }
            PhraseAction::Remove { .. } => PhraseEvent::Removed(PhraseRemoved { phrase: id }),
        };
        Ok(vec![event])
    }

    fn evolve(state: &mut Self, _: &Stamp, event: &PhraseEvent) {
        match event {
            PhraseEvent::Added(e) => state.phrases.push(Phrase {
                id: e.phrase,
                kind: e.kind,
                title: e.title.clone(),
                text: e.text.clone(),
                revision: 1,
            }),
            PhraseEvent::Changed(e) => {
                if let Some(phrase) = state.phrases.iter_mut().find(|p| p.id == e.phrase) {
                    phrase.title = e.title.clone();
                    phrase.text = e.text.clone();
                    phrase.revision += 1;
                }
            }
            PhraseEvent::Removed(e) => state.phrases.retain(|phrase| phrase.id != e.phrase),
        }
    }

    fn encode(event: &PhraseEvent) -> Encoded {
        let (event_type, data) = match event {
            PhraseEvent::Added(e) => (ADDED, write_data(e)),
            PhraseEvent::Changed(e) => (CHANGED, write_data(e)),
            PhraseEvent::Removed(e) => (REMOVED, write_data(e)),
        };
        Encoded {
            event_type,
            schema_version: 1,
            data,
        }
    }

    fn decode(event_type: &str, data: &str) -> Result<PhraseEvent, UnknownEvent> {
        Ok(match event_type {
            ADDED => PhraseEvent::Added(read_data(Self::CATEGORY, event_type, data)?),
            CHANGED => PhraseEvent::Changed(read_data(Self::CATEGORY, event_type, data)?),
            REMOVED => PhraseEvent::Removed(read_data(Self::CATEGORY, event_type, data)?),
            other => {
                return Err(UnknownEvent::Type {
                    category: Self::CATEGORY,
                    event_type: other.into(),
                });
            }
        })
    }
}

fn check(
    title: &Sealed,
    text: &Sealed,
    max: TextLimits,
    refuse: &impl Fn(Reason) -> Refusal,
) -> Result<(), Refusal> {
    for (field, sealed, most) in [("title", title, max.short), ("text", text, max.answer)] {
        if sealed.chars == 0 {
            return Err(refuse(Reason::Required).at(field));
        }
        if sealed.chars > most {
            let detail = Detail::at_most_characters(most);
            return Err(refuse(Reason::TooLong).at(field).because(detail));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::ticket::scenario::*;
    use uuid::Uuid;

    const BOOK: Owner = Owner::Department(DEPARTMENT);

    fn id(n: u128) -> PhraseId {
        PhraseId(Uuid::from_u128(n))
    }

    fn add(n: u128, title: &str, text: &str) -> PhraseAction<Sealed> {
        PhraseAction::Add {
            id: id(n),
            kind: PhraseKind::Template,
            title: sealed(title),
            text: sealed(text),
        }
    }

    fn decide(
        state: &Phrasebook,
        actor: Actor,
        owner: Owner,
        action: PhraseAction<Sealed>,
    ) -> Result<Vec<PhraseEvent>, Refusal> {
        let command = PhraseCommand {
            actor,
            owner,
            max: Rules::default_pack().texts(),
            action,
            expected_revision: None,
        };
        Phrasebook::decide(state, command)
    }

    fn keep(state: &mut Phrasebook, action: PhraseAction<Sealed>) {
        for event in decide(state, leader(), BOOK, action).unwrap() {
            let encoded = Phrasebook::encode(&event);
            let again = Phrasebook::decode(encoded.event_type, &encoded.data).unwrap();
            assert_eq!(again, event);
            Phrasebook::evolve(state, &stamp(), &event);
        }
    }

    #[test]
    fn a_text_is_added_changed_and_removed() {
        let mut book = Phrasebook::default();
        keep(&mut book, add(1, "已停工", "施工方已停止夜间施工。"));
        keep(&mut book, add(2, "已约谈", "已约谈负责人。"));
        let change = PhraseAction::Change {
            id: id(1),
            title: sealed("停工"),
            text: sealed("已责令停工。"),
        };
        keep(&mut book, change);
        assert_eq!(book.phrase(id(1)).unwrap().title, sealed("停工"));
        keep(&mut book, PhraseAction::Remove { id: id(1) });
        assert_eq!(book.phrases.len(), 1);
        let gone = decide(&book, leader(), BOOK, PhraseAction::Remove { id: id(1) });
        assert_eq!(gone.unwrap_err().reason, Reason::NotFound);
        let twice = decide(&book, leader(), BOOK, add(2, "题", "文"));
        assert_eq!(twice.unwrap_err().reason, Reason::AlreadyExists);
    }

    #[test]
    fn a_text_is_changed_as_it_was_seen_or_not_at_all() {
        let mut book = Phrasebook::default();
        keep(&mut book, add(1, "已停工", "施工方已停止夜间施工。"));
        let asked = |seen, action| PhraseCommand {
            actor: leader(),
            owner: BOOK,
            max: Rules::default_pack().texts(),
            action,
            expected_revision: Some(seen),
        };
        let change = |text| PhraseAction::Change {
            id: id(1),
            title: sealed("停工"),
            text: sealed(text),
        };
        for revision in 1..3 {
            assert_eq!(book.phrase(id(1)).unwrap().revision, revision);
            for action in [change("已停。"), PhraseAction::Remove { id: id(1) }] {
                for other in [revision - 1, revision + 1] {
                    let stale =
                        Phrasebook::decide(&book, asked(other, action.clone())).unwrap_err();
                    assert_eq!(stale.reason, Reason::StaleRevision);
                    assert_eq!(stale.field, Some("expectedRevision"));
                }
                assert!(Phrasebook::decide(&book, asked(revision, action)).is_ok());
            }
            keep(&mut book, change("已责令停工。"));
        }
    }

    #[test]
    fn leaders_keep_their_departments_and_the_office_the_centres() {
        let book = Phrasebook::default();
        for (who, actor) in everybody() {
            let may = |owner| decide(&book, actor.clone(), owner, add(1, "题", "文")).is_ok();
            assert_eq!(may(BOOK), who == "level-1 leader", "{who}");
            assert_eq!(may(Owner::Centre), who == "hotline office", "{who}");
            assert!(!may(Owner::Department(OTHER_DEPARTMENT)), "{who}");
        }
    }

    #[test]
    fn everybody_reads_the_book_of_their_place() {
        assert_eq!(Owner::of(&operator()), Some(Owner::Centre));
        assert_eq!(Owner::of(&clerk()), Some(BOOK));
        assert_eq!(Owner::of(&unit_clerk()), Some(BOOK));
        for nobody in [citizen(), auditor(), analyst(), administrator()] {
            assert_eq!(Owner::of(&nobody), None);
        }
    }

    #[test]
    fn title_and_text_are_needed_and_have_limits() {
        let book = Phrasebook::default();
        for (title, text, reason, field) in [
            ("", "文", Reason::Required, "title"),
            ("题", "", Reason::Required, "text"),
            (&*"长".repeat(201), "文", Reason::TooLong, "title"),
            ("题", &*"长".repeat(5001), Reason::TooLong, "text"),
        ] {
            let refused = decide(&book, leader(), BOOK, add(1, title, text)).unwrap_err();
            assert_eq!((refused.reason, refused.field), (reason, Some(field)));
        }
    }

    #[test]
    fn a_book_has_an_end() {
        let mut book = Phrasebook::default();
        for n in 1..=PHRASES_MAX {
            keep(&mut book, add(n as u128, "题", "文"));
        }
        let refused = decide(&book, leader(), BOOK, add(0xFFFF, "题", "文")).unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidValue);
    }
}
