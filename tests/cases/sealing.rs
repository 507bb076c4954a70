//! No citizen's word lies in a store in the clear: a name planted in every text field of every command
//! is searched for in every file and every table.

use docket_core::clock::{Clock as _, SystemClock};
use docket_core::desk::{Caller, NewAccount, NewTicket, Options, Password};
use docket_domain::ids::TicketId;
use docket_domain::people::{Actor, Role};
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{assign, delegate, rate, reply, send_back};
use docket_domain::ticket::scenario::{clerk, dispatcher, operator, unit_clerk};
use docket_tests::TestStore;
use docket_tests::city::{Hotline, act, found, hotline, new_ticket, sign, view};
use docket_tests::search::{contains, dump};

docket_tests::on_both_stores! { no_text_lies_in_the_clear }

/// A name that occurs nowhere else, in Chinese and Latin letters.
const NAME: &str = "欧阳苏铁 Quagmire-Zyx";
/// Its parts: each must be gone.
const PARTS: &[&str] = &["欧阳苏铁", "Quagmire-Zyx", "quagmire-zyx"];

fn planted() -> String {
    format!("关于{NAME}的事")
}

fn planted_ticket() -> NewTicket {
    NewTicket {
        caller: Some(Caller {
            name: Some(NAME.into()),
            sex: Some(NAME.into()),
            phone: Some(NAME.into()),
            email: Some(NAME.into()),
            company: Some(NAME.into()),
        }),
        title: planted(),
        body: planted(),
        place: Some(planted()),
        respondent: Some(planted()),
        ..new_ticket()
    }
}

fn planted_assign() -> TicketAction<String> {
    let TicketAction::Assign(action) = docket_tests::city::assign() else {
        unreachable!()
    };
    TicketAction::Assign(assign::Assign {
        instruction: Some(planted()),
        ..action
    })
}

fn planted_delegate() -> TicketAction<String> {
    let TicketAction::Delegate(action) = docket_tests::city::delegate() else {
        unreachable!()
    };
    TicketAction::Delegate(delegate::Delegate {
        instruction: Some(planted()),
        ..action
    })
}

fn planted_send_back() -> TicketAction<String> {
    let TicketAction::SendBack(action) = docket_tests::city::send_back() else {
        unreachable!()
    };
    TicketAction::SendBack(send_back::SendBack {
        text: planted(),
        ..action
    })
}

fn planted_reply() -> TicketAction<String> {
    let TicketAction::Reply(action) = docket_tests::city::reply() else {
        unreachable!()
    };
    TicketAction::Reply(reply::Reply {
        opinion: Some(planted()),
        answer: planted(),
        unsolved_reason: Some(planted()),
        handler: planted(),
        phone: planted(),
        ..action
    })
}

fn planted_rate() -> TicketAction<String> {
    let TicketAction::Rate(action) = docket_tests::city::rate() else {
        unreachable!()
    };
    TicketAction::Rate(rate::Rate {
        comment: Some(planted()),
        ..action
    })
}

/// Does everything there is to do, refused commands and repeats included.
async fn plant(Hotline { desk, .. }: &Hotline) {
    found(desk).await;
    let refused = NewTicket {
        channel: "smoke".into(),
        ..planted_ticket()
    };
    desk.receive(&operator(), refused, &Options::default())
        .await
        .unwrap_err();
    let received = desk
        .receive(&operator(), planted_ticket(), &Options::default())
        .await;
    let id = TicketId(received.unwrap().id);
    for (actor, action) in [
        (dispatcher(), planted_assign()),
        (clerk(), planted_send_back()),
        (dispatcher(), planted_assign()),
        (clerk(), view()),
        (clerk(), sign()),
        (clerk(), planted_delegate()),
        (unit_clerk(), sign()),
        (unit_clerk(), planted_reply()),
        (clerk(), planted_reply()),
        (operator(), planted_rate()),
    ] {
        act(desk, &actor, id, action).await;
    }
    let account = NewAccount {
        login: NAME.into(),
        name: NAME.into(),
        roles: vec![Role::Operator],
        department: None,
        unit: None,
    };
    let password = Password::Clear(planted());
    desk.create_account(&Actor::system(), account, password, &Options::default())
        .await
        .unwrap();
    desk.log_in(NAME, planted()).await.unwrap();
    desk.log_in(NAME, NAME.into()).await.err().unwrap();
}

async fn no_text_lies_in_the_clear(store: &TestStore) {
    let since = SystemClock.now();
    let hotline = hotline(store).await;
    plant(&hotline).await;
    let dump = dump(store, since).await;
    assert!(
        contains(&dump, "城市管理局"),
        "the search finds what is public"
    );
    assert!(contains(&dump, "ticket"), "the search finds what is public");
    for part in PARTS {
        assert!(
            !contains(&dump, part),
            "{part} lies in the store in the clear"
        );
    }
}
