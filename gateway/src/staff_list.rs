//! A list of accounts to be created, as CSV: columns found by their names, fields checked, every mistake told by column.
//! At the command line and over GraphQL alike; passwords are made in [`password`].

pub mod password;

use crate::error::Failure;
use crate::import::encoding::Encoding;
use crate::import::records::{Fault, Record};
use crate::import::rejects::{Reject, Why};
use async_graphql::Error;
use docket_core::desk::{NewAccount, Password, Recovery};
use docket_core::{Desk, DeskError};
use docket_domain::Reason;
use docket_domain::account::RecoveryQuestion;
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::organisation::{Department, Organisation};
use docket_domain::people::{Actor, DeskKind, Role};

/// The columns a list may have, in any order. Each may be called in Chinese, too.
const COLUMNS: [(&str, &str); 10] = [
    ("login", "登录名"),
    ("name", "姓名"),
    ("role", "角色"),
    ("department", "部门"),
    ("unit", "单位"),
    ("mobile", "手机"),
    ("sms_quota", "短信限额"),
    ("password", "密码"),
    ("recovery_question", "密保问题"),
    ("recovery_answer", "密保答案"),
];
/// Those it must have.
const NEEDED: [&str; 3] = ["login", "name", "role"];

/// Where each column of a list is.
pub struct Header {
    encoding: Encoding,
    /// For each field of a row the column it is of.
    columns: Vec<&'static str>,
}

/// A row: an account as far as it could be read, and what is wrong with it.
#[derive(Debug)]
pub struct Row {
    /// The account. Fields at fault are empty.
    pub new: NewAccount,
    /// In the clear, if the list has one.
    pub password: Option<String>,
    /// What is wrong.
    pub mistakes: Mistakes,
}

/// What is wrong with a row, each column told once.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<Reject>);

impl Mistakes {
    /// Adds one, unless its column is at fault already.
    pub fn add(&mut self, reject: Reject) {
        let told = |before: &Reject| before.column.is_some() && before.column == reject.column;
        if !self.0.iter().any(told) {
            self.0.push(reject);
        }
    }

