//! A mapping checked against a file's first line and a store: how a row becomes a ticket of the system before.

mod codes;
mod times;

use super::encoding::Encoding;
use super::mapping::{self, Mapping, MappingError};
use super::records::{Fault, Record};
use super::rejects::{Reject, Why};
use codes::Decode;
use docket_core::desk::{Caller, OldTicket};
use docket_domain::Refusal;
use docket_domain::ids::DepartmentId;
use docket_domain::organisation::Organisation;
use docket_domain::rules::Rules;
use docket_domain::ticket::actions::import::{SOURCE_NAME_IS, is_source_name};
use docket_domain::ticket::{Kind, Secrecy, Standing, Urgency};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use times::TimeOf;
use toml::Spanned;

/// How rows become tickets.
pub struct Plan {
    source: String,
    encoding: Encoding,
    header: Vec<String>,
    number: TextOf,
    title: TextOf,
    body: Option<TextOf>,
    answer: Option<TextOf>,
    place: Option<TextOf>,
    respondent: Option<TextOf>,
    caller: CallerOf,
    status: Decode<Standing>,
    kind: Option<Decode<Kind>>,
    channel: Option<Decode<String>>,
    topic: Option<Decode<String>>,
    region: Option<Decode<String>>,
    urgency: Option<Decode<Urgency>>,
    secrecy: Option<Decode<Secrecy>>,
    wants_reply: Option<Decode<bool>>,
    department: Option<Decode<DepartmentId>>,
    accused_department: Option<Decode<DepartmentId>>,
    received_at: TimeOf,
    incident_at: Option<TimeOf>,
    assigned_at: Option<TimeOf>,
    answered_at: Option<TimeOf>,
    closed_at: Option<TimeOf>,
    due_at: Option<TimeOf>,
    /// Columns kept as the source's words: name, and index.
    keep: Vec<(String, usize)>,
    /// The same for what is decoded, where no text or time has the column already.
    words: Vec<(&'static str, usize)>,
    /// The domain's names of fields, and the columns they come from.
    columns: BTreeMap<&'static str, String>,
}

/// Where a text comes from.
enum TextOf {
    Columns(Vec<usize>, String),
    Constant(String),
}

#[derive(Default)]
struct CallerOf {
    id: Option<TextOf>,
    name: Option<TextOf>,
    sex: Option<TextOf>,
    phone: Option<TextOf>,
    email: Option<TextOf>,
    company: Option<TextOf>,
}

impl Mapping {
    /// The encoding it says, if any.
    pub fn encoding(&self) -> Result<Option<Encoding>, MappingError> {
        let Some(name) = &self.raw.encoding else {
            return Ok(None);
        };
        let known = Encoding::from_name(name.get_ref());
        known
            .map(Some)
            .ok_or_else(|| self.error(name, "encoding: expected \"utf-8\" or \"gb18030\""))
    }

    /// What stands between the file's fields.
    pub fn separator(&self) -> Result<u8, MappingError> {
        let Some(separator) = &self.raw.separator else {
            return Ok(b',');
        };
        match separator.get_ref().as_bytes() {
            [one @ (b',' | b';' | b'\t' | b'|')] => Ok(*one),
            _ => Err(self.error(separator, "separator: expected one of , ; | and a tab")),
        }
    }
}

/// Names of columns and codes looked up while a mapping is checked.
struct Checker<'m> {
    mapping: &'m Mapping,
    header: &'m [String],
    /// Columns that texts and times come from.
    taken: BTreeSet<usize>,
    columns: BTreeMap<&'static str, String>,
    words: Vec<(&'static str, usize)>,
}

impl Checker<'_> {
    fn column(&self, name: &Spanned<String>) -> Result<usize, MappingError> {
        let mut named = (0..self.header.len()).filter(|i| self.header[*i] == name.get_ref().trim());
        match (named.next(), named.next()) {
            (Some(index), None) => Ok(index),
            (Some(_), Some(_)) => {
                let message = format!("the file has two columns {:?}", name.get_ref());
                Err(self.mapping.error(name, message))
            }
            (None, _) => {
                let all = self.header.join(", ");
                let message = format!(
                    "the file has no column {:?}; expected one of {all}",
                    name.get_ref()
                );
                Err(self.mapping.error(name, message))
            }
        }
    }

