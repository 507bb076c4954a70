//! When what happens to a letter: `tests/letters/schedule.toml`, which tells the rules.

use super::mailbag::Letter;
use chrono::{NaiveDateTime, TimeDelta};
use serde::Deserialize;

/// Where the schedule and the script are.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/letters");

/// What can happen to a letter, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Receive,
    Assign,
    Return,
    AssignAgain,
    Sign,
    Delegate,
    UnitSign,
    UnitReply,
    Reply,
    Rate,
}

/// Terms in minutes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Letters received from this year on take part.
    pub from_year: i32,
    assign: i64,
    return_: i64,
    again: i64,
    returns: usize,
    sign: Vec<i64>,
    delegate: i64,
    unit_sign: i64,
    unit_reply: i64,
    rate: i64,
    satisfaction: Vec<String>,
}

impl Schedule {
    /// Reads it.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(format!("{FOLDER}/schedule.toml")).unwrap();
        toml::from_str(&text).unwrap()
    }

    /// How content the writer of a letter is.
    pub fn satisfaction(&self, number: usize) -> &str {
        &self.satisfaction[number % self.satisfaction.len()]
    }

    /// Everything that happens, in order: when, to which letter, what.
    pub fn play(&self, letters: &[Letter]) -> Vec<(NaiveDateTime, usize, Step)> {
        let mut play = Vec::new();
        for (number, letter) in letters.iter().enumerate() {
            let steps = self.steps(number, letters.len(), letter);
            play.extend(steps.into_iter().map(|(step, at)| (at, number, step)));
        }
        play.sort_unstable();
        play
    }

    /// Whether a letter is returned first.
    pub fn is_returned(&self, number: usize, count: usize) -> bool {
        (0..self.returns).any(|k| (2 * k + 1) * count / (2 * self.returns) == number)
    }

    fn steps(&self, number: usize, count: usize, letter: &Letter) -> Vec<(Step, NaiveDateTime)> {
        let mut last = 0;
        let mut steps = vec![(Step::Receive, 0)];
        let mut then = |step, minutes: i64| {
            last += minutes * 60;
            steps.push((step, last));
        };
        then(Step::Assign, self.assign);
        if self.is_returned(number, count) {
            then(Step::Return, self.return_);
            then(Step::AssignAgain, self.again);
        }
        then(Step::Sign, self.sign[number % self.sign.len()]);
        let delegated = number.is_multiple_of(2);
        if delegated {
            then(Step::Delegate, self.delegate);
            then(Step::UnitSign, self.unit_sign);
        }
        if let Some((replied_at, _)) = letter.answer {
            let span = (replied_at - letter.received_at).num_seconds();
            if last > span {
                for (_, at) in &mut steps {
                    *at = *at * span / last;
                }
                last = span;
            }
            if delegated {
                steps.push((Step::UnitReply, last.max(span - self.unit_reply * 60)));
            }
            steps.push((Step::Reply, span));
            steps.push((Step::Rate, span + self.rate * 60));
        }
        let at = |seconds| letter.received_at + TimeDelta::seconds(seconds);
        steps
            .into_iter()
            .map(|(step, seconds)| (step, at(seconds)))
            .collect()
    }
}
