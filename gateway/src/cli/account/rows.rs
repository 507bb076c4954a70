//! The rows of a list of accounts: columns found by their names, fields checked, reasons told by column.

use crate::import::encoding::Encoding;
use crate::import::records::{Fault, Record};
use crate::import::rejects::{Reject, Why};
use docket_core::desk::{NewAccount, Recovery};
use docket_domain::Reason;
use docket_domain::account::RecoveryQuestion;
use docket_domain::organisation::{Department, Organisation};
use docket_domain::people::Role;

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
pub(super) struct Header {
    encoding: Encoding,
    /// For each field of a row the column it is of.
    columns: Vec<&'static str>,
}

/// A row that can be tried.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) new: NewAccount,
    /// In the clear, if the list has one.
    pub(super) password: Option<String>,
}

impl Header {
    /// The header of a list, or what is wrong with it.
    pub(super) fn read(record: &Record, encoding: Encoding) -> Result<Self, String> {
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
    pub(super) fn has_passwords(&self) -> bool {
        self.columns.contains(&"password")
    }

    /// A row, or why it is none.
    pub(super) fn row(&self, record: &Record, organisation: &Organisation) -> Result<Row, Reject> {
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
        let mut values = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(&record.fields) {
            let text = self.encoding.decode(field);
            let broken = || Reject::new(Why::BrokenEncoding, Some(column), "");
            values.push((*column, text.ok_or_else(broken)?.trim().to_owned()));
        }
        let value = |wanted: &str| {
            let found = values.iter().find(|(column, _)| *column == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        let needed = |column: &'static str| match value(column) {
            "" => Err(Reject::new(Why::Missing, Some(column), "")),
            text => Ok(text.to_owned()),
        };
        let login = needed("login")?;
        let name = needed("name")?;
        let roles = roles(&needed("role")?)?;
        let department = department(organisation, value("department"))?;
        let unit = match (value("unit"), department) {
            ("", _) => None,
            (_, None) => return Err(Reject::new(Why::Missing, Some("department"), "")),
            (name, Some(department)) => {
                let unit = department.units.iter().find(|unit| unit.name == name);
                Some(
                    unit.ok_or_else(|| refused(Reason::UnknownOffice, "unit", ""))?
                        .id,
                )
            }
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Row {
            password: some(value("password")),
            new: NewAccount {
                login,
                name,
                roles,
                department: department.map(|department| department.id),
                unit,
                mobile: some(value("mobile")),
                sms_quota: quota(value("sms_quota"))?,
                recovery: recovery(value("recovery_question"), value("recovery_answer"))?,
            },
        })
    }
}

/// Roles by name, in English or Chinese; several with `+` between them.
fn roles(text: &str) -> Result<Vec<Role>, Reject> {
    let role = |name: &str| {
        let name = name.trim();
        let mut all = Role::ALL.iter().copied();
        all.find(|role| role.name() == name.to_lowercase() || role.name_zh() == name)
            .ok_or_else(|| {
                let all: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
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
pub(super) fn refused(reason: Reason, column: &str, detail: &str) -> Reject {
    let texts = (reason.zh(), reason.en());
    Reject::of(reason.code(), texts, Some(column), detail)
}

/// The column that an input field of `createAccount` comes from.
pub(super) fn column_of(field: &str) -> &str {
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
        let row = header.row(&record(&fields), &city()).unwrap();
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
            header.row(&record(&["w", "王", "operator", question, answer]), &city())
        };
        let book = RecoveryQuestion::FavouriteBook;
        for question in ["favourite_book", "FAVOURITE_BOOK", book.zh(), book.en()] {
            let recovery = row(question, " 红楼梦 ").unwrap().new.recovery.unwrap();
            assert_eq!((recovery.question, &*recovery.answer), (book, "红楼梦"));
        }
        assert!(row("", "").unwrap().new.recovery.is_none());
        for (question, answer, column, code) in [
            ("", "红楼梦", "recovery_question", "REQUIRED"),
            ("first_school", "", "recovery_answer", "REQUIRED"),
            ("红楼梦?", "红楼梦", "recovery_question", "INVALID_VALUE"),
        ] {
            let reject = row(question, answer).unwrap_err();
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
            let reject = header.row(&record(&fields), &city()).unwrap_err();
            assert_eq!(
                (reject.column.as_deref(), reject.code),
                (Some(column), code)
            );
            assert!(!reject.text.contains('王') && !reject.text.contains("boss"));
        }
        let short = header.row(&record(&["w", "王"]), &city()).unwrap_err();
        assert_eq!((short.column, short.code), (None, "WRONG_FIELD_COUNT"));
    }
}