    fn text(
        &mut self,
        field: &'static str,
        entry: &Spanned<mapping::Text>,
    ) -> Result<TextOf, MappingError> {
        let text = entry.get_ref();
        let names = match (&text.column, &text.columns, &text.constant) {
            (Some(column), None, None) => std::slice::from_ref(column),
            (None, Some(columns), None) if !columns.is_empty() => columns,
            (None, None, Some(constant)) => return Ok(TextOf::Constant(constant.clone())),
            _ => {
                let message = format!("{field}: expected one of column, columns, constant");
                return Err(self.mapping.error(entry, message));
            }
        };
        let indexes: Result<Vec<_>, _> = names.iter().map(|name| self.column(name)).collect();
        let indexes = indexes?;
        self.taken.extend(&indexes);
        let shown: Vec<_> = names.iter().map(|name| name.get_ref().as_str()).collect();
        self.columns.insert(field, shown.join("+"));
        let join = text.join.clone().unwrap_or_else(|| " ".into());
        Ok(TextOf::Columns(indexes, join))
    }

    fn texts(
        &mut self,
        field: &'static str,
        entry: Option<&Spanned<mapping::Text>>,
    ) -> Result<Option<TextOf>, MappingError> {
        entry.map(|entry| self.text(field, entry)).transpose()
    }

    fn caller(&mut self) -> Result<CallerOf, MappingError> {
        let Some(caller) = &self.mapping.raw.caller else {
            return Ok(CallerOf::default());
        };
        Ok(CallerOf {
            id: self.texts("caller", caller.id.as_ref())?,
            name: self.texts("caller", caller.name.as_ref())?,
            sex: self.texts("caller", caller.sex.as_ref())?,
            phone: self.texts("caller", caller.phone.as_ref())?,
            email: self.texts("caller", caller.email.as_ref())?,
            company: self.texts("caller", caller.company.as_ref())?,
        })
    }

    /// Columns kept in the ticket's words. The caller's have a key of their own, that erasing them destroys.
    fn keep(&self) -> Result<Vec<(String, usize)>, MappingError> {
        let mut kept = Vec::new();
        for name in &self.mapping.raw.keep {
            let index = self.column(name)?;
            if self.taken.contains(&index) {
                let message = format!("keep: {:?} is kept already, as what it is", name.get_ref());
                return Err(self.mapping.error(name, message));
            }
            kept.push((self.header[index].clone(), index));
        }
        Ok(kept)
    }
}

