//! Attach a file (上传附件): a file belongs to the ticket from now on. Its bytes are stored before, sealed under the
//! ticket's key; this event tells their hash. The caller adds to the request; the offices that have the ticket in hand,
//! and the centre, to the answer or as evidence. It is not the work itself, so a colleague's reply is not refused for it.

use super::{Action, Assignment, Context, Fact, Gate, Reason, Refusal, Role, Spec, Stamp, Ticket};
use super::{refuse, required};
use crate::ids::{AccountId, AttachmentId, ObjectId};
use crate::people::Actor;
use crate::sealed::{Field, Sealed};
use crate::ticket::state::{Attachment, FileHash, FilePart, FileType, TicketState};
use serde::{Deserialize, Serialize};

/// Longest name of a file, in characters. A technical limit: it has to fit into a header when it is fetched.
pub const FILE_NAME_CHARS_MAX: u32 = 200;

/// How large and how many files may be: settings, told with the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes of one file.
    pub bytes_max: u64,
    /// Files of one ticket; the caller's take half of them at the most.
    pub files_max: usize,
}

/// Attaches a file whose bytes are stored.
#[derive(Clone, Debug, Serialize)]
pub struct AttachFile<T> {
    /// The id it gets.
    pub attachment: AttachmentId,
    /// Where its bytes are.
    pub object: ObjectId,
    /// What it belongs to.
    pub part: FilePart,
    /// Its name.
    pub name: T,
    /// What kind of file it is.
    pub file_type: FileType,
    /// Its size in bytes, in the clear.
    pub bytes: u64,
    /// The hash of its sealed bytes.
    pub hash: FileHash,
    /// What is allowed where it is attached.
    #[serde(skip)]
    pub limits: FileLimits,
}

/// A file was attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAttached {
    /// Its id.
    pub attachment: AttachmentId,
    /// Where its bytes are.
    pub object: ObjectId,
    /// What it belongs to.
    pub part: FilePart,
    /// Its name.
    pub file_name: Sealed,
    /// What kind of file it is.
    pub file_type: FileType,
    /// Its size in bytes, in the clear.
    pub bytes: u64,
    /// The hash of its sealed bytes.
    pub hash: FileHash,
}

impl<T> AttachFile<T> {
    /// Replaces every text by what `seal` makes of it.
    pub fn try_map<U, E>(
        self,
        seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
    ) -> Result<AttachFile<U>, E> {
        Ok(AttachFile {
            attachment: self.attachment,
            object: self.object,
            part: self.part,
            name: seal(Field::of_ticket("file_name"), self.name)?,
            file_type: self.file_type,
            bytes: self.bytes,
            hash: self.hash,
            limits: self.limits,
        })
    }
}

impl Action for AttachFile<Sealed> {
    const SPEC: Spec = Spec {
        name: "attach_file",
        zh: "上传附件",
        en: "Attach file",
        event: FileAttached::TYPE,
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
        gate: Gate::Ticket(&[
            TicketState::Received,
            TicketState::Assigned,
            TicketState::InProgress,
            TicketState::Delegated,
            TicketState::AwaitingSummary,
            TicketState::Returned,
            TicketState::Replied,
            TicketState::AwaitingCallBack,
            TicketState::AwaitingRedo,
            TicketState::Closed,
            TicketState::Declined,
            TicketState::Withdrawn,
            TicketState::Transferred,
            TicketState::Merged,
            TicketState::Terminated,
        ]),
    };
    type Event = FileAttached;
    const WHILE_SUSPENDED: bool = true;

    fn permit(ticket: &Ticket, _: Option<&Assignment>, context: &Context) -> Result<(), Reason> {
        let actor = &context.actor;
        if actor.in_centre() {
            return Ok(());
        }
        if actor.in_office() {
            let business = ticket.is_business_of(actor);
            return business.then_some(()).ok_or(Reason::NotHolder);
        }
        // Whoever only has the query code has no session to send a file in.
        if !ticket.is_own_of(actor) || actor.account == AccountId::BEARER {
            return Err(Reason::NotOwnTicket);
        }
        // What is over is not added to: a new request names it as the earlier one.
        if ticket.state.is_over() {
            return Err(Reason::WrongState);
        }
        Ok(())
    }

