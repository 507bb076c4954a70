//! Docket tested from outside. Run by `tests/run`, which starts the PostgreSQL the tests need.

mod desk;
mod documents;
mod event_stream;
mod faults;
mod gateway;
mod goldens;
mod journal;
mod letters;
mod live;
mod moving;
mod ops;
mod permissions;
mod progress;
mod protocol;
mod readme;
mod rules;
mod safekeeping;
mod sealing;
mod secrets;
mod seeds;
mod simulation;
mod sockets;
mod stories;
mod vault;
mod views;
mod workspace;
