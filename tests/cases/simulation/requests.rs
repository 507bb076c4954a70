//! Requests drawn by chance, as they come in, and tickets of a system before.

use super::drawn::Draw;
use chrono::TimeDelta;
use docket_domain::sealed::Sealed;
use docket_domain::ticket::actions::{import, receive};
use docket_domain::ticket::scenario::{self, sealed};
use docket_domain::ticket::{Kind, Secrecy, Standing, TicketAction, Urgency};

/// A request.
pub fn receive(draw: &mut Draw<'_>) -> TicketAction<Sealed> {
    let TicketAction::Receive(plain) = scenario::receive() else {
        unreachable!("a plain request is received")
    };
    let accused = draw.chance.once_in(4).then(|| draw.department());
    let anonymous = draw.chance.once_in(6);
    TicketAction::Receive(receive::Receive {
        kind: *draw.chance.one(Kind::ALL),
        channel: channel(draw),
        urgency: *draw.chance.one(Urgency::ALL),
        secrecy: *draw.chance.one(Secrecy::ALL),
        wants_reply: !draw.chance.once_in(3),
        caller: (!anonymous).then(|| sealed("{}")),
        has_contact: !draw.chance.once_in(20),
        title: sealed(if draw.chance.once_in(30) {
            ""
        } else {
            "夜间施工扰民"
        }),
        incident_at: draw
            .chance
            .once_in(3)
            .then(|| draw.now - TimeDelta::minutes(5)),
        accused_department: accused,
        ..plain
    })
}

/// A channel of the rules, or none of them now and then.
pub fn channel(draw: &mut Draw<'_>) -> String {
    if draw.chance.once_in(40) {
        return "smoke_signals".into();
    }
    draw.chance.one(draw.rules.channels()).code.clone()
}

/// A ticket of the system before.
pub fn import(draw: &mut Draw<'_>) -> TicketAction<Sealed> {
    let TicketAction::Import(plain) = scenario::import() else {
        unreachable!("it is one")
    };
    let received_at = draw.now - TimeDelta::days(1 + draw.chance.up_to(400));
    let standing = *draw.chance.one(Standing::ALL);
    let within = |draw: &mut Draw<'_>| {
        let minutes = (draw.now - received_at).num_minutes();
        let at = received_at + TimeDelta::minutes(draw.chance.up_to(minutes));
        draw.chance.once_in(2).then_some(at)
    };
    TicketAction::Import(import::Import {
        standing,
        channel: Some(channel(draw)),
        department: draw.chance.once_in(2).then(|| draw.department()),
        answer: draw.chance.once_in(2).then(|| sealed("已处理")),
        received_at,
        assigned_at: None,
        answered_at: within(draw),
        closed_at: within(draw),
        due_at: draw
            .chance
            .once_in(2)
            .then(|| draw.now + TimeDelta::hours(draw.chance.up_to(400) - 100)),
        ..plain
    })
}
