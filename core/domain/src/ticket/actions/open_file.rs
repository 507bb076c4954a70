//! Open a file (查阅附件): somebody sees what is in an attachment. A file cannot be masked, so whoever is not its caller
//! says what for, and every opening is on record: who, when, which, why.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{optional, refuse, required};
use crate::ids::{AccountId, AttachmentId};
use crate::sealed::{Field, Sealed, try_map_option};
use crate::ticket::state::TicketState;
use serde::{Deserialize, Serialize};

/// Opens a file.
#[derive(Clone, Debug, Serialize)]
pub struct OpenFile<T> {
    /// Which.
    pub attachment: AttachmentId,
    /// What for; the caller need not say.
    pub purpose: Option<T>,
}

/// A file was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOpened {
    /// Which.
    pub attachment: AttachmentId,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Sealed>,
}

impl<T> OpenFile<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<OpenFile<U>, E> {
        Ok(OpenFile {
            attachment: self.attachment,
            purpose: try_map_option(self.purpose, Field::of_ticket("purpose"), seal)?,
        })
    }
}

impl Action for OpenFile<Sealed> {
    const SPEC: Spec = Spec {
        name: "open_file",
        zh: "查阅附件",
        en: "Open file",
        event: FileOpened::TYPE,
        roles: &[
            Role::Citizen,
            Role::Operator,
            Role::Dispatcher,
            Role::CallBack,
            Role::Supervisor,
            Role::Office,
            Role::JointMeeting,
            Role::Clerk,
            Role::Leader,
        ],
        gate: Gate::Ticket(TicketState::ALL),
    };
    type Event = FileOpened;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        // Whoever only has the query code is told how it stands, and nothing more.
        if context.actor.account == AccountId::BEARER {
            return Err(Reason::NotOwnTicket);
        }
        let mut shown = ticket.attachments_for(&context.actor);
        shown.next().map(|_| ()).ok_or(Reason::NotFound)
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<FileOpened>, Refusal> {
        let actor = &context.actor;
        let file = ticket.attachment(self.attachment);
        if !file.is_some_and(|file| ticket.shows_file_to(file, actor)) {
            return Err(refuse::<Self>(ticket, Reason::NotFound).at("attachmentId"));
        }
        let max = context.rules.texts().short;
        match &self.purpose {
            purpose if ticket.is_own_of(actor) => {
                optional::<Self>(ticket, "purpose", purpose.as_ref(), max)?;
            }
            Some(purpose) => required::<Self>(ticket, "purpose", purpose, max)?,
            None => return Err(refuse::<Self>(ticket, Reason::Required).at("purpose")),
        }
        Ok(Some(FileOpened {
            attachment: self.attachment,
            purpose: self.purpose.filter(|purpose| purpose.chars > 0),
        }))
    }
}

impl Fact for FileOpened {
    const TYPE: &'static str = "file_opened";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, _: &mut Ticket, _: &Stamp) {}
}

#[cfg(test)]
mod tests {
    use super::OpenFile;
    use crate::refusal::Reason;
    use crate::ticket::TicketAction;
    use crate::ticket::scenario::*;

    fn open(purpose: Option<&str>) -> TicketAction<crate::Sealed> {
        TicketAction::OpenFile(OpenFile {
            attachment: id(0xA77),
            purpose: purpose.map(sealed),
        })
    }

    fn with_a_file() -> Given {
        signed().and(clerk(), attach_file())
    }

    #[test]
    fn staff_say_what_for_and_it_changes_nothing() {
        let before = with_a_file().fold();
        for who in [clerk(), leader(), operator(), dispatcher(), office()] {
            with_a_file()
                .when(who, open(Some("核实现场")))
                .then(|ticket| assert_eq!(*ticket, before));
        }
        for nothing in [None, Some("")] {
            with_a_file()
                .when(clerk(), open(nothing))
                .refused(Reason::Required, Some("purpose"));
        }
        with_a_file()
            .when(clerk(), open(Some(&"长".repeat(1000))))
            .refused(Reason::TooLong, Some("purpose"));
    }

    #[test]
    fn nobody_opens_what_they_are_not_shown() {
        with_a_file()
            .when(other_clerk(), open(Some("好奇")))
            .refused(Reason::NotFound, None);
        with_a_file()
            .when(auditor(), open(Some("审计")))
            .refused(Reason::RoleNotAllowed, None);
        signed()
            .when(clerk(), open(Some("核实")))
            .refused(Reason::NotFound, None);
        // Evidence is not the caller's.
        given([(citizen(), receive())])
            .and(operator(), attach_file())
            .when(citizen(), open(None))
            .refused(Reason::NotFound, None);
    }

    #[test]
    fn callers_open_their_own_without_a_reason() {
        let TicketAction::AttachFile(mut photo) = attach_file() else {
            unreachable!("it is one")
        };
        photo.part = crate::ticket::FilePart::Matter;
        given([(citizen(), receive())])
            .and(citizen(), TicketAction::AttachFile(photo))
            .when(citizen(), open(None))
            .then(|_| {});
    }
}
