//! No citizen's word lies in a store in the clear: a name planted in every text field of every command
//! is searched for in every file and every table.

use docket_core::clock::{Clock as _, SystemClock};
use docket_core::desk::{Caller, NewAccount, NewTicket, Options, Password, Recovery, Visitor};
use docket_core::ops::Opened;
use docket_domain::account::{Changes, Given, RecoveryQuestion};
use docket_domain::ids::TicketId;
use docket_domain::people::{Actor, Role};
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{
    answer, assign, call_back, close, contact, decline, delegate, rate, recall, redo,
    refuse_return, reply, review, rework, save_draft, send_back, urge, withdraw,
};
use docket_domain::ticket::scenario::{
    caller_back, clerk, dispatcher, office, operator, supervisor, unit_clerk,
};
use docket_domain::ticket::{ContactMeans, Satisfaction};
use docket_tests::TestStore;
use docket_tests::city::{Hotline, act, found, hotline, new_ticket, sign, view};
use docket_tests::search::{contains, dump};

docket_tests::on_both_stores! { no_text_lies_in_the_clear }

/// A name that occurs nowhere else, in Chinese and Latin letters.
const NAME: &str = "欧阳苏铁 Quagmire-Zyx";
/// Its parts: each must be gone.
const PARTS: &[&str] = &["欧阳苏铁", "Quagmire-Zyx", "quagmire-zyx", MOBILE];
/// The name as a login, and a mobile.
const LOGIN: &str = "欧阳苏铁_Quagmire-Zyx";
const MOBILE: &str = "139-0471-1147";

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

fn planted_draft() -> TicketAction<String> {
    TicketAction::SaveDraft(save_draft::SaveDraft {
        opinion: Some(planted()),
        answer: Some(planted()),
        contacted: None,
        solved: Some(false),
        unsolved_reason: Some(planted()),
        handler: Some(planted()),
        phone: Some(planted()),
    })
}

fn planted_contact() -> TicketAction<String> {
    TicketAction::Contact(contact::Contact {
        reached: true,
        at: None,
        means: ContactMeans::Phone,
        evidence: Some(planted()),
    })
}

fn planted_call_back() -> TicketAction<String> {
    TicketAction::CallBack(call_back::CallBack {
        reached: true,
        contacted: Some(true),
        solved: Some(false),
        satisfaction: Some(Satisfaction::Dissatisfied),
        comment: Some(planted()),
        recording: Some(planted()),
    })
}

/// One ticket's way with every step that carries a text.
async fn walk(desk: &docket_core::Desk) {
    let text = || Some(planted());
    let recall = || TicketAction::Recall(recall::Recall { text: text() });
    let refuse_return = TicketAction::RefuseReturn(refuse_return::RefuseReturn {
        assignment: None,
        text: planted(),
    });
    let rework = TicketAction::Rework(rework::Rework {
        instruction: planted(),
    });
    let redo = TicketAction::Redo(redo::Redo {
        instruction: planted(),
    });
    let review = || TicketAction::ReviewAnswer(review::ReviewAnswer { opinion: text() });
    let close = TicketAction::Close(close::Close { text: text() });
    let id = planted_received(desk).await;
    for (actor, action) in [
        (dispatcher(), planted_assign()),
        (dispatcher(), recall()),
        (dispatcher(), planted_assign()),
        (
            supervisor(),
            TicketAction::Urge(urge::Urge { text: text() }),
        ),
        (clerk(), planted_send_back()),
        (dispatcher(), refuse_return),
        (clerk(), view()),
        (clerk(), sign()),
        (clerk(), planted_draft()),
        (clerk(), planted_contact()),
        (clerk(), planted_delegate()),
        (clerk(), recall()),
        (clerk(), planted_delegate()),
        (unit_clerk(), sign()),
        (unit_clerk(), planted_reply()),
        (clerk(), rework),
        (unit_clerk(), planted_reply()),
        (clerk(), planted_reply()),
        (operator(), planted_rate()),
        (office(), review()),
        (caller_back(), planted_call_back()),
        (office(), redo),
        (clerk(), planted_reply()),
        (office(), review()),
        (caller_back(), planted_call_back()),
        (office(), close),
    ] {
        act(desk, &actor, id, action).await;
    }
}

/// The ways on which no office has the ticket.
async fn walk_without_offices(desk: &docket_core::Desk) {
    let answer = TicketAction::AnswerDirectly(answer::AnswerDirectly {
        answer: planted(),
        article: Some(planted()),
    });
    let decline = TicketAction::Decline(decline::Decline {
        reason: "LITIGATION".into(),
        lawful_channel: planted(),
    });
    let withdraw = TicketAction::Withdraw(withdraw::Withdraw {
        text: Some(planted()),
    });
    for action in [answer, decline, withdraw] {
        let id = planted_received(desk).await;
        act(desk, &operator(), id, action).await;
    }
}

async fn planted_received(desk: &docket_core::Desk) -> TicketId {
    let received = desk
        .receive(&operator(), planted_ticket(), &Options::default())
        .await;
    TicketId(received.unwrap().id)
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
    Box::pin(walk(desk)).await;
    walk_without_offices(desk).await;
    let account = NewAccount {
        login: LOGIN.into(),
        name: NAME.into(),
        roles: vec![Role::Operator],
        department: None,
        unit: None,
        mobile: Some(MOBILE.into()),
        sms_quota: 7,
        recovery: Some(Recovery {
            question: RecoveryQuestion::FirstSchool,
            answer: NAME.into(),
        }),
    };
    let password = Password::Clear(planted());
    desk.create_account(&Actor::system(), account, password, &Options::default())
        .await
        .unwrap();
    let Opened { account, token, .. } = desk
        .log_in(LOGIN, planted(), &Visitor::default())
        .await
        .unwrap();
    let changes = Changes {
        mobile: Given::This(format!("+86 {MOBILE}")),
        ..Changes::default()
    };
    let options = Options::default();
    desk.change_account(&Actor::system(), account, changes, &options)
        .await
        .unwrap();
    let actor = desk.actor(account).await.unwrap().unwrap();
    let recovery = Recovery {
        question: RecoveryQuestion::FavouriteBook,
        answer: planted(),
    };
    desk.set_recovery(&actor, &recovery, planted(), &Options::default())
        .await
        .unwrap();
    let new = || format!("neu {NAME}");
    desk.change_password(&actor, planted(), new(), &token, None, &Options::default())
        .await
        .unwrap();
    let wrong = desk
        .recover_password(LOGIN, NAME, planted(), &Visitor::default())
        .await;
    wrong.unwrap_err();
    desk.recover_password(LOGIN, &planted(), planted(), &Visitor::default())
        .await
        .unwrap();
    desk.log_in(LOGIN, NAME.into(), &Visitor::default())
        .await
        .err()
        .unwrap();
}

async fn no_text_lies_in_the_clear(store: &TestStore) {
    let since = SystemClock.now();
    let hotline = hotline(store).await;
    Box::pin(plant(&hotline)).await;
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
