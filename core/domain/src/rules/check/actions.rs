//! The rights of a pack: it narrows what the code lets, never widens it, and leaves every action to somebody.

use super::shape::{below, one_of};
use super::{Lines, Mistake, Said};
use crate::ticket::{ACTIONS, Spec};
use toml::de::{DeTable, DeValue};

/// What is wrong with the rights.
pub(super) fn hold(path: &str, table: &DeTable, lines: &Lines, mistakes: &mut Vec<Mistake>) {
    for (action, roles) in table {
        let name = action.get_ref().as_ref();
        let spec = ACTIONS.iter().find(|spec| spec.name == name);
        let (Some(spec), Some(roles)) = (spec, roles.get_ref().as_array()) else {
            continue;
        };
        let path = below(path, name);
        let mut note = |at: usize, path: &str, problem: Said, expected: Said| {
            mistakes.push(Mistake {
                line: lines.at(at),
                key: path.to_owned(),
                problem,
                expected,
            });
        };
        if spec.roles.is_empty() {
            let problem = Said::new(
                format!("“{}”只由系统自动进行", spec.zh),
                format!("only Docket itself does {name}"),
            );
            let expected = Said::new("不写此项", "no such line");
            note(action.span().start, &path, problem, expected);
            continue;
        }
        let lets = |role: &DeValue| {
            let role = role.as_str();
            spec.roles.iter().any(|may| Some(may.name()) == role)
        };
        for (n, role) in roles.iter().enumerate() {
            let known = role.get_ref().as_str().filter(|role| is_role(role));
            if let Some(role_name) = known.filter(|_| !lets(role.get_ref())) {
                let path = format!("{path}[{}]", n + 1);
                let problem = Said::new(
                    format!("程序不允许 {role_name}“{}”；规则包只能收窄权限", spec.zh),
                    format!("the code does not let {role_name} {name}, and packs never widen"),
                );
                note(role.span().start, &path, problem, may_do(spec));
            }
        }
        if !roles.iter().any(|role| lets(role.get_ref())) {
            let problem = Said::new(
                format!("再无人可以“{}”", spec.zh),
                format!("nobody could {name} any more"),
            );
            note(action.span().start, &path, problem, may_do(spec));
        }
    }
}

fn is_role(name: &str) -> bool {
    crate::people::Role::from_name(name).is_some()
}

fn may_do(spec: &Spec) -> Said {
    let names: Vec<&str> = spec.roles.iter().map(|role| role.name()).collect();
    one_of(&names)
}
