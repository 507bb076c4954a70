//! Values of a column decoded into the product's own codes.

use super::{Checker, Row};
use crate::import::mapping::{Codes, MappingError};
use crate::import::rejects::{Reject, Why};
use std::collections::HashMap;
use toml::Spanned;

/// Most names told in an error.
const NAMES_TOLD_MAX: usize = 20;

/// How a column is decoded.
pub(super) struct Decode<T> {
    from: From<T>,
    /// What each value means: what the mapping says, and else a code its own name.
    values: HashMap<String, T>,
    otherwise: Fallback<T>,
    empty: Fallback<T>,
}

enum From<T> {
    Column(usize),
    Constant(T),
}

#[derive(Clone)]
enum Fallback<T> {
    Reject,
    Unknown,
    Value(T),
}

/// The codes there are, by name.
pub(super) type Names<T> = Vec<(String, T)>;

impl Checker<'_> {
    pub(super) fn codes<T: Clone>(
        &mut self,
        field: &'static str,
        entry: &Spanned<Codes>,
        names: Names<T>,
    ) -> Result<Decode<T>, MappingError> {
        let codes = entry.get_ref();
        let told: Vec<_> = names
            .iter()
            .take(NAMES_TOLD_MAX)
            .map(|(name, _)| name.clone())
            .collect();
        let mut values: HashMap<String, T> = names.into_iter().collect();
        let known = values.clone();
        let code = |name: &Spanned<String>| {
            known.get(name.get_ref()).cloned().ok_or_else(|| {
                let expected = if told.is_empty() {
                    "but there are none here".into()
                } else {
                    format!("expected one of {}", told.join(", "))
                };
                let message = format!("{field}: {:?} is not known; {expected}", name.get_ref());
                self.mapping.error(name, message)
            })
        };
        let fallback = |name: &Option<Spanned<String>>, silent: Fallback<T>| match name {
            None => Ok(silent),
            Some(name) => match name.get_ref().as_str() {
                "reject" => Ok(Fallback::Reject),
                "unknown" => Ok(Fallback::Unknown),
                _ => code(name).map(Fallback::Value),
            },
        };
        let otherwise = fallback(&codes.otherwise, Fallback::Reject)?;
        let empty = fallback(&codes.empty, Fallback::Unknown)?;
        for (value, name) in &codes.values {
            values.insert(value.trim().to_owned(), code(name)?);
        }
        let from = match (&codes.column, &codes.constant) {
            (None, Some(constant)) => From::Constant(code(constant)?),
            (Some(column), None) => {
                let index = self.column(column)?;
                self.columns.insert(field, column.get_ref().clone());
                self.words.push((field, index));
                From::Column(index)
            }
            _ => {
                let message = format!("{field}: expected one of column, constant");
                return Err(self.mapping.error(entry, message));
            }
        };
        Ok(Decode {
            from,
            values,
            otherwise,
            empty,
        })
    }

    pub(super) fn maybe<T: Clone>(
        &mut self,
        field: &'static str,
        entry: Option<&Spanned<Codes>>,
        names: Names<T>,
    ) -> Result<Option<Decode<T>>, MappingError> {
        entry
            .map(|entry| self.codes(field, entry, names))
            .transpose()
    }
}

impl<T: Clone> Decode<T> {
    pub(super) fn read(&self, row: &Row<'_>, field: &'static str) -> Result<Option<T>, Reject> {
        let (fallback, why) = match &self.from {
            From::Constant(code) => return Ok(Some(code.clone())),
            From::Column(index) => match row.field(*index) {
                "" => (&self.empty, Why::Missing),
                value => match self.values.get(value) {
                    Some(code) => return Ok(Some(code.clone())),
                    None => (&self.otherwise, Why::UnmappedValue),
                },
            },
        };
        match fallback {
            Fallback::Reject => Err(row.reject(why, field, "")),
            Fallback::Unknown => Ok(None),
            Fallback::Value(code) => Ok(Some(code.clone())),
        }
    }
}
