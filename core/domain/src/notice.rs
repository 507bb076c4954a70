//! Notices (公告): what the hotline office tells the departments, and who has read it. Each is a stream of its own.
//! What it says is sealed, as everywhere. A change makes a further edition; a read mark is of one edition, so that
//! nobody is on record as having read what they were never shown.

mod events;
#[cfg(test)]
mod tests;

pub use events::{NoticeChanged, NoticeEvent, NoticePublished, NoticeRead, NoticeWithdrawn};

use crate::account::Given;
use crate::ids::{AccountId, DepartmentId};
use crate::organisation::{OFFICES_MAX, Organisation};
use crate::people::{Actor, Role};
use crate::refusal::{Detail, Reason, Refusal, ensure_revision};
use crate::rules::TextLimits;
use crate::sealed::Sealed;
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most accounts whose reading one notice remembers. A technical limit.
pub const READERS_MAX: usize = 20_000;

/// A notice as folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// What it says, once it is published.
    pub content: Option<Content<Sealed>>,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// When it was changed last.
    pub changed_at: Option<Timestamp>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Timestamp>,
    /// How often it was published or changed.
    pub edition: u32,
    /// The edition each account has read last.
    pub readers: BTreeMap<AccountId, u32>,
}

/// What a notice says, and to whom; `T` is the type of its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content<T> {
    /// Title.
    pub title: T,
    /// Body.
    pub body: T,
    /// The departments it is addressed to, their units included; `None`: all.
    pub departments: Option<Vec<DepartmentId>>,
    /// Until when it holds; `None`: until it is withdrawn.
    pub expires_at: Option<Timestamp>,
}

/// What a notice is to say from now on; `T` is the type of its texts.
#[derive(Clone, Debug, Serialize)]
pub struct Change<T> {
    /// Title.
    pub title: T,
    /// Body.
    pub body: T,
    /// The departments it is addressed to; nothing: all.
    pub departments: Given<Vec<DepartmentId>>,
    /// Until when it holds; nothing: until it is withdrawn.
    pub expires_at: Given<Timestamp>,
}

impl Change<Sealed> {
    /// The next edition of what a notice says.
    fn of(self, before: &Content<Sealed>) -> Content<Sealed> {
        Content {
            title: self.title,
            body: self.body,
            departments: self.departments.or(before.departments.clone()),
            expires_at: self.expires_at.or(before.expires_at),
        }
    }
}

/// The revision of a notice that was withdrawn, or not, in an edition.
#[must_use]
pub const fn revision(edition: u32, withdrawn: bool) -> u32 {
    edition + withdrawn as u32
}

/// Whether an account is among those a notice to these departments is for: the centre always is.
#[must_use]
pub fn is_for(departments: Option<&[DepartmentId]>, actor: &Actor) -> bool {
    let named = |department| departments.is_none_or(|of| of.contains(&department));
    actor.in_centre() || actor.in_office() && actor.department.is_some_and(named)
}

impl Notice {
    /// Whether the account may read it: those it is for as long as it holds, the hotline office and auditors ever.
    #[must_use]
    pub fn is_visible_to(&self, actor: &Actor, now: Timestamp) -> bool {
        let Some(content) = &self.content else {
            return false;
        };
        let holds = self.withdrawn_at.is_none() && content.expires_at.is_none_or(|at| at > now);
        actor.has_any(&[Role::Office, Role::Auditor])
            || holds && is_for(content.departments.as_deref(), actor)
    }

    /// Whether the account may know that it is or was there: whoever may read it, and of one that was withdrawn whoever it
    /// was for.
    fn is_known_to(&self, actor: &Actor, now: Timestamp) -> bool {
        let was_for = |content: &Content<Sealed>| is_for(content.departments.as_deref(), actor);
        let withdrawn = self.withdrawn_at.is_some();
        self.is_visible_to(actor, now) || withdrawn && self.content.as_ref().is_some_and(was_for)
    }

    /// Moves with every change, and when it is withdrawn; not when it is read.
    #[must_use]
    pub fn revision(&self) -> u32 {
        revision(self.edition, self.withdrawn_at.is_some())
    }

    /// Whether the account has read it as it stands.
    #[must_use]
    pub fn is_read_by(&self, account: AccountId) -> bool {
        self.readers.get(&account) == Some(&self.edition)
    }
}

/// What may be asked; `T` is the type of its texts.
#[derive(Clone, Debug, Serialize)]
pub enum NoticeAction<T> {
    /// Publishes a notice.
    Publish(Content<T>),
    /// Has it say something else, or to others.
    Change(Change<T>),
    /// Takes it back; that it was published stays on record.
    Withdraw,
    /// Notes that the account has read it as it stands.
    MarkRead,
}