    /// What was found, or nothing where that is a mistake.
    fn sound<T: Default>(&mut self, found: Result<T, Reject>) -> T {
        found.unwrap_or_else(|reject| {
            self.add(reject);
            T::default()
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order they were found.
    #[must_use]
    pub fn all(self) -> Vec<Reject> {
        self.0
    }
}

impl Row {
    /// Adds what the desk finds wrong with the account, as it would be created by somebody with a password.
    pub async fn judge(
        &mut self,
        desk: &Desk,
        actor: &Actor,
        password: Option<&Password>,
    ) -> Result<(), Error> {
        let found = desk.account_mistakes(actor, &self.new, password).await;
        for mistake in found.map_err(|error| crate::error::system(&error))? {
            self.mistakes.add(reject_of(mistake)?);
        }
        Ok(())
    }
}

/// Why a row is not taken, if it is the row's fault.
pub fn reject_of(error: DeskError) -> Result<Reject, Error> {
    match Failure::from(error) {
        Failure::Refused(refused) => {
            let texts = (refused.zh.as_str(), refused.en.as_str());
            let column = refused.path.map(column_of);
            Ok(Reject::of(refused.code, texts, column, ""))
        }
        Failure::Fault(error) => Err(error),
    }
}

impl Header {
    /// The header of a list, or what is wrong with it.
    pub fn read(record: &Record, encoding: Encoding) -> Result<Self, String> {
        let mut columns = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            let name = encoding.decode_lossy(field).trim().to_lowercase();
            let known = COLUMNS.iter().find(|(en, zh)| name == *en || name == *zh);
            let Some((column, _)) = known else {
                let all: Vec<&str> = COLUMNS.iter().map(|(en, _)| *en).collect();
                let place = columns.len() + 1;
                return Err(format!(
                    "line 1: column {place} is none of {}",
                    all.join(", ")
                ));
            };
            if columns.contains(column) {
                return Err(format!("line 1: the column {column} is there twice"));
            }
            columns.push(*column);
        }
        match NEEDED.iter().find(|needed| !columns.contains(needed)) {
            Some(missing) => Err(format!("line 1: the column {missing} is missing")),
            None => Ok(Self { encoding, columns }),
        }
    }

    /// Whether rows may hold passwords.
    #[must_use]
    pub fn has_passwords(&self) -> bool {
        self.columns.contains(&"password")
    }

    /// A row, or why it is none. Clerks and leaders without a department are of `own`, if one is given.
    pub fn row(
        &self,
        record: &Record,
        organisation: &Organisation,
        own: Option<DepartmentId>,
    ) -> Result<Row, Reject> {
        match record.fault {
            Some(Fault::BrokenQuote { field }) => {
                let column = self.columns.get(field).copied();
                return Err(Reject::new(Why::BrokenQuote, column, ""));
            }
            Some(Fault::TooLong) => return Err(Reject::new(Why::RecordTooLong, None, "")),
            None => {}
        }
        if record.fields.len() != self.columns.len() {
            return Err(Reject::new(Why::WrongFieldCount, None, ""));
        }
        let mut mistakes = Mistakes::default();
        let mut values = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(&record.fields) {
            let text = self.encoding.decode(field);
            let broken = || Reject::new(Why::BrokenEncoding, Some(column), "");
            let text = text.map(|text| text.trim().to_owned());
            values.push((*column, mistakes.sound(text.ok_or_else(broken))));
        }
        let value = |wanted: &str| {
            let found = values.iter().find(|(column, _)| *column == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        let needed = |column: &'static str| match value(column) {
            "" => Err(Reject::new(Why::Missing, Some(column), "")),
            text => Ok(text.to_owned()),
        };
        let login = mistakes.sound(needed("login"));
        let name = mistakes.sound(needed("name"));
        let roles = mistakes.sound(needed("role").and_then(|text| roles(&text)));
        let of_offices = roles.iter().all(|role| role.desk() == DeskKind::Office);
        let own = own.filter(|_| of_offices);
        let own = own.and_then(|own| organisation.department(own));
        let named = mistakes.sound(department(organisation, value("department")));
        let department = named.or(own);
        let unit = mistakes.sound(unit(department, value("unit")));
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (question, answer) = (value("recovery_question"), value("recovery_answer"));
        Ok(Row {
            password: some(value("password")),
            new: NewAccount {
                login,
                name,
                roles,
                department: department.map(|department| department.id),
                unit,
                mobile: some(value("mobile")),
                sms_quota: mistakes.sound(quota(value("sms_quota"))),
                recovery: mistakes.sound(recovery(question, answer)),
            },
            mistakes,
        })
    }
}

/// The roles of an office as a manual calls them (S1 分配角色), with brackets of either width.
const OFFICE_ROLES: [(&str, Role); 2] = [
    ("职能部门(经办)", Role::Clerk),
    ("职能部门(领导)", Role::Leader),
];

/// Roles by name, in English or Chinese; several with `+` between them.
fn roles(text: &str) -> Result<Vec<Role>, Reject> {
    let role = |name: &str| {
        let name = name
            .trim()
            .replace('\u{FF08}', "(")
            .replace('\u{FF09}', ")");
        let as_called = OFFICE_ROLES.iter().find(|(called, _)| *called == name);
        let by_name = |role: &&Role| role.name() == name.to_lowercase() || role.name_zh() == name;
        let found = as_called.map(|(_, role)| role);
        let found = found.or_else(|| Role::ALL.iter().find(by_name));
        found.copied().ok_or_else(|| {
            let named = |role: &Role| format!("{} {}", role.name_zh(), role.name());
            let all: Vec<String> = Role::ALL.iter().map(named).collect();
            refused(Reason::InvalidValue, "role", &all.join(", "))
        })
    };
    text.split('+').map(role).collect()
}

fn department<'o>(
    organisation: &'o Organisation,
    name: &str,
) -> Result<Option<&'o Department>, Reject> {
    if name.is_empty() {
        return Ok(None);
    }
    let mut departments = organisation.departments.iter();
    let found = departments.find(|department| department.name == name);
    let unknown = || refused(Reason::UnknownOffice, "department", "");
    found.map(Some).ok_or_else(unknown)
}

fn unit(department: Option<&Department>, name: &str) -> Result<Option<UnitId>, Reject> {
    match (name, department) {
        ("", _) => Ok(None),
        (_, None) => Err(Reject::new(Why::Missing, Some("department"), "")),
        (name, Some(department)) => {
            let found = department.units.iter().find(|unit| unit.name == name);
            let unknown = || refused(Reason::UnknownOffice, "unit", "");
            found.map(|unit| Some(unit.id)).ok_or_else(unknown)
        }
    }
}

fn quota(text: &str) -> Result<u32, Reject> {
    if text.is_empty() {
        return Ok(0);
    }
    let whole = text.parse();
    whole.map_err(|_| refused(Reason::InvalidValue, "sms_quota", "a number from 0 on"))
}

/// A question by its code or its words, in either language, with its answer.
fn recovery(question: &str, answer: &str) -> Result<Option<Recovery>, Reject> {
    match (question, answer) {
        ("", "") => return Ok(None),
        ("", _) => return Err(Reject::new(Why::Missing, Some("recovery_question"), "")),
        (_, "") => return Err(Reject::new(Why::Missing, Some("recovery_answer"), "")),
        _ => {}
    }
    let mut all = RecoveryQuestion::ALL.iter().copied();
    let meant = |one: &RecoveryQuestion| {
        let code = one.code() == question.to_lowercase();
        code || one.zh() == question || one.en() == question
    };
    let Some(found) = all.find(meant) else {
        let codes: Vec<&str> = RecoveryQuestion::ALL.iter().map(|q| q.code()).collect();
        let (reason, column) = (Reason::InvalidValue, "recovery_question");
        return Err(refused(reason, column, &codes.join(", ")));
    };
    Ok(Some(Recovery {
        question: found,
        answer: answer.to_owned(),
    }))
}

/// A row that is not taken for a reason of the domain's.
#[must_use]
pub fn refused(reason: Reason, column: &str, detail: &str) -> Reject {
    let texts = (reason.zh(), reason.en());
    Reject::of(reason.code(), texts, Some(column), detail)
}

/// The column that an input field of `createAccount` comes from.
fn column_of(field: &str) -> &str {
    match field {
        "roles" => "role",
        "departmentId" => "department",
        "unitId" => "unit",
        "smsQuota" => "sms_quota",
        "recoveryAnswer" => "recovery_answer",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use docket_domain::ticket::scenario::{DEPARTMENT, UNIT, city};

    fn record(fields: &[&str]) -> Record {
        Record {
            line: 1,
            fields: fields.iter().map(|f| f.as_bytes().to_vec()).collect(),
            fault: None,
        }
    }

    fn header(names: &[&str]) -> Result<Header, String> {
        Header::read(&record(names), Encoding::Utf8)
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let all = [
            "登录名",
            " Name ",
            "角色",
            "部门",
            "unit",
            "手机",
            "sms_quota",
        ];
        let header = header(&all).unwrap();
        assert!(!header.has_passwords());
        let fields = [
            "cg-wang",
            "王小明",
            "领导+clerk",
            "城市管理局",
            "执法大队",
            "13800000001",
            "30",
        ];
        let row = header.row(&record(&fields), &city(), None).unwrap();
        assert!(row.mistakes.is_empty());
        assert_eq!(row.new.login, "cg-wang");
        assert_eq!(row.new.roles, [Role::Leader, Role::Clerk]);
        assert_eq!(
            (row.new.department, row.new.unit),
            (Some(DEPARTMENT), Some(UNIT))
        );
        assert_eq!(row.new.mobile.as_deref(), Some("13800000001"));
        assert_eq!((row.new.sms_quota, row.password), (30, None));
        for (names, told) in [
            (&["login", "name"][..], "role is missing"),
            (&["login", "name", "role", "login"], "login is there twice"),
            (
                &["login", "name", "role", "shoe_size"],
                "column 4 is none of",
            ),
        ] {
            let Err(error) = super::tests::header(names) else {
                panic!("{names:?}")
            };
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn questions_come_by_code_or_words_and_with_an_answer() {
        let names = ["login", "name", "role", "密保问题", "密保答案"];
        let header = header(&names).unwrap();
        let row = |question: &str, answer: &str| {
            let record = record(&["w", "王", "operator", question, answer]);
            header.row(&record, &city(), None).unwrap()
        };
        let book = RecoveryQuestion::FavouriteBook;
        for question in ["favourite_book", "FAVOURITE_BOOK", book.zh(), book.en()] {
            let recovery = row(question, " 红楼梦 ").new.recovery.unwrap();
            assert_eq!((recovery.question, &*recovery.answer), (book, "红楼梦"));
        }
        assert!(row("", "").new.recovery.is_none());
        for (question, answer, column, code) in [
            ("", "红楼梦", "recovery_question", "REQUIRED"),
            ("first_school", "", "recovery_answer", "REQUIRED"),
            ("红楼梦?", "红楼梦", "recovery_question", "INVALID_VALUE"),
        ] {
            let [reject] = &row(question, answer).mistakes.all()[..] else {
                panic!("one mistake")
            };
            assert_eq!(
                (reject.column.as_deref(), reject.code),
                (Some(column), code)
            );
            assert!(!reject.text.contains("红楼梦"));
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_column_and_never_quoted() {
        let header = header(&["login", "name", "role", "department", "unit", "sms_quota"]).unwrap();
        for (fields, column, code) in [
            (["", "王", "clerk", "", "", ""], "login", "REQUIRED"),
            (["w", "", "clerk", "", "", ""], "name", "REQUIRED"),
            (["w", "王", "boss", "", "", ""], "role", "INVALID_VALUE"),
            (
                ["w", "王", "clerk", "无此局", "", ""],
                "department",
                "UNKNOWN_OFFICE",
            ),
            (
                ["w", "王", "clerk", "公安局", "执法大队", ""],
                "unit",
                "UNKNOWN_OFFICE",
            ),
            (
                ["w", "王", "clerk", "", "执法大队", ""],
                "department",
                "REQUIRED",
            ),
            (
                ["w", "王", "clerk", "公安局", "", "-1"],
                "sms_quota",
                "INVALID_VALUE",
            ),
        ] {
            let row = header.row(&record(&fields), &city(), None).unwrap();
            let [reject] = &row.mistakes.all()[..] else {
                panic!("one mistake: {fields:?}")
            };
            assert_eq!(
                (reject.column.as_deref(), reject.code),
                (Some(column), code)
            );
            assert!(!reject.text.contains('王') && !reject.text.contains("boss"));
        }
        let short = header.row(&record(&["w", "王"]), &city(), None);
        let short = short.unwrap_err();
        assert_eq!((short.column, short.code), (None, "WRONG_FIELD_COUNT"));
    }

    #[test]
    fn every_mistake_of_a_row_is_told_once_a_column() {
        let columns = ["login", "name", "role", "department", "unit", "sms_quota"];
        let header = header(&columns).unwrap();
        let row = record(&["", "", "boss", "无此局", "执法大队", "x"]);
        let row = header.row(&row, &city(), None).unwrap();
        let told: Vec<_> = row.mistakes.all();
        let told: Vec<_> = told.iter().map(|r| (r.column.as_deref(), r.code)).collect();
        let expected = [
            (Some("login"), "REQUIRED"),
            (Some("name"), "REQUIRED"),
            (Some("role"), "INVALID_VALUE"),
            (Some("department"), "UNKNOWN_OFFICE"),
            (Some("sms_quota"), "INVALID_VALUE"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_leaders_own_department_need_not_be_named() {
        let header = header(&["login", "name", "role", "unit"]).unwrap();
        let row = |role: &str, unit: &str| {
            let record = record(&["w", "王", role, unit]);
            header.row(&record, &city(), Some(DEPARTMENT)).unwrap()
        };
        let clerk = row("clerk", "执法大队");
        assert!(clerk.mistakes.is_empty());
        assert_eq!(
            (clerk.new.department, clerk.new.unit),
            (Some(DEPARTMENT), Some(UNIT))
        );
        assert_eq!(row("operator", "").new.department, None);
    }
}