impl Plan {
    /// Checks a mapping against a file's header, the rules in force and the offices there are.
    pub fn new(
        mapping: &Mapping,
        header: &[String],
        encoding: Encoding,
        rules: &Rules,
        organisation: &Organisation,
    ) -> Result<Self, MappingError> {
        let raw = &mapping.raw;
        if !is_source_name(raw.source.get_ref()) {
            return Err(mapping.error(&raw.source, format!("source: expected {SOURCE_NAME_IS}")));
        }
        let mut check = Checker {
            mapping,
            header,
            taken: BTreeSet::new(),
            columns: BTreeMap::new(),
            words: Vec::new(),
        };
        let listed = |list: &[String]| list.iter().map(|l| (l.clone(), l.clone())).collect();
        let channels = rules
            .channels()
            .iter()
            .map(|c| (c.code.clone(), c.code.clone()));
        let offices = || {
            organisation
                .departments
                .iter()
                .map(|d| (d.name.clone(), d.id))
                .collect()
        };
        let yes_or_no = vec![("true".to_owned(), true), ("false".to_owned(), false)];
        Ok(Self {
            source: raw.source.get_ref().clone(),
            encoding,
            header: header.to_vec(),
            number: check.text("sourceNumber", &raw.number)?,
            title: check.text("title", &raw.title)?,
            body: check.texts("body", raw.body.as_ref())?,
            answer: check.texts("answer", raw.answer.as_ref())?,
            place: check.texts("place", raw.place.as_ref())?,
            respondent: check.texts("respondent", raw.respondent.as_ref())?,
            caller: check.caller()?,
            received_at: check.time("receivedAt", &raw.received_at)?,
            incident_at: check.times("incidentAt", raw.incident_at.as_ref())?,
            assigned_at: check.times("assignedAt", raw.assigned_at.as_ref())?,
            answered_at: check.times("answeredAt", raw.answered_at.as_ref())?,
            closed_at: check.times("closedAt", raw.closed_at.as_ref())?,
            due_at: check.times("dueAt", raw.due_at.as_ref())?,
            status: check.codes("status", &raw.status, named(Standing::ALL, Standing::name))?,
            kind: check.maybe("kind", raw.kind.as_ref(), named(Kind::ALL, Kind::name))?,
            channel: check.maybe("channel", raw.channel.as_ref(), channels.collect())?,
            topic: check.maybe("topic", raw.topic.as_ref(), listed(rules.topics()))?,
            region: check.maybe("region", raw.region.as_ref(), listed(rules.regions()))?,
            urgency: check.maybe(
                "urgency",
                raw.urgency.as_ref(),
                named(Urgency::ALL, Urgency::name),
            )?,
            secrecy: check.maybe(
                "secrecy",
                raw.secrecy.as_ref(),
                named(Secrecy::ALL, Secrecy::name),
            )?,
            wants_reply: check.maybe("wants_reply", raw.wants_reply.as_ref(), yes_or_no)?,
            department: check.maybe("department", raw.department.as_ref(), offices())?,
            accused_department: check.maybe(
                "accused_department",
                raw.accused_department.as_ref(),
                offices(),
            )?,
            keep: check.keep()?,
            words: check
                .words
                .into_iter()
                .filter(|(_, i)| !check.taken.contains(i))
                .collect(),
            columns: check.columns,
        })
    }

    /// The ticket a record tells of.
    pub fn ticket(&self, record: &Record) -> Result<OldTicket, Reject> {
        let row = self.row(record)?;
        let caller = self.caller(&row);
        let ticket = OldTicket {
            source: self.source.clone(),
            number: row.required("sourceNumber", &self.number)?,
            standing: match self.status.read(&row, "status")? {
                Some(standing) => standing,
                None => return Err(row.reject(Why::Missing, "status", "")),
            },
            words: self.words(&row),
            kind: row.code("kind", self.kind.as_ref())?,
            channel: row.code("channel", self.channel.as_ref())?,
            topic: row.code("topic", self.topic.as_ref())?,
            urgency: row.code("urgency", self.urgency.as_ref())?,
            secrecy: row.code("secrecy", self.secrecy.as_ref())?,
            wants_reply: row.code("wants_reply", self.wants_reply.as_ref())?,
            caller_id: row.text(self.caller.id.as_ref()),
            caller,
            title: row.required("title", &self.title)?,
            body: row.text(self.body.as_ref()),
            place: row.text(self.place.as_ref()),
            region: row.code("region", self.region.as_ref())?,
            incident_at: row.time("incidentAt", self.incident_at.as_ref())?,
            respondent: row.text(self.respondent.as_ref()),
            accused_department: row.code("accused_department", self.accused_department.as_ref())?,
            department: row.code("department", self.department.as_ref())?,
            answer: row.text(self.answer.as_ref()),
            received_at: match row.time("receivedAt", Some(&self.received_at))? {
                Some(at) => at,
                None => return Err(row.reject(Why::Missing, "receivedAt", "")),
            },
            assigned_at: row.time("assignedAt", self.assigned_at.as_ref())?,
            answered_at: row.time("answeredAt", self.answered_at.as_ref())?,
            closed_at: row.time("closedAt", self.closed_at.as_ref())?,
            due_at: row.time("dueAt", self.due_at.as_ref())?,
        };
        Ok(ticket)
    }