impl<T> NoticeAction<T> {
    /// The stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Publish(_) => "publish_notice",
            Self::Change(_) => "change_notice",
            Self::Withdraw => "withdraw_notice",
            Self::MarkRead => "mark_notice_read",
        }
    }
}

/// A command with who gives it, when, and what it is decided by.
#[derive(Clone, Debug)]
pub struct NoticeCommand {
    /// Who asks.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
    /// The longest texts.
    pub max: TextLimits,
    /// The departments there are.
    pub organisation: Arc<Organisation>,
    /// What for, texts sealed.
    pub action: NoticeAction<Sealed>,
    /// The revision that the client saw; the command is refused if the notice was changed or withdrawn since.
    pub expected_revision: Option<u32>,
}

fn decide(notice: &Notice, command: &NoticeCommand) -> Result<Option<NoticeEvent>, Refusal> {
    let NoticeCommand { actor, now, .. } = command;
    let name = command.action.name();
    let refuse = |reason| Refusal::new(name, "notice", reason);
    let writes = !matches!(command.action, NoticeAction::MarkRead);
    if writes && !actor.has(Role::Office) {
        return Err(refuse(Reason::RoleNotAllowed));
    }
    let content = notice.content.as_ref();
    let fresh = matches!(command.action, NoticeAction::Publish(_));
    if fresh && content.is_some() {
        return Err(refuse(Reason::AlreadyExists));
    }
    if !fresh && !(content.is_some() && (writes || notice.is_known_to(actor, *now))) {
        return Err(refuse(Reason::NotFound).at("id"));
    }
    if !fresh && notice.withdrawn_at.is_some() {
        return Err(refuse(Reason::NoticeWithdrawn));
    }
    ensure_revision(command.expected_revision, notice.revision())
        .map_err(|no| no.to(name, "notice"))?;
    let event = match &command.action {
        NoticeAction::Publish(content) => {
            check(content, command, &refuse)?;
            NoticeEvent::Published(content.clone().into())
        }
        NoticeAction::Change(change) => {
            let before = content.ok_or_else(|| refuse(Reason::NotFound))?;
            let content = change.clone().of(before);
            check(&content, command, &refuse)?;
            NoticeEvent::Changed(content.into())
        }
        NoticeAction::Withdraw => NoticeEvent::Withdrawn(NoticeWithdrawn {}),
        NoticeAction::MarkRead => {
            let departments = content.and_then(|content| content.departments.as_deref());
            if !is_for(departments, actor) {
                return Err(refuse(Reason::RoleNotAllowed));
            }
            if notice.is_read_by(actor.account) {
                return Ok(None);
            }
            let first = !notice.readers.contains_key(&actor.account);
            if first && notice.readers.len() >= READERS_MAX {
                let detail = (
                    format!("一则公告至多{READERS_MAX}名读者"),
                    format!("at most {READERS_MAX} readers of one notice"),
                );
                return Err(refuse(Reason::InvalidValue).at("id").because(detail));
            }
            NoticeEvent::Read(NoticeRead {
                edition: notice.edition,
                department: actor.department.filter(|_| actor.in_office()),
                unit: actor.unit.filter(|_| actor.in_office()),
            })
        }
    };
    Ok(Some(event))
}

fn check(
    content: &Content<Sealed>,
    command: &NoticeCommand,
    refuse: &impl Fn(Reason) -> Refusal,
) -> Result<(), Refusal> {
    let max = command.max;
    for (field, sealed, most) in [
        ("title", &content.title, max.title),
        ("body", &content.body, max.body),
    ] {
        if sealed.chars == 0 {
            return Err(refuse(Reason::Required).at(field));
        }
        if sealed.chars > most {
            let detail = Detail::at_most_characters(most);
            return Err(refuse(Reason::TooLong).at(field).because(detail));
        }
    }
    if content.expires_at.is_some_and(|at| at <= command.now) {
        let detail = ("须为将来的时间", "a time that is still to come");
        return Err(refuse(Reason::InvalidValue).at("expiresAt").because(detail));
    }
    let Some(departments) = &content.departments else {
        return Ok(());
    };
    let field = "departmentIds";
    if departments.is_empty() || departments.len() > OFFICES_MAX {
        let detail = (
            format!("1至{OFFICES_MAX}个部门，或不填以面向全部"),
            format!("1 to {OFFICES_MAX} departments, or none at all for everybody"),
        );
        return Err(refuse(Reason::InvalidValue).at(field).because(detail));
    }
    let mut seen = std::collections::BTreeSet::new();
    for department in departments {
        if command.organisation.department(*department).is_none() {
            return Err(refuse(Reason::UnknownOffice).at(field));
        }
        if !seen.insert(*department) {
            return Err(refuse(Reason::OfficeTwice).at(field));
        }
    }
    Ok(())
}
