//! The actions on a ticket. Each has a file of its own: command, event, decision, fold, scenarios.
//!
//! The list below is the only place that knows them all. It yields the enums, the dispatch, the guard
//! (who, in which state), `available_actions` and the table in `docs/domain.md`.
//! How to add one: `docs/adding-an-action.md`.

use super::state::{Assignment, AssignmentState, Intake, Level, Ticket, TicketState};
use super::{Context, Encoded, Refusal, Stamp, UnknownEvent};
use crate::aggregate::{Aggregate, read_data, write_data};
use crate::organisation::Department;
use crate::people::{Actor, Role};
use crate::refusal::{Detail, Reason};
use crate::rules::Labelled;
use crate::sealed::{Field, Sealed};

/// What an action is, as data: names, who may do it, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Stable imperative name.
    pub name: &'static str,
    /// The Chinese term.
    pub zh: &'static str,
    /// The English one.
    pub en: &'static str,
    /// The frozen type name of its event.
    pub event: &'static str,
    /// The roles that may do it; packs may narrow, never widen. None: Docket itself.
    pub roles: &'static [Role],
    /// The state it starts from.
    pub gate: Gate,
}

/// Where an action starts from.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// Makes the ticket.
    New,
    /// The ticket is in one of these states.
    Ticket(&'static [TicketState]),
    /// The account's own office holds an open assignment in one of these states.
    Assignment {
        /// The states.
        states: &'static [AssignmentState],
        /// The only level that may, if not both.
        level: Option<Level>,
    },
}

/// One action on a ticket.
pub trait Action: Sized {
    /// Names, roles, gate.
    const SPEC: Spec;
    /// Its event.
    type Event: Fact;
    /// Whether Docket does it, too, by itself when the rules say so.
    const BY_DOCKET: bool = false;
    /// Whether it may be done while the ticket's clock stands still.
    const WHILE_SUSPENDED: bool = false;

    /// What else must hold whatever the input says; tells `available_actions` too.
    fn permit(
        _ticket: &Ticket,
        _on: Option<&Assignment>,
        _context: &Context,
    ) -> Result<(), Reason> {
        Ok(())
    }

    /// Decides on the input. `on` is the assignment acted on, where the gate asks for one.
    /// `None`: nothing to do.
    fn decide(
        self,
        ticket: &Ticket,
        on: Option<&Assignment>,
        context: &Context,
    ) -> Result<Option<Self::Event>, Refusal>;
}

/// The event of an action.
pub trait Fact: serde::Serialize + serde::de::DeserializeOwned {
    /// Frozen type name.
    const TYPE: &'static str;
    /// Schema version, from 1.
    const VERSION: u16;
    /// Whether it changes the work (and so the ticket's revision).
    const MOVES_REVISION: bool = true;

    /// Folds it into the ticket. Never fails.
    fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp);
}

