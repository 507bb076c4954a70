//! Pages of lists, in both ways: `first` with `after`, `last` with `before`, over lists read by their order.

use super::common::cursor_parts;
use crate::error::{Code, fault, fault_because};
use async_graphql::{Context, Error, SimpleObject};
use docket_core::Span;

/// Where a page begins and ends.
#[derive(SimpleObject, Clone, Debug)]
pub struct PageInfo {
    /// Whether there are more rows after the page. Looked at only when asked for.
    pub has_next_page: bool,
    /// Whether there are more rows before the page. Looked at only when asked for.
    pub has_previous_page: bool,
    /// The cursor of the first row: give this as `before`, with `last`, to get the rows before it.
    pub start_cursor: Option<String>,
    /// The cursor of the last row: give this as `after`, with `first`, to get the rows after it.
    pub end_cursor: Option<String>,
}

/// The arguments of a list.
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// The rows to read for a page: as many as asked for, clamped to what is allowed before anything is multiplied by it.
pub fn page_size(first: Option<i32>, last: Option<i32>, usual: u32, most: u32) -> u32 {
    let asked = first.or(last);
    asked
        .map_or(usual, |n| u32::try_from(n).unwrap_or(0))
        .min(most)
}

/// What is selected of a page's edge, which costs a look beyond it.
#[derive(Clone, Copy)]
struct Sides {
    next: bool,
    previous: bool,
}

/// A page that is asked for; places are what rows are found by in their order.
pub struct Paging<K> {
    pub size: u32,
    pub backward: bool,
    pub after: Option<K>,
    pub before: Option<K>,
    sides: Sides,
}

/// A page that was read, in the order of its list.
pub struct Page<R> {
    pub rows: Vec<R>,
    has_next: bool,
    has_previous: bool,
}

impl<R> Page<R> {
    /// The same page of what its rows are made into.
    pub fn map<T>(self, make: impl FnMut(R) -> T) -> Page<T> {
        Page {
            rows: self.rows.into_iter().map(make).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }

    /// As `pageInfo` tells it.
    pub fn info(&self, cursor: impl Fn(&R) -> String) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.rows.first().map(&cursor),
            end_cursor: self.rows.last().map(&cursor),
        }
    }
}

impl<K: Clone> Paging<K> {
    /// Reads the arguments; `place` reads a cursor of this list.
    pub fn of(
        context: &Context<'_>,
        args: &PageArgs,
        (usual, most): (u32, u32),
        place: impl Fn(&str) -> Result<K, Error>,
    ) -> Result<Self, Error> {
        if args.first.is_some() && args.last.is_some() {
            let detail = ("first 与 last 只能填写一个", "give first or last, not both");
            return Err(fault_because(Code::BadRequest, detail));
        }
        let selected = context.look_ahead().field("pageInfo");
        Ok(Self {
            size: page_size(args.first, args.last, usual, most),
            backward: args.last.is_some(),
            after: args.after.as_deref().map(&place).transpose()?,
            before: args.before.as_deref().map(&place).transpose()?,
            sides: Sides {
                next: selected.field("hasNextPage").exists(),
                previous: selected.field("hasPreviousPage").exists(),
            },
        })
    }

    /// Reads the page, and one row more; and looks beyond its edges for a row, where that is asked for and not known.
    pub async fn read<R, F>(
        &self,
        key: impl Fn(&R) -> K,
        load: impl Fn(Span<K>) -> F,
    ) -> Result<Page<R>, Error>
    where
        F: Future<Output = Result<Vec<R>, Error>>,
    {
        let span = |after, before, backward, limit| Span {
            after,
            before,
            backward,
            limit,
        };
        let (after, before) = (self.after.clone(), self.before.clone());
        let mut rows = load(span(after, before, self.backward, self.size + 1)).await?;
        let more = rows.len() > self.size as usize;
        rows.truncate(self.size as usize);
        if self.backward {
            rows.reverse();
        }
        // A page that was cut has more on that side; one that begins or ends at a cursor may have.
        let (more_next, more_previous) = if self.backward {
            (false, more)
        } else {
            (more, false)
        };
        let mut page = Page {
            has_next: more_next || (rows.is_empty() && self.before.is_some()),
            has_previous: more_previous || (rows.is_empty() && self.after.is_some()),
            rows,
        };
        let last = page
            .rows
            .last()
            .filter(|_| self.sides.next && !page.has_next && self.before.is_some());
        if let Some(last) = last.map(&key) {
            page.has_next = !load(span(Some(last), None, false, 1)).await?.is_empty();
        }
        let first = page
            .rows
            .first()
            .filter(|_| self.sides.previous && !page.has_previous && self.after.is_some());
        if let Some(first) = first.map(&key) {
            page.has_previous = !load(span(None, Some(first), true, 1)).await?.is_empty();
        }
        Ok(page)
    }
}

/// The two parts of a cursor: a number and an id.
pub fn place_of<I: std::str::FromStr>(kind: &str, text: &str) -> Result<(i64, I), Error> {
    let [number, id] = cursor_parts::<2>(kind, text)?;
    match (number.parse(), id.parse()) {
        (Ok(number), Ok(id)) => Ok((number, id)),
        _ => Err(fault(Code::BadCursor)),
    }
}

/// A list's type with its edge: `edges`, `nodes` and `pageInfo`, the same in every list.
macro_rules! connection {
    ($(#[$doc:meta])* $connection:ident, $(#[$edge_doc:meta])* $edge:ident of $node:ty) => {
        $(#[$doc])*
        pub struct $connection {
            edges: Vec<$edge>,
            page_info: PageInfo,
        }

        $(#[$edge_doc])*
        #[derive(SimpleObject)]
        pub struct $edge {
            /// Give this as `after` to go on from here, as `before` to go back.
            cursor: String,
            /// The row.
            node: $node,
        }

        $(#[$doc])*
        #[Object]
        impl $connection {
            /// The rows, each with its cursor.
            #[graphql(complexity = "child_complexity")]
            async fn edges(&self) -> &[$edge] {
                &self.edges
            }

            /// The rows alone.
            #[graphql(complexity = "child_complexity")]
            async fn nodes(&self) -> Vec<&$node> {
                self.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Where the page begins and ends.
            async fn page_info(&self) -> &PageInfo {
                &self.page_info
            }
        }
    };
}

pub(super) use connection;
