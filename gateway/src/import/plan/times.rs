//! Times as a file writes them: formats, and the zone of the clocks that showed them.

use super::{Checker, Row};
use crate::import::mapping::{MappingError, Time};
use crate::import::rejects::{Reject, Why};
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use docket_domain::Timestamp;
use toml::Spanned;

/// How a column's times are read.
pub(super) struct TimeOf {
    column: usize,
    zone: Tz,
    formats: Vec<String>,
    /// The time of day that a date alone stands for.
    at: Option<NaiveTime>,
    /// Reckoned, not read off a clock: it may fall where the clocks jumped.
    reckoned: bool,
}

/// Clocks never jump over as much.
const BEFORE_JUMP: TimeDelta = TimeDelta::hours(6);

impl Checker<'_> {
    pub(super) fn time(
        &mut self,
        field: &'static str,
        entry: &Spanned<Time>,
    ) -> Result<TimeOf, MappingError> {
        let (time, usual) = (entry.get_ref(), self.mapping.raw.times.as_ref());
        let lacks = |what: &str| {
            let message = format!("{field}: expected {what}, here or in [times]");
            self.mapping.error(entry, message)
        };
        let zone = time.zone.as_ref().or(usual.map(|usual| &usual.zone));
        let zone = zone.ok_or_else(|| lacks("zone"))?;
        let formats = time.formats.as_ref().or(usual.map(|usual| &usual.formats));
        let formats = formats
            .filter(|f| !f.is_empty())
            .ok_or_else(|| lacks("formats"))?;
        for format in formats {
            if StrftimeItems::new(format.get_ref()).any(|item| item == Item::Error) {
                let message = format!(
                    "{:?}: expected a format such as %Y-%m-%d %H:%M:%S",
                    format.get_ref()
                );
                return Err(self.mapping.error(format, message));
            }
        }
        let at = time.at.as_ref().map(|at| {
            NaiveTime::parse_from_str(at.get_ref(), "%H:%M:%S").map_err(|_| {
                self.mapping
                    .error(at, "at: expected a time of day as HH:MM:SS")
            })
        });
        let column = self.column(&time.column)?;
        self.taken.insert(column);
        self.columns.insert(field, time.column.get_ref().clone());
        Ok(TimeOf {
            column,
            zone: zone.get_ref().parse().map_err(|_| {
                self.mapping
                    .error(zone, "zone: expected an IANA zone such as Asia/Shanghai")
            })?,
            formats: formats.iter().map(|f| f.get_ref().clone()).collect(),
            at: at.transpose()?,
            reckoned: field == "dueAt",
        })
    }

    pub(super) fn times(
        &mut self,
        field: &'static str,
        entry: Option<&Spanned<Time>>,
    ) -> Result<Option<TimeOf>, MappingError> {
        entry.map(|entry| self.time(field, entry)).transpose()
    }
}

impl TimeOf {
    /// The moment of a local time. One that was reckoned, and that clocks jumped over, is as if they had not.
    fn moment(&self, local: NaiveDateTime) -> Option<Timestamp> {
        let found = self.zone.from_local_datetime(&local).earliest();
        let as_before = || {
            let before = self
                .zone
                .from_local_datetime(&(local - BEFORE_JUMP))
                .earliest()?;
            Some(before + BEFORE_JUMP)
        };
        let found = found.or_else(|| as_before().filter(|_| self.reckoned));
        found.map(|time| time.to_utc())
    }
}

impl Row<'_> {
    /// A time; `None` where the column is empty. Where clocks were set back, the earlier of the two it may be.
    pub(super) fn time(
        &self,
        field: &'static str,
        of: Option<&TimeOf>,
    ) -> Result<Option<Timestamp>, Reject> {
        let Some(of) = of else { return Ok(None) };
        let text = self.field(of.column);
        if text.is_empty() {
            return Ok(None);
        }
        for format in &of.formats {
            if let Ok(time) = DateTime::parse_from_str(text, format) {
                return Ok(Some(time.to_utc()));
            }
            let date = || {
                Some(
                    NaiveDate::parse_from_str(text, format)
                        .ok()?
                        .and_time(of.at?),
                )
            };
            let local = NaiveDateTime::parse_from_str(text, format)
                .ok()
                .or_else(date);
            if let Some(local) = local {
                return match of.moment(local) {
                    Some(time) => Ok(Some(time)),
                    None => Err(self.reject(Why::NoSuchTime, field, &of.zone.to_string())),
                };
            }
        }
        Err(self.reject(Why::NotATime, field, &of.formats.join(" | ")))
    }
}