macro_rules! actions {
    ($($module:ident: $command:ident $(<$t:ident>)? => $event:ident;)+) => {
        $(pub mod $module;)+

        /// An action with its input; `T` is the type of its texts: clear at the edge, sealed inside.
        #[derive(Clone, Debug, serde::Serialize)]
        pub enum TicketAction<T> {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $command($module::$command $(<$t>)?),)+
        }

        /// What happened to a ticket.
        #[expect(clippy::large_enum_variant, reason = "one is decided at a time; a receipt is the large one")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum TicketEvent {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $event($module::$event),)+
        }

        /// Every action.
        pub const ACTIONS: &[Spec] = {
            type T = Sealed;
            &[$(<$module::$command $(<$t>)? as Action>::SPEC,)+]
        };

        impl<T> TicketAction<T> {
            /// Replaces every text by what `seal` makes of it.
            pub fn try_map<U, E>(
                self,
                seal: &mut dyn FnMut(Field, T) -> Result<U, E>,
            ) -> Result<TicketAction<U>, E> {
                Ok(match self {
                    $(Self::$command(action) => TicketAction::$command(action.try_map(seal)?),)+
                })
            }

            /// What the action is.
            #[must_use]
            pub const fn spec(&self) -> Spec {
                type T = Sealed;
                match self { $(Self::$command(_) => <$module::$command $(<$t>)? as Action>::SPEC,)+ }
            }
        }

        impl TicketAction<Sealed> {
            pub(super) fn decide(self, ticket: &Ticket, context: &Context) -> Result<Option<TicketEvent>, Refusal> {
                match self {
                    $(Self::$command(action) => {
                        Ok(run(action, ticket, context)?.map(TicketEvent::$event))
                    })+
                }
            }
        }

        impl TicketEvent {
            pub(super) fn evolve(&self, ticket: &mut Ticket, stamp: &Stamp) {
                match self { $(Self::$event(event) => event.evolve(ticket, stamp),)+ }
            }

            pub(super) const fn moves_revision(&self) -> bool {
                match self { $(Self::$event(_) => <$module::$event as Fact>::MOVES_REVISION,)+ }
            }

            /// The frozen type name.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$event(_) => <$module::$event as Fact>::TYPE,)+ }
            }

            pub(super) fn encode(&self) -> Encoded {
                match self {
                    $(Self::$event(event) => Encoded {
                        event_type: <$module::$event as Fact>::TYPE,
                        schema_version: <$module::$event as Fact>::VERSION,
                        data: write_data(event),
                    },)+
                }
            }

            pub(super) fn decode(event_type: &str, data: &str) -> Result<Self, UnknownEvent> {
                Ok(match event_type {
                    $(<$module::$event as Fact>::TYPE => {
                        Self::$event(read_data(Ticket::CATEGORY, event_type, data)?)
                    })+
                    other => return Err(UnknownEvent::Type {
                        category: Ticket::CATEGORY,
                        event_type: other.to_owned(),
                    }),
                })
            }
        }

        /// The current schema version of every ticket event, by type name.
        pub const EVENT_VERSIONS: &[(&str, u16)] =
            &[$((<$module::$event as Fact>::TYPE, <$module::$event as Fact>::VERSION),)+];

        /// Every event's frozen type name.
        pub const EVENT_TYPES: &[&str] = &[$(<$module::$event as Fact>::TYPE,)+];

        /// What the context's account may do with the ticket now, whatever the input.
        #[must_use]
        pub fn available_actions(ticket: &Ticket, context: &Context) -> Vec<&'static str> {
            type T = Sealed;
            let mut names = Vec::new();
            $(
                if guard::<$module::$command $(<$t>)?>(ticket, context).is_ok() {
                    names.push(<$module::$command $(<$t>)? as Action>::SPEC.name);
                }
            )+
            names
        }
    };
}

