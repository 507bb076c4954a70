//! Docket tested from outside. Run by `tests/run`, which starts the PostgreSQL the tests need.

mod desk;
mod goldens;
mod journal;
mod ops;
mod sealing;
mod vault;
