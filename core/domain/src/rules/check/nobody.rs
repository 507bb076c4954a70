//! Rights that go to whom another figure of the pack leaves nothing to: an action would be left to somebody by name, and
//! to nobody in fact.

use super::Said;
use super::sense::Sense;
use super::shape::{one_of, whole};
use toml::Spanned;
use toml::de::DeValue;

impl Sense<'_> {
    /// Actions that would be refused to everybody.
    pub(super) fn nobody(&mut self) {
        self.correcting();
        self.extending();
    }

    /// Whether the pack leaves an action to clerks and to nobody else.
    fn left_to_clerks(&self, action: &str) -> bool {
        let roles = Self::entries(self.at("roles", action)).iter();
        let roles: Vec<_> = roles.filter_map(|role| role.get_ref().as_str()).collect();
        !roles.is_empty() && roles.iter().all(|role| *role == "clerk")
    }

    /// Where leaders sign off, a clerk corrects nothing.
    fn correcting(&mut self) {
        let signs = self.at("sign_off", "required").map(Spanned::get_ref);
        let signs = signs.and_then(DeValue::as_bool) == Some(true);
        let Some(at) = self.at("roles", "correct").filter(|_| signs) else {
            return;
        };
        if self.left_to_clerks("correct") {
            let problem = Said::new(
                "再无人可以“更正答复”：sign_off.required 时经办不得更正",
                "nobody could correct any more: with sign_off.required a clerk may not",
            );
            self.note(at, "roles.correct", problem, one_of(&["leader", "office"]));
        }
    }

    /// Clerks who may ask for no extension, where no leader may ask.
    fn extending(&mut self) {
        let times = self.at("extend", "times");
        let none = times.is_some_and(|times| whole(times.get_ref()) == Some(0));
        // Twice nought says that there are no extensions.
        let leaders = self.at("extend", "leader_times").map(Spanned::get_ref);
        let some = leaders.and_then(whole) != Some(0);
        let Some(at) = self.at("roles", "ask_extension").filter(|_| none && some) else {
            return;
        };
        if self.left_to_clerks("ask_extension") {
            let problem = Said::new(
                "再无人可以“申请延期”：extend.times 为 0，经办不得申请",
                "nobody could ask_extension any more: with extend.times = 0 a clerk may not",
            );
            self.note(at, "roles.ask_extension", problem, one_of(&["leader"]));
        }
    }
}