actions! {
    receive: Receive<T> => Received;
    import: Import<T> => Imported;
    answer: AnswerDirectly<T> => Answered;
    decline: Decline<T> => Declined;
    assign: Assign<T> => Assigned;
    recall: Recall<T> => Recalled;
    view: View => Viewed;
    sign: Sign => Signed;
    hand_over: HandOver => HandedOver;
    contact: Contact<T> => Contacted;
    delegate: Delegate<T> => Delegated;
    send_back: SendBack<T> => Returned;
    accept_return: AcceptReturn => ReturnAccepted;
    refuse_return: RefuseReturn<T> => ReturnRefused;
    save_draft: SaveDraft<T> => Drafted;
    reply: Reply<T> => Replied;
    rework: Rework<T> => ReworkOrdered;
    review: ReviewAnswer<T> => Reviewed;
    call_back: CallBack<T> => CalledBack;
    rate: Rate<T> => Rated;
    redo: Redo<T> => RedoOrdered;
    urge: Urge<T> => Urged;
    withdraw: Withdraw<T> => Withdrawn;
    close: Close<T> => Closed;
    transfer: Transfer<T> => Transferred;
    reassign: Reassign<T> => Reassigned;
    add_assist: AddAssist<T> => AssistAdded;
    ask_extension: AskExtension<T> => ExtensionAsked;
    grant_extension: GrantExtension => ExtensionGranted;
    refuse_extension: RefuseExtension<T> => ExtensionRefused;
    sign_off: SignOff => SignedOff;
    correct: Correct<T> => Corrected;
    suspend: Suspend<T> => Suspended;
    resume: Resume<T> => Resumed;
    supervise: Supervise<T> => Supervised;
    lift_supervision: LiftSupervision<T> => SupervisionLifted;
    dispute: MarkDisputed<T> => Disputed;
    rule: RuleOn<T> => Ruled;
    merge: Merge => Merged;
    unmerge: Unmerge<T> => Unmerged;
    join: Join => Joined;
    leave: Leave => Left;
    conclude: Conclude<T> => Concluded;
    ask_termination: AskTermination<T> => TerminationAsked;
    terminate: Terminate<T> => Terminated;
    refuse_termination: RefuseTermination<T> => TerminationRefused;
    ask_exclusion: AskExclusion<T> => ExclusionAsked;
    decide_exclusion: DecideExclusion<T> => ExclusionDecided;
    set_secrecy: SetSecrecy<T> => SecrecyChanged;
    archive: Archive => Archived;
    light: LightUp => Lit;
    note_call_back_due: NoteCallBackDue => CallBackFellDue;
    settle_dues: SettleDues => DuesSettled;
    print: Print<T> => Printed;
    attach_file: AttachFile<T> => FileAttached;
    open_file: OpenFile<T> => FileOpened;
    erase: Erase => Erased;
}

fn run<A: Action>(
    action: A,
    ticket: &Ticket,
    context: &Context,
) -> Result<Option<A::Event>, Refusal> {
    let on = guard::<A>(ticket, context).map_err(|r| refuse::<A>(ticket, r))?;
    action.decide(ticket, on, context)
}

/// Who, and from where: the same for every action, driven by its [`Spec`].
fn guard<'t, A: Action>(
    ticket: &'t Ticket,
    context: &Context,
) -> Result<Option<&'t Assignment>, Reason> {
    let (spec, actor) = (A::SPEC, &context.actor);
    let by_docket = *actor == Actor::system() && (spec.roles.is_empty() || A::BY_DOCKET);
    let lets = |role: &Role| actor.has(*role) && context.rules.lets(spec.name, *role);
    if !by_docket && !spec.roles.iter().any(lets) {
        return Err(Reason::RoleNotAllowed);
    }
    let on = match spec.gate {
        Gate::New if ticket.state == TicketState::Absent => None,
        Gate::New => return Err(Reason::AlreadyExists),
        _ if ticket.state == TicketState::Absent || ticket.erased_at.is_some() => {
            return Err(Reason::NotFound);
        }
        // Whatever its office once had to do with it: an acknowledgement would tell it of the report.
        _ if is_hidden_from(ticket, actor) => return Err(Reason::NotFound),
        Gate::Ticket(states) if states.contains(&ticket.state) => None,
        Gate::Ticket(_) => return Err(Reason::WrongState),
        Gate::Assignment { states, level } => {
            let held = ticket.held_by(actor).ok_or(Reason::NotHolder)?;
            if level.is_some_and(|level| level != held.level()) {
                return Err(Reason::WrongLevel);
            }
            if !states.contains(&held.state) {
                return Err(Reason::WrongState);
            }
            Some(held)
        }
    };
    if ticket.is_suspended() && !A::WHILE_SUSPENDED {
        return Err(Reason::Suspended);
    }
    A::permit(ticket, on, context)?;
    Ok(on)
}

