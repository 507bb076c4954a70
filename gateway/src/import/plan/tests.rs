//! A plan tried on rows and on mistaken mappings.

use super::*;
use docket_domain::Reason;
use docket_domain::ticket::scenario::{DEPARTMENT, city};

const MAPPING: &str = r#"
source = "old"
keep = ["Neighbourhood"]

[times]
zone = "America/New_York"
formats = ["%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d"]

[number]
column = "No"

[title]
columns = ["Type", "Detail"]
join = ": "

[received_at]
column = "Created"

[due_at]
column = "Due"
at = "17:30:00"

[status]
column = "Status"
values = { "Closed" = "closed", "Closed (Duplicate)" = "duplicate" }
otherwise = "open"

[kind]
column = "Type"
values = { "Pothole" = "complain" }
otherwise = "unknown"

[channel]
column = "By"
values = { "Phone" = "phone", "Web" = "website" }

[department]
column = "Agency"
values = { "Solid Waste" = "城市管理局" }
otherwise = "unknown"

[caller]
name = { column = "Caller" }
"#;

const HEADER: [&str; 10] = [
    "No",
    "Type",
    "Detail",
    "Created",
    "Due",
    "Status",
    "By",
    "Agency",
    "Caller",
    "Neighbourhood",
];

fn plan_of(mapping: &str) -> Result<Plan, MappingError> {
    let mapping = Mapping::parse(mapping)?;
    let header = HEADER.map(String::from);
    Plan::new(
        &mapping,
        &header,
        Encoding::Utf8,
        &Rules::default_pack(),
        &city(),
    )
}

fn record(fields: [&str; 10]) -> Record {
    Record {
        line: 2,
        fields: fields.map(|f| f.as_bytes().to_vec()).to_vec(),
        fault: None,
    }
}

const ROW: [&str; 10] = [
    " 18-1 ",
    "Pothole",
    "deep",
    "04/12/2018 11:11:26 AM",
    "2018-04-20",
    "In Progress",
    "Phone",
    "Solid Waste",
    "Jo",
    "Canton",
];

fn read(change: impl FnOnce(&mut [&str; 10])) -> Result<OldTicket, Reject> {
    let mut row = ROW;
    change(&mut row);
    plan_of(MAPPING).unwrap().ticket(&record(row))
}

#[test]
fn a_row_becomes_a_ticket() {
    let ticket = read(|_| {}).unwrap();
    assert_eq!(
        (ticket.number.as_str(), ticket.title.as_str()),
        ("18-1", "Pothole: deep")
    );
    assert_eq!(ticket.received_at.to_string(), "2018-04-12 15:11:26 UTC");
    assert_eq!(
        ticket.due_at.unwrap().to_string(),
        "2018-04-20 21:30:00 UTC"
    );
    assert_eq!(
        (ticket.standing, ticket.kind),
        (Standing::Open, Some(Kind::Complain))
    );
    assert_eq!(ticket.channel.as_deref(), Some("phone"));
    assert_eq!(ticket.department, Some(DEPARTMENT));
    assert_eq!(ticket.caller.unwrap().name.as_deref(), Some("Jo"));
    let words: Vec<_> = ticket
        .words
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert_eq!(
        words,
        [
            ("Neighbourhood", "Canton"),
            ("channel", "Phone"),
            ("department", "Solid Waste"),
            ("status", "In Progress"),
        ],
        "the type is in the title already"
    );
}

#[test]
fn what_is_not_there_stays_unknown() {
    let ticket = read(|row| {
        (row[1], row[4], row[6]) = ("Other", "", "");
        (row[7], row[8], row[9]) = ("Parks", "", "");
    })
    .unwrap();
    assert_eq!(
        (ticket.kind, ticket.channel, ticket.department),
        (None, None, None)
    );
    assert!(ticket.caller.is_none() && ticket.due_at.is_none());
}

#[test]
fn what_is_wrong_is_told_by_column() {
    let rejected = |index: usize, value: &'static str, code, column: &str| {
        let reject = read(|row| row[index] = value).unwrap_err();
        assert_eq!(
            (reject.code, reject.column.as_deref()),
            (code, Some(column)),
            "{}",
            reject.text
        );
    };
    rejected(0, " ", "REQUIRED", "No");
    rejected(3, "", "REQUIRED", "Created");
    rejected(3, "02/30/2018 11:11:26 AM", "NOT_A_TIME", "Created");
    rejected(3, "2018-04-12", "NOT_A_TIME", "Created");
    rejected(3, "03/11/2018 02:30:00 AM", "NO_SUCH_TIME", "Created");
    rejected(5, "", "REQUIRED", "Status");
    rejected(6, "Pigeon", "UNMAPPED_VALUE", "By");
    rejected(9, "a\u{FFFD}", "BROKEN_ENCODING", "Neighbourhood");
    let mut short = record(ROW);
    short.fields.pop();
    let reject = plan_of(MAPPING).unwrap().ticket(&short).unwrap_err();
    assert_eq!((reject.code, reject.column), ("WRONG_FIELD_COUNT", None));
    let refusal = Refusal::new("import", "absent", Reason::InvalidValue).at("dueAt");
    let reject = plan_of(MAPPING).unwrap().refused(&refusal);
    assert_eq!(
        (reject.code, reject.column.as_deref()),
        ("INVALID_VALUE", Some("Due"))
    );
}

#[test]
fn a_limit_reckoned_into_a_jump_of_the_clocks_is_as_if_they_had_not() {
    let ticket = read(|row| row[4] = "03/11/2020 02:30:00 AM").unwrap();
    assert_eq!(
        ticket.due_at.unwrap().to_string(),
        "2020-03-11 06:30:00 UTC"
    );
    let ticket = read(|row| row[4] = "03/11/2018 02:30:00 AM");
    assert_eq!(
        ticket.unwrap().due_at.unwrap().to_string(),
        "2018-03-11 07:30:00 UTC"
    );
}

#[test]
fn an_hour_that_came_twice_is_the_first() {
    let ticket = read(|row| row[3] = "11/04/2018 01:30:00 AM").unwrap();
    assert_eq!(ticket.received_at.to_string(), "2018-11-04 05:30:00 UTC");
}

#[test]
fn mistakes_of_the_mapping_are_told_with_their_line() {
    for (from, to, line, told) in [
        ("\"old\"", "\"Old system\"", 2, "source: expected"),
        ("[\"Neighbourhood\"]", "[\"Caller\"]", 3, "is kept already"),
        ("America/New_York", "America/Gotham", 6, "IANA zone"),
        ("%Y-%m-%d", "%Q", 7, "expected a format"),
        (
            "column = \"No\"",
            "column = \"Nr\"",
            10,
            "expected one of No, Type",
        ),
        (
            "columns = [\"Type\", \"Detail\"]",
            "",
            12,
            "one of column, columns, constant",
        ),
        ("17:30:00", "half past five", 21, "HH:MM:SS"),
        (
            "otherwise = \"open\"",
            "otherwise = \"ajar\"",
            26,
            "expected one of open, answered",
        ),
        (
            "= \"website\"",
            "= \"pigeon\"",
            35,
            "channel: \"pigeon\" is not known; expected one of phone",
        ),
        (
            "城市管理局",
            "Parks",
            39,
            "department: \"Parks\" is not known",
        ),
    ] {
        assert!(MAPPING.contains(from), "{from}");
        let Err(error) = plan_of(&MAPPING.replace(from, to)) else {
            panic!("{to} is a mistake")
        };
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(told), "{told}: {error}");
    }
}
