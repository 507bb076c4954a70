//! The sense of what the edges apply: triage, routing, forms, logins, the weights of the appraisal.

use super::Said;
use super::sense::{Conditions, Sense, Value, has, named, once};
use super::shape::whole;
use crate::account::{LOGIN_SIGNS, NAME_CHARS_MAX, is_login};
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::DeValue;

impl<'t> Sense<'t> {
    pub(super) fn triage(&mut self) {
        let rules = Self::entries(self.at("triage", "rules"));
        let words = |rule: Value<'t>| -> Option<BTreeSet<&'t str>> {
            let words = rule.get_ref().get("words")?.get_ref().as_array()?;
            let words = words.iter().filter_map(|word| word.get_ref().as_str());
            Some(words.collect())
        };
        for (n, rule) in rules.iter().enumerate() {
            let path = format!("triage.rules[{}]", n + 1);
            self.topic(rule, &path);
            self.channel(rule, &path);
            let conditions = Conditions::of(rule.get_ref()).whatever_the_urgency();
            let own = words(rule);
            let covers = |before: &&'t Spanned<DeValue<'t>>| {
                let wide = Conditions::of(before.get_ref()).whatever_the_urgency();
                let more = |wide: BTreeSet<_>| own.as_ref().is_some_and(|own| own.is_subset(&wide));
                wide.cover(&conditions) && words(before).is_none_or(more)
            };
            if let Some(first) = rules[..n].iter().find(covers) {
                let at = self.lines.at(first.span().start);
                self.never(rule, &path, at);
            }
        }
    }

    pub(super) fn routing(&mut self) {
        let by_itself = self.at("routing", "assigns_by_itself");
        let by_itself = by_itself.filter(|flag| flag.get_ref().as_bool() == Some(true));
        if let Some(at) = by_itself.filter(|_| self.list("routes").is_empty()) {
            let problem = Said::new("没有任何路由", "there are no routes");
            let expected = Said::new("routes 至少一项", "routes with at least one line");
            self.note(at, "routing.assigns_by_itself", problem, expected);
        }
    }

    pub(super) fn intake(&mut self) {
        let required = Self::entries(self.at("intake", "required"));
        for (n, line) in required.iter().enumerate() {
            let fields = Self::entries(line.get_ref().get("fields"));
            for (m, field) in fields.iter().enumerate() {
                let list = match field.get_ref().as_str() {
                    Some("topic") => "topics",
                    Some("region") => "regions",
                    _ => continue,
                };
                if self.list(list).is_empty() {
                    let path = format!("intake.required[{}].fields[{}]", n + 1, m + 1);
                    let problem = Said::new(
                        format!("必填，但本规则包未列出任何 {list}"),
                        format!("it is asked for, and the pack has no {list}"),
                    );
                    let expected = Said::new(
                        format!("{list} 至少一项"),
                        format!("{list} with at least one"),
                    );
                    self.note(field, &path, problem, expected);
                }
            }
        }
        for (n, entry) in Self::entries(self.at("intake", "menu")).iter().enumerate() {
            let path = format!("intake.menu[{}]", n + 1);
            self.topic(entry, &path);
            self.kind(entry, &path);
        }
    }

    /// A kind that the pack's forms do not offer.
    fn kind(&mut self, entry: Value<'t>, path: &str) {
        let titles = self.list("kinds").iter();
        let kinds: Vec<&str> = titles
            .filter_map(|title| title.get_ref().get("code")?.get_ref().as_str())
            .collect();
        let wanted = named(entry, "kind").filter(|_| !kinds.is_empty());
        if let Some((at, wanted)) = wanted.filter(|(_, wanted)| !kinds.contains(wanted)) {
            self.unknown(at, &format!("{path}.kind"), wanted, "kinds", &kinds);
        }
    }

    pub(super) fn prefixes(&mut self) {
        let prefixes = Self::entries(self.at("accounts", "prefixes"));
        for (n, entry) in prefixes.iter().enumerate() {
            let path = format!("accounts.prefixes[{}]", n + 1);
            self.region(entry, &path);
            self.prefix(entry, &path);
            let of_city = |entry: Value<'t>| !has(entry, "region");
            let first = prefixes[..n].iter().find(|before| of_city(before));
            if let Some(first) = first.filter(|_| of_city(entry)) {
                let line = self.lines.at(first.span().start);
                let problem = Said::new(
                    format!("第{line}行已有无辖区单位的前缀"),
                    format!("line {line} has the prefix of what is of no region already"),
                );
                self.note(entry, &path, problem, once());
            }
        }
    }

    /// A prefix that no login can have.
    fn prefix(&mut self, entry: Value<'t>, path: &str) {
        let Some((at, prefix)) = named(entry, "prefix") else {
            return;
        };
        let max = NAME_CHARS_MAX as usize - 1;
        let length = prefix.chars().count();
        // What is empty or has control characters was told already.
        let told = prefix.trim().is_empty() || prefix.contains(char::is_control);
        if told || is_login(prefix) && length <= max {
            return;
        }
        let signs = LOGIN_SIGNS.map(String::from).join(" ");
        let problem = if length > max {
            Said::new(
                format!("共 {length} 个字符，登录名容纳不下"),
                format!("it has {length} characters, and no login is so long"),
            )
        } else {
            Said::new(
                format!("“{prefix}”含登录名不能有的字符"),
                format!("{prefix:?} has what no login may have"),
            )
        };
        let expected = Said::new(
            format!("字母、数字和 {signs}，不超过 {max} 个"),
            format!("letters and digits of any script, and {signs}; at most {max}"),
        );
        self.note(at, &format!("{path}.prefix"), problem, expected);
    }

    /// The weights of the three-rate score make 100 together. What is not written has its default.
    pub(super) fn weights(&mut self) {
        const WEIGHTS: [(&str, i64); 3] = [
            ("response_weight", 30),
            ("resolution_weight", 35),
            ("satisfaction_weight", 35),
        ];
        let written = WEIGHTS.map(|(key, usual)| (key, self.at("rating", key), usual));
        let sum: i64 = written
            .iter()
            .map(|(_, value, usual)| value.and_then(|v| whole(v.get_ref())).unwrap_or(*usual))
            .fold(0, i64::saturating_add);
        let first = written
            .iter()
            .find_map(|(key, value, _)| Some((key, (*value)?)));
        if let Some((key, at)) = first.filter(|_| sum != 100) {
            let problem = Said::new(
                format!("三项权重之和为 {sum}"),
                format!("the three weights make {sum}"),
            );
            let expected = Said::new("合计 100", "100 together");
            self.note(at, &format!("rating.{key}"), problem, expected);
        }
    }
}