    /// What the domain would not take, told by the file's columns.
    #[must_use]
    pub fn refused(&self, refusal: &Refusal) -> Reject {
        let column = refusal.field.and_then(|field| self.columns.get(field));
        let reason = refusal.reason;
        let texts = (reason.zh(), reason.en());
        let detail = refusal.detail.as_ref().map_or("", |detail| &detail.en);
        Reject::of(reason.code(), texts, column.map(String::as_str), detail)
    }

    fn row<'r>(&'r self, record: &'r Record) -> Result<Row<'r>, Reject> {
        match record.fault {
            Some(Fault::BrokenQuote { field }) => {
                let column = self.header.get(field).map(String::as_str);
                return Err(Reject::new(Why::BrokenQuote, column, ""));
            }
            Some(Fault::TooLong) => return Err(Reject::new(Why::RecordTooLong, None, "")),
            None => {}
        }
        let (found, wanted) = (record.fields.len(), self.header.len());
        if found != wanted {
            let detail = format!("{found} instead of {wanted}");
            return Err(Reject::new(Why::WrongFieldCount, None, &detail));
        }
        let mut fields = Vec::with_capacity(found);
        for (field, name) in record.fields.iter().zip(&self.header) {
            let text = self.encoding.decode(field);
            // A replacement character is what an earlier broken text was written down as.
            match text.filter(|text| !text.contains(['\u{FFFD}', '\0'])) {
                Some(text) => fields.push(text),
                None => return Err(Reject::new(Why::BrokenEncoding, Some(name), "")),
            }
        }
        Ok(Row { plan: self, fields })
    }

    fn caller(&self, row: &Row<'_>) -> Option<Caller> {
        let of = &self.caller;
        let caller = Caller {
            name: row.text(of.name.as_ref()),
            sex: row.text(of.sex.as_ref()),
            phone: row.text(of.phone.as_ref()),
            email: row.text(of.email.as_ref()),
            company: row.text(of.company.as_ref()),
        };
        (caller != Caller::default()).then_some(caller)
    }

    fn words(&self, row: &Row<'_>) -> BTreeMap<String, String> {
        let decoded = self
            .words
            .iter()
            .map(|(name, index)| ((*name).to_owned(), *index));
        decoded
            .chain(self.keep.iter().cloned())
            .map(|(name, index)| (name, row.field(index).to_owned()))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }
}

/// Words of the domain by their names.
fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> codes::Names<T> {
    all.iter()
        .map(|word| (name(*word).to_owned(), *word))
        .collect()
}

/// A record's texts under a plan.
struct Row<'r> {
    plan: &'r Plan,
    fields: Vec<Cow<'r, str>>,
}

impl Row<'_> {
    fn field(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", |field| field.trim())
    }

    fn reject(&self, why: Why, field: &'static str, detail: &str) -> Reject {
        let column = self.plan.columns.get(field);
        Reject::new(why, column.map(String::as_str), detail)
    }

    fn text(&self, of: Option<&TextOf>) -> Option<String> {
        let text = match of? {
            TextOf::Constant(text) => text.clone(),
            TextOf::Columns(indexes, join) => {
                let texts: Vec<_> = indexes
                    .iter()
                    .map(|i| self.field(*i))
                    .filter(|t| !t.is_empty())
                    .collect();
                texts.join(join)
            }
        };
        (!text.is_empty()).then_some(text)
    }

    fn required(&self, field: &'static str, of: &TextOf) -> Result<String, Reject> {
        self.text(Some(of))
            .ok_or_else(|| self.reject(Why::Missing, field, ""))
    }

    fn code<T: Clone>(
        &self,
        field: &'static str,
        of: Option<&Decode<T>>,
    ) -> Result<Option<T>, Reject> {
        of.map_or(Ok(None), |of| of.read(self, field))
    }
}

#[cfg(test)]
mod tests;
