//! What is frozen: the canonical encoding of records, and the stored form of every event.

mod events;
mod records;
