//! A golden file per event and schema version: a stored event stays readable for ever.
//!
//! `goldens/events/CATEGORY.TYPE.vN.json` holds examples, one a line, with and without what is optional.
//! Never edit or delete one: when an event changes, raise its version, add an upcaster, and let this
//! test write the file of the new version beside the old.

mod tickets;

use docket_core::Record;
use docket_core::catalogue::AGGREGATES;
use docket_core::esrs_store::decode;
use docket_domain::Sealed;
use docket_domain::account::{
    Account, AccountEvent, Changed, Created, Deactivated, Erased, PasswordChanged,
    PasswordRecovered, PasswordReset, Reactivated, RecoverySet,
};
use docket_domain::aggregate::Aggregate;
use docket_domain::ids::{
    AccountId, CommandId, DepartmentId, ErasureId, EventId, KeyId, PhraseId, UnitId,
};
use docket_domain::notice::{Content, Notice, NoticeEvent, NoticeRead, NoticeWithdrawn};
use docket_domain::organisation::{
    DepartmentAdded, DepartmentRegionChanged, DepartmentRenamed, Founded, Organisation,
    OrganisationEvent, UnitAdded, UnitMoved, UnitRenamed,
};
use docket_domain::people::Role;
use docket_domain::phrasebook::{
    PhraseAdded, PhraseChanged, PhraseEvent, PhraseKind, PhraseRemoved, Phrasebook,
};
use docket_domain::rules::{PackPublished, RulesBook};
use docket_domain::ticket::actions::EVENT_VERSIONS;
use docket_domain::ticket::scenario::{DEPARTMENT, OTHER_DEPARTMENT, UNIT, administrator, now};
use docket_domain::ticket::{Ground, Ticket};
use docket_tests::golden::{folder, goldens};
use std::collections::{BTreeMap, BTreeSet};
use tickets::ticket_events;
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
            mobile: unit.map(|_| text("13800000001")),
            sms_quota: u32::from(unit.is_some()) * 30,
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
            mobile: Some(text("13800000002")),
            sms_quota: 50,
        }),
        AccountEvent::Changed(Changed {
            name: None,
            roles: vec![Role::Operator, Role::Dispatcher],
            department: None,
            unit: None,
            mobile: None,
            sms_quota: 0,
        }),
        AccountEvent::Deactivated(Deactivated {}),
        AccountEvent::Erased(Erased {
            erasure: ErasureId(Uuid::from_u128(0x0E5)),
            ground: Ground::Request,
        }),
        AccountEvent::Reactivated(Reactivated {}),
        AccountEvent::PasswordReset(PasswordReset {}),
        AccountEvent::PasswordChanged(PasswordChanged {}),
        AccountEvent::RecoverySet(RecoverySet {}),
        AccountEvent::PasswordRecovered(PasswordRecovered {}),
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

fn notice_events() -> Vec<NoticeEvent> {
    let full = Content {
        title: text("系统升级"),
        body: text("周六 22 点起停用一小时。"),
        departments: Some(vec![DEPARTMENT, OTHER_DEPARTMENT]),
        expires_at: Some(now()),
    };
    let least = Content {
        departments: None,
        expires_at: None,
        ..full.clone()
    };
    let read = |department, unit| {
        NoticeEvent::Read(NoticeRead {
            edition: 2,
            department,
            unit,
        })
    };
    vec![
        NoticeEvent::Published(full.clone().into()),
        NoticeEvent::Published(least.clone().into()),
        NoticeEvent::Changed(full.into()),
        NoticeEvent::Changed(least.into()),
        NoticeEvent::Withdrawn(NoticeWithdrawn {}),
        read(Some(DEPARTMENT), Some(UNIT)),
        read(None, None),
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
    collect::<Notice>(&mut examples, &notice_events());
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
            | AccountEvent::PasswordReset(_)
            | AccountEvent::PasswordChanged(_)
            | AccountEvent::RecoverySet(_)
            | AccountEvent::PasswordRecovered(_) => {}
        }
    }
    for event in phrasebook_events() {
        match event {
            PhraseEvent::Added(_) | PhraseEvent::Changed(_) | PhraseEvent::Removed(_) => {}
        }
    }
    for event in notice_events() {
        match event {
            NoticeEvent::Published(_)
            | NoticeEvent::Changed(_)
            | NoticeEvent::Withdrawn(_)
            | NoticeEvent::Read(_) => {}
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
                    Notice::CATEGORY => through::<Notice>(&event_type, version, data),
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
