//! The desk: commands decided, taken once, and decided again where somebody else was faster.

use docket_core::DeskError;
use docket_core::desk::{Caller, NewAccount, NewTicket, Options, Password, Visitor};
use docket_core::journal::JournalError;
use docket_domain::ids::TicketId;
use docket_domain::organisation::Organisation;
use docket_domain::people::{Actor, Role};
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_domain::ticket::actions::set_secrecy::SetSecrecy;
use docket_domain::ticket::actions::urge::Urge;
use docket_domain::ticket::scenario::{
    clerk, dispatcher, leader, operator, supervisor, unit_clerk,
};
use docket_domain::ticket::{AssignmentState, Secrecy, TicketAction, TicketState};
use docket_domain::{Aggregate as _, Reason};
use docket_tests::TestStore;
use docket_tests::city::{
    Hotline, act, assign, assigned, delegate, found, hotline, named, new_ticket, rate, received,
    reply, send_back, sign, view,
};
use docket_tests::commits::{fresh, whole_log};
use futures_util::future::join_all;

docket_tests::on_both_stores! {
    a_store_is_founded_once,
    a_ticket_goes_its_way,
    every_command_goes_through_esrs,
    of_two_desks_one_signs,
    a_stale_cache_refuses_nobody,
    who_writes_one_thing_after_the_other_keeps_nobody_out,
    a_repeat_gets_the_first_outcome,
    repeats_at_once_get_one_outcome,
    a_command_id_is_not_reused,
    a_stale_revision_is_refused_and_a_view_makes_none_stale,
    a_request_refused_first_keeps_its_texts,
    an_account_is_created_once,
    rivals_for_one_command_leave_the_winner_its_password,
}

