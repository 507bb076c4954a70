//! A golden file per event and schema version: a stored event stays readable for ever.
//!
//! `goldens/events/CATEGORY.TYPE.vN.json` holds examples, one a line, with and without what is optional.
//! Never edit or delete one: when an event changes, raise its version, add an upcaster, and let this
//! test write the file of the new version beside the old.

use docket_core::Record;
use docket_core::catalogue::AGGREGATES;
use docket_core::esrs_store::decode;
use docket_domain::Sealed;
use docket_domain::account::{
    Account, AccountEvent, Changed, Created, Deactivated, Erased, PasswordReset, Reactivated,
};
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::{
    AccountId, CommandId, DepartmentId, ErasureId, EventId, KeyId, PhraseId, UnitId,
};
use docket_domain::organisation::{
    DepartmentAdded, DepartmentRegionChanged, DepartmentRenamed, Founded, Organisation,
    OrganisationEvent, UnitAdded, UnitMoved, UnitRenamed,
};
use docket_domain::people::{Actor, Role};
use docket_domain::phrasebook::{
    PhraseAdded, PhraseChanged, PhraseEvent, PhraseKind, PhraseRemoved, Phrasebook,
};
use docket_domain::rules::{PackPublished, RulesBook};
use docket_domain::ticket::actions::EVENT_VERSIONS;
use docket_domain::ticket::actions::import::Import;
use docket_domain::ticket::scenario::{
    DEPARTMENT, Given, OTHER_DEPARTMENT, UNIT, accept_return, administrator, answer, assign,
    assigned, call_back, caller_back, citizen, clerk, close, contact, context, decline, delegate,
    delegated, dispatcher, erase, given, import, now, office, operator, own_replied, recall,
    receive, received, redo, refuse_return, replied, reply, returned, review, reviewed, rework,
    save_draft, send_back, sign, signed, take, unit_clerk, unsolved, urge, view, withdraw,
};
use docket_domain::ticket::{
    Ground, Kind, Satisfaction, Secrecy, Standing, Ticket, TicketAction, TicketCommand,
    TicketEvent, Urgency,
};
use docket_tests::golden::{folder, goldens};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A file's name without its ending, and its examples.
type Examples = BTreeMap<(&'static str, String, u16), Vec<String>>;

fn text(text: &str) -> Sealed {
    Sealed {
        key: KeyId(Uuid::from_u128(0x0E1)),
        event: EventId(Uuid::from_u128(0x0E2)),
        chars: u32::try_from(text.chars().count()).unwrap(),
        sealed_box: "bm9uY2U_Y2lwaGVydGV4dA-".into(),
    }
}

/// What an action on a history gives.
fn event(history: Given, actor: Actor, action: TicketAction<Sealed>) -> TicketEvent {
    let context = context(actor);
    let command = TicketCommand { context, action };
    let events = Ticket::decide(&history.fold(), command).unwrap();
    let [event] = events.try_into().unwrap();
    event
}

fn full_receive() -> TicketAction<Sealed> {
    let TicketAction::Receive(mut action) = receive() else {
        unreachable!()
    };
    action.query_code = text("ABCD2345");
    action.kind = Kind::Report;
    action.urgency = Urgency::Critical;
    action.secrecy = Secrecy::Confidential;
    action.caller = Some(text("{}"));
    action.title = text("夜间施工扰民");
    action.body = text("连续三天夜里施工。");
    action.place = Some(text("长江路1号"));
    action.incident_at = Some(now());
    action.respondent = Some(text("某公司"));
    action.accused_department = Some(OTHER_DEPARTMENT);
    action.earlier = Some("261122090000000001".parse().unwrap());
    TicketAction::Receive(action)
}

fn full_import(mut action: Import<Sealed>) -> TicketAction<Sealed> {
    action.query_code = text("ABCD2345");
    action.source_number = text("2019-0042");
    action.source_words = Some(text("{\"status\":\"在办\"}"));
    action.region = None;
    action.urgency = Some(Urgency::Urgent);
    action.secrecy = Some(Secrecy::Confidential);
    action.wants_reply = Some(true);
    action.caller = Some(text("{}"));
    action.title = text("路灯不亮");
    action.body = Some(text("长江路路灯不亮。"));
    action.place = Some(text("长江路1号"));
    action.incident_at = Some(action.received_at);
    action.respondent = Some(text("某公司"));
    action.accused_department = Some(OTHER_DEPARTMENT);
    action.answer = Some(text("正在处理"));
    let later = |days| Some(action.received_at + chrono::TimeDelta::days(days));
    (action.assigned_at, action.answered_at) = (later(1), later(2));
    action.closed_at = later(3);
    TicketAction::Import(action)
}

fn least_import(mut action: Import<Sealed>) -> TicketAction<Sealed> {
    action.standing = Standing::Duplicate;
    (action.kind, action.channel) = (None, None);
    (action.caller, action.body) = (None, None);
    (action.department, action.due_at) = (None, None);
    TicketAction::Import(action)
}

fn least_receive() -> TicketAction<Sealed> {
    let TicketAction::Receive(mut action) = receive() else {
        unreachable!()
    };
    (action.caller, action.has_contact) = (None, false);
    action.wants_reply = false;
    TicketAction::Receive(action)
}

/// Every action with all its fields, where that differs from the scenarios' plain one.
fn full(action: TicketAction<Sealed>) -> TicketAction<Sealed> {
    match action {
        TicketAction::Receive(_) => full_receive(),
        TicketAction::Import(action) => full_import(action),
        TicketAction::Assign(mut action) => {
            action.assists = vec![OTHER_DEPARTMENT];
            action.instruction = Some(text("请尽快办理"));
            TicketAction::Assign(action)
        }
        TicketAction::SendBack(mut action) => {
            action.suggested_department = Some(OTHER_DEPARTMENT);
            TicketAction::SendBack(action)
        }
        TicketAction::Reply(mut action) => {
            action.solved = Some(false);
            action.unsolved_reason = Some(text("仍在整改"));
            TicketAction::Reply(action)
        }
        TicketAction::Rate(mut action) => {
            action.comment = Some(text("谢谢"));
            TicketAction::Rate(action)
        }
        TicketAction::AnswerDirectly(mut action) => {
            action.article = Some(text("政务服务指南"));
            TicketAction::AnswerDirectly(action)
        }
        TicketAction::SaveDraft(mut action) => {
            action.opinion = Some(text("已联系来电人"));
            (action.contacted, action.solved) = (Some(true), Some(false));
            action.unsolved_reason = Some(text("仍在整改"));
            action.handler = Some(text("李工"));
            action.phone = Some(text("13800000000"));
            TicketAction::SaveDraft(action)
        }
        TicketAction::ReviewAnswer(mut action) => {
            action.opinion = Some(text("答复清楚"));
            TicketAction::ReviewAnswer(action)
        }
        TicketAction::CallBack(mut action) => {
            action.comment = Some(text("谢谢"));
            action.recording = Some(text("录音 0042"));
            TicketAction::CallBack(action)
        }
        TicketAction::View(_)
        | TicketAction::Sign(_)
        | TicketAction::Delegate(_)
        | TicketAction::Decline(_)
        | TicketAction::Recall(_)
        | TicketAction::HandOver(_)
        | TicketAction::Contact(_)
        | TicketAction::AcceptReturn(_)
        | TicketAction::RefuseReturn(_)
        | TicketAction::Rework(_)
        | TicketAction::Redo(_)
        | TicketAction::Urge(_)
        | TicketAction::Withdraw(_)
        | TicketAction::Close(_)
        | TicketAction::Erase(_) => action,
    }
}

/// Every action without what is optional, where that differs.
fn least(action: TicketAction<Sealed>) -> TicketAction<Sealed> {
    match action {
        TicketAction::Receive(_) => least_receive(),
        TicketAction::Import(action) => least_import(action),
        TicketAction::Delegate(mut action) => {
            action.instruction = None;
            TicketAction::Delegate(action)
        }
        TicketAction::Reply(mut action) => {
            action.opinion = None;
            (action.contacted, action.solved) = (None, None);
            TicketAction::Reply(action)
        }
        TicketAction::Rate(mut action) => {
            action.satisfaction = Satisfaction::Dissatisfied;
            action.solved = None;
            TicketAction::Rate(action)
        }
        TicketAction::Recall(mut action) => {
            action.text = None;
            TicketAction::Recall(action)
        }
        TicketAction::Contact(mut action) => {
            (action.reached, action.evidence) = (false, None);
            TicketAction::Contact(action)
        }
        TicketAction::SaveDraft(mut action) => {
            action.answer = None;
            TicketAction::SaveDraft(action)
        }
        TicketAction::CallBack(mut action) => {
            action.reached = false;
            (action.contacted, action.solved, action.satisfaction) = (None, None, None);
            TicketAction::CallBack(action)
        }
        TicketAction::Urge(mut action) => {
            action.text = None;
            TicketAction::Urge(action)
        }
        TicketAction::Withdraw(mut action) => {
            action.text = None;
            TicketAction::Withdraw(action)
        }
        TicketAction::Close(mut action) => {
            action.text = None;
            TicketAction::Close(action)
        }
        TicketAction::Assign(_)
        | TicketAction::View(_)
        | TicketAction::Sign(_)
        | TicketAction::SendBack(_)
        | TicketAction::AnswerDirectly(_)
        | TicketAction::Decline(_)
        | TicketAction::HandOver(_)
        | TicketAction::AcceptReturn(_)
        | TicketAction::RefuseReturn(_)
        | TicketAction::Rework(_)
        | TicketAction::ReviewAnswer(_)
        | TicketAction::Redo(_)
        | TicketAction::Erase(_) => action,
    }
}

fn ticket_events() -> Vec<TicketEvent> {
    let rate = docket_domain::ticket::scenario::rate;
    let in_unit = || delegated().and(unit_clerk(), sign());
    vec![
        event(given([]), operator(), full(receive())),
        event(given([]), citizen(), receive()),
        event(given([]), operator(), least(receive())),
        event(given([]), Actor::system(), full(import())),
        event(given([]), Actor::system(), least(import())),
        event(received(), dispatcher(), full(assign())),
        event(received(), dispatcher(), assign()),
        event(assigned(), clerk(), view()),
        event(delegated(), unit_clerk(), view()),
        event(assigned(), clerk(), sign()),
        event(delegated(), unit_clerk(), sign()),
        event(signed(), clerk(), delegate()),
        event(signed(), clerk(), least(delegate())),
        event(assigned(), clerk(), full(send_back())),
        event(delegated(), unit_clerk(), send_back()),
        event(signed(), clerk(), full(reply())),
        event(in_unit(), unit_clerk(), least(reply())),
        event(own_replied(), citizen(), full(rate())),
        event(replied(), operator(), least(rate())),
        event(received(), operator(), full(answer())),
        event(received(), operator(), answer()),
        event(received(), operator(), decline()),
        event(assigned(), dispatcher(), recall()),
        event(delegated(), clerk(), least(recall())),
        event(assigned(), clerk(), take(&clerk())),
        event(signed(), clerk(), contact()),
        event(signed(), clerk(), least(contact())),
        event(returned(), dispatcher(), accept_return()),
        event(returned(), dispatcher(), refuse_return()),
        event(signed(), clerk(), full(save_draft("已责令停工"))),
        event(signed(), clerk(), least(save_draft(""))),
        event(in_unit().and(unit_clerk(), reply()), clerk(), rework()),
        event(replied(), office(), full(review())),
        event(replied(), office(), review()),
        event(reviewed(), caller_back(), full(call_back())),
        event(reviewed(), caller_back(), least(call_back())),
        event(unsolved(), office(), redo()),
        event(received().and(operator(), answer()), office(), redo()),
        event(given([(citizen(), receive())]), citizen(), least(urge())),
        event(assigned(), operator(), urge()),
        event(
            given([(citizen(), receive())]),
            citizen(),
            least(withdraw()),
        ),
        event(assigned(), operator(), withdraw()),
        event(unsolved(), office(), close()),
        event(unsolved().and(office(), close()), Actor::system(), erase()),
        event(
            given([(operator(), least(receive()))])
                .and(operator(), answer())
                .and(office(), review()),
            office(),
            least(close()),
        ),
    ]
}

fn organisation_events() -> Vec<OrganisationEvent> {
    let department = |region: Option<&str>| {
        OrganisationEvent::DepartmentAdded(DepartmentAdded {
            department: DEPARTMENT,
            name: "城市管理局".into(),
            region: region.map(Into::into),
        })
    };
    let region = |region: Option<&str>| {
        OrganisationEvent::DepartmentRegionChanged(DepartmentRegionChanged {
            department: DEPARTMENT,
            region: region.map(Into::into),
        })
    };
    vec![
        OrganisationEvent::Founded(Founded {
            name: "云州市".into(),
            time_zone: "Asia/Shanghai".into(),
        }),
        department(Some("高新区")),
        department(None),
        OrganisationEvent::DepartmentRenamed(DepartmentRenamed {
            department: DEPARTMENT,
            name: "综合执法局".into(),
        }),
        region(Some("高新区")),
        region(None),
        OrganisationEvent::UnitAdded(UnitAdded {
            unit: UNIT,
            department: DEPARTMENT,
            name: "执法大队".into(),
        }),
        OrganisationEvent::UnitRenamed(UnitRenamed {
            unit: UNIT,
            name: "直属大队".into(),
        }),
        OrganisationEvent::UnitMoved(UnitMoved {
            unit: UNIT,
            department: OTHER_DEPARTMENT,
        }),
    ]
}

/// The roles there were when accounts were first stored.
const FIRST_ROLES: &[Role] = &[
    Role::Operator,
    Role::Dispatcher,
    Role::Clerk,
    Role::Leader,
    Role::Citizen,
    Role::Auditor,
    Role::Administrator,
];

fn account_events() -> Vec<AccountEvent> {
    let created = |roles: &[Role], department: Option<DepartmentId>, unit: Option<UnitId>| {
        AccountEvent::Created(Created {
            login: text("pt-wang"),
            name: text("王小明"),
            roles: roles.to_vec(),
            department,
            unit,
        })
    };
    vec![
        created(&[Role::Clerk, Role::Leader], Some(DEPARTMENT), Some(UNIT)),
        created(FIRST_ROLES, None, None),
        created(&administrator().roles, None, None),
        created(Role::ALL, None, None),
        AccountEvent::Changed(Changed {
            name: Some(text("王小红")),
            roles: vec![Role::Leader],
            department: Some(DEPARTMENT),
            unit: Some(UNIT),
        }),
        AccountEvent::Changed(Changed {
            name: None,
            roles: vec![Role::Operator, Role::Dispatcher],
            department: None,
            unit: None,
        }),
        AccountEvent::Deactivated(Deactivated {}),
        AccountEvent::Erased(Erased {
            erasure: ErasureId(Uuid::from_u128(0x0E5)),
            ground: Ground::Request,
        }),
        AccountEvent::Reactivated(Reactivated {}),
        AccountEvent::PasswordReset(PasswordReset {}),
    ]
}

fn rules_events() -> Vec<PackPublished> {
    vec![PackPublished {
        version: 1,
        pack: "[pack]\nname = \"云州\"\n".into(),
        holidays: "[2026]\n".into(),
    }]
}

fn phrasebook_events() -> Vec<PhraseEvent> {
    let phrase = PhraseId(Uuid::from_u128(0xF1));
    let added = |kind| {
        PhraseEvent::Added(PhraseAdded {
            phrase,
            kind,
            title: text("已停工"),
            text: text("施工方已停止夜间施工。"),
        })
    };
    vec![
        added(PhraseKind::Template),
        added(PhraseKind::Phrase),
        PhraseEvent::Changed(PhraseChanged {
            phrase,
            title: text("停工"),
            text: text("已责令停工。"),
        }),
        PhraseEvent::Removed(PhraseRemoved { phrase }),
    ]
}

fn collect<A: Aggregate>(examples: &mut Examples, events: &[A::Event]) {
    for event in events {
        let encoded = A::encode(event);
        let name = (
            A::CATEGORY,
            encoded.event_type.to_owned(),
            encoded.schema_version,
        );
        examples.entry(name).or_default().push(encoded.data);
    }
}

fn examples() -> Examples {
    let mut examples = Examples::new();
    collect::<Ticket>(&mut examples, &ticket_events());
    collect::<Organisation>(&mut examples, &organisation_events());
    collect::<Account>(&mut examples, &account_events());
    collect::<RulesBook>(&mut examples, &rules_events());
    collect::<Phrasebook>(&mut examples, &phrasebook_events());
    examples
}

fn file(category: &str, event_type: &str, version: u16) -> String {
    format!("{category}.{event_type}.v{version}.json")
}

/// Reads stored data as it would be read from a log, and writes it anew.
fn through<A: Aggregate>(event_type: &str, schema_version: u16, data: &str) -> String {
    let record = Record {
        position: 1,
        category: A::CATEGORY.into(),
        stream: Uuid::nil(),
        version: 1,
        event: EventId(Uuid::nil()),
        event_type: event_type.into(),
        schema_version,
        data: data.into(),
        actor: AccountId::SYSTEM,
        acting_for: None,
        command: CommandId(Uuid::nil()),
        correlation: Uuid::nil(),
        causation: None,
        occurred_at: now(),
        recorded_at: now(),
        rules_version: 1,
    };
    let event = decode::<A>(&record).unwrap_or_else(|e| panic!("{event_type}: {e}: {data}"));
    A::encode(&event).data
}

#[test]
fn every_event_is_stored_as_ever() {
    goldens(
        examples()
            .into_iter()
            .map(|((category, event_type, version), lines)| {
                let path = format!("events/{}", file(category, &event_type, version));
                (path, format!("[\n{}\n]\n", lines.join(",\n")))
            }),
    );
}

#[test]
fn every_event_has_an_example() {
    let known: BTreeSet<(&str, u16)> = EVENT_VERSIONS.iter().copied().collect();
    let examples = examples();
    let shown: BTreeSet<(&str, u16)> = examples
        .keys()
        .filter(|(category, ..)| *category == Ticket::CATEGORY)
        .map(|(_, event_type, version)| (event_type.as_str(), *version))
        .collect();
    assert_eq!(shown, known);
    for event in organisation_events() {
        // The compiler asks here for an example of a new event.
        match event {
            OrganisationEvent::Founded(_)
            | OrganisationEvent::DepartmentAdded(_)
            | OrganisationEvent::DepartmentRenamed(_)
            | OrganisationEvent::DepartmentRegionChanged(_)
            | OrganisationEvent::UnitAdded(_)
            | OrganisationEvent::UnitRenamed(_)
            | OrganisationEvent::UnitMoved(_) => {}
        }
    }
    for event in account_events() {
        match event {
            AccountEvent::Created(_)
            | AccountEvent::Changed(_)
            | AccountEvent::Deactivated(_)
            | AccountEvent::Erased(_)
            | AccountEvent::Reactivated(_)
            | AccountEvent::PasswordReset(_) => {}
        }
    }
    for event in phrasebook_events() {
        match event {
            PhraseEvent::Added(_) | PhraseEvent::Changed(_) | PhraseEvent::Removed(_) => {}
        }
    }
    let types: BTreeSet<(&str, &str)> = examples
        .keys()
        .map(|(category, event_type, _)| (*category, event_type.as_str()))
        .collect();
    let all: BTreeSet<(&str, &str)> = AGGREGATES
        .iter()
        .flat_map(|entry| entry.event_types.iter().map(|name| (entry.category, *name)))
        .collect();
    assert_eq!(types, all);
}

/// One file for each version there ever was, and no other: none may be deleted.
#[test]
fn every_golden_is_kept_and_read() {
    let mut wanted = BTreeSet::new();
    for ((category, event_type, current), _) in examples() {
        for version in 1..=current {
            let name = file(category, &event_type, version);
            let stored = std::fs::read_to_string(folder().join("events").join(&name)).unwrap();
            for line in stored.lines().filter(|line| !matches!(*line, "[" | "]")) {
                let data = line.strip_suffix(',').unwrap_or(line);
                let again = match category {
                    Ticket::CATEGORY => through::<Ticket>(&event_type, version, data),
                    Organisation::CATEGORY => through::<Organisation>(&event_type, version, data),
                    Account::CATEGORY => through::<Account>(&event_type, version, data),
                    RulesBook::CATEGORY => through::<RulesBook>(&event_type, version, data),
                    Phrasebook::CATEGORY => through::<Phrasebook>(&event_type, version, data),
                    other => panic!("no aggregate of category {other}"),
                };
                if version == current {
                    assert_eq!(again, data, "{name}");
                }
            }
            wanted.insert(name);
        }
    }
    let found: BTreeSet<String> = std::fs::read_dir(folder().join("events"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, wanted);
}
