//! How many values one answer has in lists without pages. What such a list holds is known only once it is read: an
//! organisation's units may be three or three thousand, and may be asked for within each other.

use super::shape::over;
use async_graphql::{Context, Error, SelectionField};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Those that an answer may have yet: kept beside its request.
pub struct Values {
    most: usize,
    left: AtomicUsize,
}

impl Values {
    pub fn at_most(most: usize) -> Self {
        Self {
            most,
            left: AtomicUsize::new(most),
        }
    }
}

/// Counts a list's rows, each with all that is asked of it.
pub fn counted<T>(context: &Context<'_>, rows: Vec<T>) -> Result<Vec<T>, Error> {
    let Some(values) = context.data_opt::<Values>() else {
        return Ok(rows);
    };
    let wanted = rows.len().saturating_mul(1 + asked(&context.field()));
    let take = |left: usize| left.checked_sub(wanted);
    let took = values
        .left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
    match took {
        Ok(_) => Ok(rows),
        Err(_) => Err(over(values.most, ("个列表内的值", "values within lists"))),
    }
}

/// Each event of a subscription is an answer of its own.
pub fn begin_anew(context: &Context<'_>) {
    if let Some(values) = context.data_opt::<Values>() {
        values.left.store(values.most, Ordering::Relaxed);
    }
}

fn asked(field: &SelectionField<'_>) -> usize {
    field.selection_set().map(|inner| 1 + asked(&inner)).sum()
}