    fn decide(
        self,
        ticket: &Ticket,
        _on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<FileAttached>, Refusal> {
        required::<Self>(ticket, "name", &self.name, FILE_NAME_CHARS_MAX)?;
        let actor = &context.actor;
        if !may_add_to(self.part, ticket, actor) {
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("part")
                .because((
                    "MATTER 由来电人和热线中心上传，其余由工作人员上传",
                    "MATTER is the caller's and the centre's, the others are the staff's",
                )));
        }
        let FileLimits {
            bytes_max,
            files_max,
        } = self.limits;
        if self.bytes == 0 {
            return Err(refuse::<Self>(ticket, Reason::InvalidValue)
                .at("size")
                .because(("文件不得为空", "an empty file says nothing")));
        }
        if self.bytes > bytes_max {
            return Err(refuse::<Self>(ticket, Reason::FileTooLarge)
                .at("size")
                .because((
                    format!("至多{bytes_max}字节"),
                    format!("at most {bytes_max} bytes"),
                )));
        }
        if ticket.attachment(self.attachment).is_some() {
            return Err(refuse::<Self>(ticket, Reason::AlreadyExists).at("id"));
        }
        let of_caller = ticket.is_own_of(actor) && !actor.in_centre();
        let full = ticket.attachments.len() >= files_max
            || of_caller && ticket.attached_by_caller() >= files_max.div_ceil(2);
        if full {
            return Err(refuse::<Self>(ticket, Reason::TooManyFiles)
                .at("id")
                .because((format!("至多{files_max}个"), format!("at most {files_max}"))));
        }
        Ok(Some(FileAttached {
            attachment: self.attachment,
            object: self.object,
            part: self.part,
            file_name: self.name,
            file_type: self.file_type,
            bytes: self.bytes,
            hash: self.hash,
        }))
    }
}

/// Whether an account adds to a part: the caller to the request, an office to what it does, the centre to either.
fn may_add_to(part: FilePart, ticket: &Ticket, actor: &Actor) -> bool {
    let of_staff = actor.in_office() || actor.in_centre();
    match part {
        FilePart::Matter => actor.in_centre() || ticket.is_own_of(actor),
        FilePart::Answer | FilePart::Evidence => of_staff,
    }
}