fn reason<T>(outcome: Result<T, DeskError>) -> Option<Reason> {
    match outcome {
        Err(DeskError::Refused(refusal)) => Some(refusal.reason),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

fn is_reused<T>(outcome: &Result<T, DeskError>) -> bool {
    matches!(
        outcome,
        Err(DeskError::Journal(JournalError::CommandReused))
    )
}

/// Two processes on one store, the city founded.
async fn two_desks(store: &TestStore) -> (Hotline, Hotline) {
    let first = hotline(store).await;
    found(&first.desk).await;
    (first, hotline(store).await)
}

async fn a_store_is_founded_once(store: &TestStore) {
    let desks = [hotline(store).await, hotline(store).await];
    assert!(matches!(
        desks[0].desk.rules().await,
        Err(DeskError::NotFounded)
    ));
    let found = |n: usize| desks[n % 2].desk.found("云州市", DEFAULT_PACK, CALENDAR_CN);
    for outcome in join_all((0..4).map(found)).await {
        outcome.unwrap();
    }
    found(0).await.unwrap();
    hotline(store)
        .await
        .desk
        .found("别的市", DEFAULT_PACK, CALENDAR_CN)
        .await
        .unwrap();
    let log = whole_log(&desks[0].store.journal).await;
    let kinds: Vec<&str> = log.iter().map(|r| r.category.as_str()).collect();
    assert_eq!(kinds, ["rules", Organisation::CATEGORY]);
    let organisation = desks[1].desk.organisation().await.unwrap();
    assert_eq!(organisation.name, "云州市");
    assert_eq!(desks[1].desk.rules().await.unwrap().version, 1);
}

async fn a_ticket_goes_its_way(store: &TestStore) {
    let (Hotline { desk, .. }, other) = two_desks(store).await;
    let id = received(&desk).await;
    let steps = [
        (dispatcher(), assign(), TicketState::Assigned),
        (clerk(), view(), TicketState::Assigned),
        (clerk(), send_back(), TicketState::Returned),
        (dispatcher(), assign(), TicketState::Assigned),
        (clerk(), sign(), TicketState::InProgress),
        (leader(), delegate(), TicketState::Delegated),
        (unit_clerk(), sign(), TicketState::Delegated),
        (unit_clerk(), reply(), TicketState::AwaitingSummary),
        (clerk(), reply(), TicketState::Replied),
        (operator(), rate(), TicketState::Replied),
    ];
    for (version, (actor, action, state)) in (2..).zip(steps) {
        let outcome = act(&desk, &actor, id, action).await;
        assert_eq!((outcome.state.state, outcome.version), (state, version));
        let replayed = other.desk.ticket(id).await.unwrap().unwrap();
        assert_eq!(
            (&replayed.state, replayed.version),
            (&outcome.state, version)
        );
    }
    let ticket = desk.ticket(id).await.unwrap().unwrap().state;
    let answer = &ticket.answer.as_ref().unwrap().text;
    let opened = other
        .desk
        .vault()
        .open_text("answer", answer)
        .await
        .unwrap();
    assert_eq!(opened.as_deref(), Some("已责令停工"));
    assert_eq!(ticket.assignments[1].state, AssignmentState::Replied);
    assert!(other.desk.ticket(fresh()).await.unwrap().is_none());
    let absent = desk
        .act(&clerk(), fresh(), sign(), &Options::default())
        .await;
    assert_eq!(reason(absent), Some(Reason::NotFound));
    let absent = desk
        .act(&clerk(), fresh(), reply(), &Options::default())
        .await;
    assert_eq!(reason(absent), Some(Reason::NotFound));
}

async fn every_command_goes_through_esrs(store: &TestStore) {
    let Hotline { desk, store: open } = hotline(store).await;
    found(&desk).await;
    let id = assigned(&desk).await;
    act(&desk, &clerk(), id, view()).await;
    act(&desk, &leader(), id, view()).await;
    act(&desk, &clerk(), id, sign()).await;
    let refused = desk.act(&clerk(), id, sign(), &Options::default()).await;
    assert_eq!(reason(refused), Some(Reason::WrongState));
    let commands = store.rows("journal", "commands").await;
    assert_eq!(desk.decisions(), commands);
    assert_eq!(open.journal.appended(), commands);
    // Rules, founding, two departments with a unit each, and five on the ticket, one a no-op.
    assert_eq!(commands, 6 + 5);
    assert_eq!(whole_log(&open.journal).await.len(), 6 + 4);
}

async fn of_two_desks_one_signs(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    for _ in 0..10 {
        let id = assigned(&a.desk).await;
        b.desk.ticket(id).await.unwrap();
        let (clerk, leader, options) = (clerk(), leader(), Options::default());
        let (first, second) = tokio::join!(
            a.desk.act(&clerk, id, sign(), &options),
            b.desk.act(&leader, id, sign(), &options),
        );
        let reasons = [reason(first), reason(second)];
        let refused = Some(Reason::WrongState);
        assert!(
            reasons == [None, refused] || reasons == [refused, None],
            "{reasons:?}"
        );
        assert_eq!(a.store.journal.version(id.0).await.unwrap(), 3);
    }
}

async fn a_stale_cache_refuses_nobody(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let id = received(&a.desk).await;
    b.desk.ticket(id).await.unwrap().unwrap();
    act(&a.desk, &dispatcher(), id, assign()).await;
    // Desk B's own copy still says that nobody holds it.
    let signed = act(&b.desk, &clerk(), id, sign()).await;
    assert_eq!(signed.state.state, TicketState::InProgress);
    // Desk A's copy is one behind too: its append meets a conflict and is decided again.
    act(&a.desk, &clerk(), id, delegate()).await;
    let late = b.desk.act(&clerk(), id, reply(), &Options::default()).await;
    assert_eq!(reason(late), Some(Reason::WrongState));
    assert_eq!(a.store.journal.version(id.0).await.unwrap(), 4);
}

async fn who_writes_one_thing_after_the_other_keeps_nobody_out(store: &TestStore) {
    let (a, _) = two_desks(store).await;
    let id = assigned(&a.desk).await;
    let urge = || {
        TicketAction::Urge(Urge {
            text: Some("请尽快".into()),
        })
    };
    let (docket, person) = (supervisor(), dispatcher());
    for round in 0..40 {
        let in_a_row = async {
            for _ in 0..6 {
                act(&a.desk, &docket, id, urge()).await;
            }
        };
        let secrecy = TicketAction::SetSecrecy(SetSecrecy {
            secrecy: [Secrecy::Confidential, Secrecy::Open][round % 2],
            accused_department: None,
            text: "来电人要求".into(),
        });
        tokio::join!(in_a_row, act(&a.desk, &person, id, secrecy));
    }
    assert_eq!(a.store.journal.version(id.0).await.unwrap(), 2 + 40 * 7);
}

async fn a_repeat_gets_the_first_outcome(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let (receiving, signing) = (named(fresh()), named(fresh()));
    let first = a
        .desk
        .receive(&operator(), new_ticket(), &receiving)
        .await
        .unwrap();
    let id = TicketId(first.id);
    act(&a.desk, &dispatcher(), id, assign()).await;
    let signed = a.desk.act(&clerk(), id, sign(), &signing).await.unwrap();
    act(&a.desk, &clerk(), id, reply()).await;
    for desk in [&a.desk, &b.desk] {
        let again = desk
            .receive(&operator(), new_ticket(), &receiving)
            .await
            .unwrap();
        assert_eq!(
            (again.id, again.version, again.position),
            (first.id, 1, first.position)
        );
        assert_eq!(again.state, first.state);
        let again = desk.act(&clerk(), id, sign(), &signing).await.unwrap();
        assert_eq!((again.version, again.position), (3, signed.position));
        assert_eq!(
            again.state, signed.state,
            "the state right after it, not today's"
        );
    }
    assert_eq!(a.store.journal.version(id.0).await.unwrap(), 4);
}

async fn repeats_at_once_get_one_outcome(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let desks = [&a.desk, &b.desk];
    for _ in 0..5 {
        let options = named(fresh());
        let operator = operator();
        let receive = |n: usize| desks[n % 2].receive(&operator, new_ticket(), &options);
        let received = join_all((0..6).map(receive)).await;
        let received: Vec<_> = received.into_iter().map(Result::unwrap).collect();
        for outcome in &received {
            assert_eq!((outcome.id, outcome.version), (received[0].id, 1));
            assert_eq!(outcome.state, received[0].state);
        }
        let id = TicketId(received[0].id);
        act(&a.desk, &dispatcher(), id, assign()).await;
        let (options, clerk) = (named(fresh()), clerk());
        let sign = |n: usize| desks[n % 2].act(&clerk, id, sign(), &options);
        for outcome in join_all((0..6).map(sign)).await {
            assert_eq!(outcome.unwrap().version, 3);
        }
        // What was sealed while racing opens from the disk.
        let fresh_desk = hotline(store).await.desk;
        let ticket = fresh_desk.ticket(id).await.unwrap().unwrap().state;
        let title = &ticket.intake.as_ref().unwrap().title;
        let opened = fresh_desk.vault().open_text("title", title).await.unwrap();
        assert_eq!(opened.as_deref(), Some("夜间施工扰民"));
    }
}

async fn a_command_id_is_not_reused(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let options = named(fresh());
    a.desk
        .receive(&operator(), new_ticket(), &options)
        .await
        .unwrap();
    let other = || NewTicket {
        title: "别的事".into(),
        ..new_ticket()
    };
    let id = assigned(&a.desk).await;
    for desk in [&a.desk, &b.desk] {
        assert!(is_reused(
            &desk.receive(&operator(), other(), &options).await
        ));
        let other_actor = Actor {
            account: fresh(),
            ..operator()
        };
        assert!(is_reused(
            &desk.receive(&other_actor, new_ticket(), &options).await
        ));
        assert!(is_reused(&desk.act(&clerk(), id, sign(), &options).await));
    }
    assert_eq!(a.store.journal.version(id.0).await.unwrap(), 2);
}

async fn a_stale_revision_is_refused_and_a_view_makes_none_stale(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let id = assigned(&a.desk).await;
    let seen = |revision| Options {
        expected_revision: Some(revision),
        ..Options::default()
    };
    act(&b.desk, &leader(), id, view()).await;
    let signed = a.desk.act(&clerk(), id, sign(), &seen(2)).await.unwrap();
    assert_eq!((signed.state.revision, signed.version), (3, 4));
    for stale in [1, 2, 4] {
        for desk in [&a.desk, &b.desk] {
            let refused = desk.act(&clerk(), id, reply(), &seen(stale)).await;
            assert_eq!(reason(refused), Some(Reason::StaleRevision));
        }
    }
    b.desk.act(&clerk(), id, reply(), &seen(3)).await.unwrap();
}

/// A refused command may come again under its id, and makes its keys again.
async fn a_request_refused_first_keeps_its_texts(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let options = named(fresh());
    let wrong = NewTicket {
        channel: "smoke signals".into(),
        ..new_ticket()
    };
    for desk in [&a.desk, &b.desk] {
        let refused = desk.receive(&operator(), wrong.clone(), &options).await;
        assert_eq!(reason(refused), Some(Reason::InvalidValue));
    }
    let received = a
        .desk
        .receive(&operator(), new_ticket(), &options)
        .await
        .unwrap();
    let again = hotline(store).await;
    for desk in [&a.desk, &b.desk, &again.desk] {
        let intake = received.state.intake.as_ref().unwrap();
        let vault = desk.vault();
        let title = vault.open_text("title", &intake.title).await.unwrap();
        assert_eq!(title.as_deref(), Some("夜间施工扰民"));
        let caller = vault
            .open_text("caller", intake.caller.as_ref().unwrap())
            .await;
        let caller: Caller = serde_json::from_str(&caller.unwrap().unwrap()).unwrap();
        assert_eq!(Some(caller), new_ticket().caller);
    }
}

async fn an_account_is_created_once(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let new = |login: &str| NewAccount {
        login: login.into(),
        name: "王小明".into(),
        roles: vec![Role::Operator],
        department: None,
        unit: None,
        ..NewAccount::default()
    };
    let password = || Password::Clear("ein gutes Passwort".into());
    let options = named(fresh());
    let admin = Actor::system();
    let (created, again) = tokio::join!(
        a.desk
            .create_account(&admin, new("Wang"), password(), &options),
        b.desk
            .create_account(&admin, new("Wang"), password(), &options),
    );
    let (created, again) = (created.unwrap(), again.unwrap());
    assert_eq!((again.id, &again.state), (created.id, &created.state));
    let other = Password::Clear("ein anderes Passwort".into());
    let reused = a
        .desk
        .create_account(&admin, new("Wang"), other, &options)
        .await;
    assert!(
        matches!(reused, Err(DeskError::Journal(JournalError::CommandReused))),
        "a repeat is one in its password, too"
    );
    let later = b
        .desk
        .create_account(&admin, new("Wang"), password(), &options)
        .await
        .unwrap();
    assert_eq!((later.id, later.position), (created.id, created.position));
    let taken = b
        .desk
        .create_account(&admin, new(" wang "), password(), &Options::default())
        .await;
    let taken = taken.err().unwrap();
    let wanted = |kind: &str| kind == "login";
    assert!(
        matches!(&taken, DeskError::Journal(JournalError::ClaimTaken { kind }) if wanted(kind)),
        "{taken:?}"
    );
    let unfit = Password::Clear("short".into());
    let refused = a
        .desk
        .create_account(&admin, new("li"), unfit, &Options::default())
        .await;
    assert!(matches!(refused, Err(DeskError::UnfitPassword(_))));
    let opened = b
        .desk
        .log_in("WANG", "ein gutes Passwort".into(), &Visitor::default())
        .await
        .unwrap();
    assert_eq!(opened.account.0, created.id);
    let known = b.desk.account(opened.account).await.unwrap().unwrap();
    assert_eq!(known.roles, [Role::Operator]);
    assert_eq!(store.rows("ops", "credentials").await, 1);
}

async fn rivals_for_one_command_leave_the_winner_its_password(store: &TestStore) {
    let (a, b) = two_desks(store).await;
    let admin = Actor::system();
    for round in 0..6 {
        let options = named(fresh());
        let rival = |desk: &'static str| {
            let new = NewAccount {
                login: format!("{desk}-{round}"),
                name: "王小明".into(),
                roles: vec![Role::Operator],
                department: None,
                unit: None,
                ..NewAccount::default()
            };
            (new, Password::Clear(format!("Passwort von {desk}")))
        };
        let ((first, its), (second, others)) = (rival("a"), rival("b"));
        let (one, two) = tokio::join!(
            a.desk.create_account(&admin, first, its, &options),
            b.desk.create_account(&admin, second, others, &options),
        );
        let (winner, loser) = if one.is_ok() { ("a", "b") } else { ("b", "a") };
        let refused = if one.is_ok() { two } else { one };
        assert!(
            matches!(
                refused,
                Err(DeskError::Journal(JournalError::CommandReused))
            ),
            "{:?}",
            refused.err()
        );
        let login = format!("{winner}-{round}");
        let wrong = b
            .desk
            .log_in(&login, format!("Passwort von {loser}"), &Visitor::default())
            .await;
        assert!(wrong.is_err(), "the loser's password is nobody's");
        b.desk
            .log_in(
                &login,
                format!("Passwort von {winner}"),
                &Visitor::default(),
            )
            .await
            .unwrap();
    }
    assert_eq!(store.rows("ops", "credentials").await, 6);
}
