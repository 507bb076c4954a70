//! A stretch of an ordered list, as a page of it is read: from where, which way, how much.
//!
//! Lists are read by what their rows sort by, never by counting rows off: a page in the middle costs what the first does.

/// A stretch of a list in an order of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span<K> {
    /// Only what comes after this place.
    pub after: Option<K>,
    /// Only what comes before this place.
    pub before: Option<K>,
    /// From the end towards the beginning: the last row is read first.
    pub backward: bool,
    /// Rows wanted.
    pub limit: u32,
}

impl<K> Span<K> {
    /// The first rows.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self {
            after: None,
            before: None,
            backward: false,
            limit,
        }
    }

    /// The first rows after a place.
    #[must_use]
    pub const fn after(place: Option<K>, limit: u32) -> Self {
        Self {
            after: place,
            before: None,
            backward: false,
            limit,
        }
    }

    /// How places compare that are further on in SQL, in a list that goes down or up: after a place, and before it.
    #[must_use]
    pub const fn compares(descends: bool) -> (&'static str, &'static str) {
        if descends { ("<", ">") } else { (">", "<") }
    }

    /// The direction to read in, in SQL.
    #[must_use]
    pub const fn direction(&self, descends: bool) -> &'static str {
        if descends == self.backward {
            "ASC"
        } else {
            "DESC"
        }
    }
}