impl Fact for FileAttached {
    const TYPE: &'static str = "file_attached";
    const VERSION: u16 = 1;
    const MOVES_REVISION: bool = false;

    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
        ticket.attachments.push(Attachment {
            id: self.attachment,
            object: self.object,
            part: self.part,
            name: self.file_name.clone(),
            file_type: self.file_type,
            bytes: self.bytes,
            hash: self.hash,
            by: stamp.by,
            at: stamp.at,
            round: ticket.round,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{AttachFile, FileLimits};
    use crate::refusal::Reason;
    use crate::sealed::Sealed;
    use crate::ticket::scenario::*;
    use crate::ticket::{FilePart, TicketAction};

    fn file(change: impl FnOnce(&mut AttachFile<Sealed>)) -> TicketAction<Sealed> {
        let TicketAction::AttachFile(mut action) = attach_file() else {
            unreachable!("it is one")
        };
        change(&mut action);
        TicketAction::AttachFile(action)
    }

    #[test]
    fn a_file_is_the_tickets_and_moves_nothing() {
        let before = signed().fold();
        signed().when(clerk(), attach_file()).then(|ticket| {
            let [attached] = ticket.attachments.as_slice() else {
                panic!("{:?}", ticket.attachments)
            };
            assert_eq!(attached.part, FilePart::Evidence);
            assert_eq!((attached.bytes, attached.round), (1_024, 1));
            assert_eq!(ticket.revision, before.revision);
            assert_eq!(ticket.changed_at, before.changed_at);
        });
    }

    #[test]
    fn whoever_has_the_ticket_attaches() {
        signed()
            .when(other_clerk(), attach_file())
            .refused(Reason::NotHolder, None);
        let back = || assigned().and(clerk(), send_back());
        back()
            .when(clerk(), attach_file())
            .refused(Reason::NotHolder, None);
        signed()
            .when(auditor(), attach_file())
            .refused(Reason::RoleNotAllowed, None);
        let matter = || file(|action| action.part = FilePart::Matter);
        signed()
            .when(clerk(), matter())
            .refused(Reason::InvalidValue, Some("part"));
        signed().when(operator(), matter()).then(|_| {});
        // Somebody else's request.
        signed()
            .when(citizen(), matter())
            .refused(Reason::NotOwnTicket, None);
        let own = || given([(citizen(), receive())]);
        own().when(citizen(), matter()).then(|_| {});
        own()
            .when(citizen(), attach_file())
            .refused(Reason::InvalidValue, Some("part"));
        own()
            .and(citizen(), withdraw())
            .when(citizen(), matter())
            .refused(Reason::WrongState, None);
    }

    #[test]
    fn size_and_number_are_limited_and_names_are_given() {
        let sized = |bytes| file(|action| action.bytes = bytes);
        let most = ATTACHED_AT_MOST.bytes_max;
        signed().when(clerk(), sized(most)).then(|_| {});
        signed()
            .when(clerk(), sized(most + 1))
            .refused(Reason::FileTooLarge, Some("size"));
        signed()
            .when(clerk(), sized(0))
            .refused(Reason::InvalidValue, Some("size"));
        for (name, reason) in [("", Reason::Required), (&"长".repeat(201), Reason::TooLong)] {
            signed()
                .when(clerk(), file(|action| action.name = sealed(name)))
                .refused(reason, Some("name"));
        }
        let numbered = |n: u128| file(|action| action.attachment = id(n));
        signed()
            .and(clerk(), numbered(1))
            .when(clerk(), numbered(1))
            .refused(Reason::AlreadyExists, Some("id"));
        let full = (0..3).fold(signed(), |given, n| given.and(clerk(), numbered(n)));
        full.when(clerk(), numbered(9))
            .refused(Reason::TooManyFiles, Some("id"));
    }

    #[test]
    fn a_caller_leaves_room_for_the_staff() {
        let matter = |n: u128| {
            file(|action| {
                action.attachment = id(n);
                action.part = FilePart::Matter;
                action.limits = FileLimits {
                    files_max: 4,
                    ..ATTACHED_AT_MOST
                };
            })
        };
        let half = || {
            given([(citizen(), receive())])
                .and(citizen(), matter(1))
                .and(citizen(), matter(2))
        };
        half()
            .when(citizen(), matter(3))
            .refused(Reason::TooManyFiles, Some("id"));
        half().when(operator(), matter(3)).then(|_| {});
    }

    #[test]
    fn who_sees_a_file() {
        let part = |part| file(|action| action.part = part);
        let seen = |given: Given, who| given.fold().attachments_for(&who).count();
        let own = || given([(citizen(), receive())]).and(dispatcher(), assign());
        let in_hand = |of| own().and(clerk(), sign()).and(clerk(), part(of));
        for of in [FilePart::Answer, FilePart::Evidence] {
            assert_eq!(seen(in_hand(of), citizen()), 0, "{of:?}");
            for who in [clerk(), leader(), dispatcher(), auditor()] {
                assert_eq!(seen(in_hand(of), who), 1, "{of:?}");
            }
            for who in [other_clerk(), analyst(), administrator()] {
                assert_eq!(seen(in_hand(of), who), 0, "{of:?}");
            }
            let answered = in_hand(of).and(clerk(), reply());
            let given = usize::from(of == FilePart::Answer);
            assert_eq!(seen(answered, citizen()), given, "{of:?}");
        }
        let matter = || own().and(operator(), part(FilePart::Matter));
        assert_eq!(seen(matter(), citizen()), 1);
        // An office that gave it back has no business with it any more.
        assert_eq!(seen(matter().and(clerk(), send_back()), clerk()), 0);
    }
}
