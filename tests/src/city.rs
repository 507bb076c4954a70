//! A small city behind a desk: the people and offices of `docket_domain`'s scenarios, texts in the clear.

use crate::store::TestStore;
use docket_core::clock::{Clock, SystemClock};
use docket_core::desk::{Caller, Desk, NewTicket, Options, Outcome};
use docket_core::store::Store;
use docket_domain::ids::{CommandId, TicketId};
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::Actor;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_domain::ticket::actions::{
    ask_exclusion, assign, delegate, rate, reply, send_back, sign, view,
};
use docket_domain::ticket::scenario::{
    DEPARTMENT, OTHER_DEPARTMENT, OTHER_UNIT, UNIT, dispatcher, operator,
};
use docket_domain::ticket::{Kind, Satisfaction, Secrecy, Ticket, TicketAction, Urgency};
use std::sync::Arc;

/// An open store with its desk.
pub struct Hotline {
    /// The store.
    pub store: Store,
    /// Its desk.
    pub desk: Desk,
}

/// Opens a store with a desk of its own, as a process would.
pub async fn hotline(store: &TestStore) -> Hotline {
    hotline_at(store, Arc::new(SystemClock)).await
}

/// Opens a store with a desk of its own, under a clock.
pub async fn hotline_at(store: &TestStore, clock: Arc<dyn Clock>) -> Hotline {
    let store = store.open_at(clock).await;
    let desk = Desk::new(&store);
    Hotline { store, desk }
}

/// Founds the city: rules, two departments, a unit each.
pub async fn found(desk: &Desk) {
    desk.found("云州市", DEFAULT_PACK, CALENDAR_CN)
        .await
        .unwrap();
    let offices = [
        (DEPARTMENT, "城市管理局", UNIT, "执法大队"),
        (OTHER_DEPARTMENT, "公安局", OTHER_UNIT, "治安大队"),
    ];
    for (department, name, unit, unit_name) in offices {
        let add_department = OrganisationAction::AddDepartment {
            id: department,
            name: name.into(),
            region: None,
        };
        let add_unit = OrganisationAction::AddUnit {
            id: unit,
            department,
            name: unit_name.into(),
        };
        for action in [add_department, add_unit] {
            desk.organise(&Actor::system(), action, &Options::default())
                .await
                .unwrap();
        }
    }
}

/// Options that name the command.
#[must_use]
pub fn named(command: CommandId) -> Options {
    Options {
        command: Some(command),
        ..Options::default()
    }
}

/// Receives a plain request.
pub async fn received(desk: &Desk) -> TicketId {
    let outcome = desk
        .receive(&operator(), new_ticket(), &Options::default())
        .await
        .unwrap();
    TicketId(outcome.id)
}

/// Receives a plain request and assigns it to [`DEPARTMENT`].
pub async fn assigned(desk: &Desk) -> TicketId {
    let id = received(desk).await;
    act(desk, &dispatcher(), id, assign()).await;
    id
}

/// Does an action that must be accepted.
pub async fn act(
    desk: &Desk,
    actor: &Actor,
    id: TicketId,
    action: TicketAction<String>,
) -> Outcome<Ticket> {
    desk.act(actor, id, action, &Options::default())
        .await
        .unwrap()
}

/// A plain request.
#[must_use]
pub fn new_ticket() -> NewTicket {
    NewTicket {
        kind: Kind::Complain,
        channel: "phone".into(),
        topic: None,
        urgency: Urgency::Normal,
        secrecy: Secrecy::Open,
        wants_reply: true,
        caller: Some(Caller {
            name: Some("陈女士".into()),
            phone: Some("138 0000 0000".into()),
            ..Caller::default()
        }),
        title: "夜间施工扰民".into(),
        body: "连续三天夜里施工。".into(),
        place: None,
        region: None,
        incident_at: None,
        respondent: None,
        accused_department: None,
        earlier: None,
    }
}

/// An assignment to [`DEPARTMENT`].
#[must_use]
pub fn assign() -> TicketAction<String> {
    TicketAction::Assign(assign::Assign {
        lead: DEPARTMENT,
        assists: vec![],
        instruction: Some("请尽快办理".into()),
    })
}

/// A look.
#[must_use]
pub const fn view() -> TicketAction<String> {
    TicketAction::View(view::View)
}

/// A signature.
#[must_use]
pub const fn sign() -> TicketAction<String> {
    TicketAction::Sign(sign::Sign)
}

/// A delegation to [`UNIT`].
#[must_use]
pub fn delegate() -> TicketAction<String> {
    TicketAction::Delegate(delegate::Delegate {
        unit: UNIT,
        instruction: Some("请核实".into()),
    })
}

/// A return.
#[must_use]
pub fn send_back() -> TicketAction<String> {
    TicketAction::SendBack(send_back::SendBack {
        reason: "NOT_COMPETENT".into(),
        text: "不属于本单位职责".into(),
        suggested_department: None,
    })
}

/// A full answer.
#[must_use]
pub fn reply() -> TicketAction<String> {
    TicketAction::Reply(reply::Reply {
        opinion: Some("已到现场核实".into()),
        answer: "已责令停工".into(),
        contacted: Some(true),
        solved: Some(false),
        unsolved_reason: Some("仍在整改".into()),
        handler: "李工".into(),
        phone: "13800000001".into(),
    })
}

/// A wish to be left out of the appraisal.
#[must_use]
pub fn ask_exclusion() -> TicketAction<String> {
    TicketAction::AskExclusion(ask_exclusion::AskExclusion {
        ground: "FORCE_MAJEURE".into(),
        text: "暴雨期间无法施工".into(),
    })
}

/// A rating.
#[must_use]
pub fn rate() -> TicketAction<String> {
    TicketAction::Rate(rate::Rate {
        satisfaction: Satisfaction::Satisfied,
        solved: Some(true),
        comment: Some("谢谢".into()),
    })
}