/// The states in which a ticket is being handled, or waits to be.
pub const OPEN: &[TicketState] = &[
    TicketState::Received,
    TicketState::Assigned,
    TicketState::InProgress,
    TicketState::Delegated,
    TicketState::AwaitingSummary,
    TicketState::Returned,
];

/// The states in which a lead department has the ticket.
pub const HANDLED: &[TicketState] = &[
    TicketState::Assigned,
    TicketState::InProgress,
    TicketState::Delegated,
    TicketState::AwaitingSummary,
];

/// Checks a code against a list of the rule pack.
fn listed<A: Action>(
    ticket: &Ticket,
    field: &'static str,
    code: &str,
    list: &[Labelled],
) -> Result<(), Refusal> {
    if list.iter().any(|entry| entry.code == code) {
        return Ok(());
    }
    let known: Vec<&str> = list.iter().map(|entry| entry.code.as_str()).collect();
    let known = known.join(", ");
    let detail = (
        format!("须为规则包所列：{known}"),
        format!("one of the rule pack's: {known}"),
    );
    Err(refuse::<A>(ticket, Reason::InvalidValue)
        .at(field)
        .because(detail))
}

/// Checks that the rule pack lists anything to choose from.
fn any_listed<T>(list: &[T]) -> Result<(), Reason> {
    if list.is_empty() {
        return Err(Reason::NotInRules);
    }
    Ok(())
}

/// Checks a text that people must give, and Docket need not.
fn required_of_people<A: Action>(
    ticket: &Ticket,
    context: &Context,
    text: Option<&Sealed>,
) -> Result<(), Refusal> {
    let max = context.rules.texts().opinion;
    match text {
        Some(text) => required::<A>(ticket, "text", text, max),
        None if context.actor == Actor::system() => Ok(()),
        None => Err(refuse::<A>(ticket, Reason::Required).at("text")),
    }
}

/// The refusal of one more assignment.
fn too_many<A: Action>(ticket: &Ticket) -> Refusal {
    refuse::<A>(ticket, Reason::InvalidValue)
        .at("id")
        .because(Detail::too_many_assignments())
}

/// Whether the ticket must stay hidden from the account's department: it is confidential and accuses it.
fn is_hidden_from(ticket: &Ticket, actor: &Actor) -> bool {
    let intake = ticket.intake.as_ref();
    let hides = |(intake, department): (&Intake, _)| intake.hides_from(department);
    intake.zip(actor.department).is_some_and(hides)
}

/// Whether the unit that holds an assignment was moved under the department that the ticket must stay hidden
/// from. It can neither go on with it nor give it back.
fn is_under_accused(ticket: &Ticket, assignment: &Assignment, context: &Context) -> bool {
    let unit = assignment.unit.and_then(|u| context.organisation.unit(u));
    let intake = ticket.intake.as_ref();
    let hidden = |(intake, (above, _)): (&Intake, (&Department, _))| intake.hides_from(above.id);
    intake.zip(unit).is_some_and(hidden)
}

/// A refusal of an action by the ticket's present state.
fn refuse<A: Action>(ticket: &Ticket, reason: Reason) -> Refusal {
    Refusal::new(A::SPEC.name, ticket.state.name(), reason)
}

/// Checks a required text.
fn required<A: Action>(
    ticket: &Ticket,
    field: &'static str,
    text: &Sealed,
    max: u32,
) -> Result<(), Refusal> {
    if text.chars == 0 {
        return Err(refuse::<A>(ticket, Reason::Required).at(field));
    }
    optional::<A>(ticket, field, Some(text), max)
}

/// Checks an optional text.
fn optional<A: Action>(
    ticket: &Ticket,
    field: &'static str,
    text: Option<&Sealed>,
    max: u32,
) -> Result<(), Refusal> {
    if text.is_some_and(|text| text.chars > max) {
        let detail = Detail::at_most_characters(max);
        return Err(refuse::<A>(ticket, Reason::TooLong)
            .at(field)
            .because(detail));
    }
    Ok(())
}
