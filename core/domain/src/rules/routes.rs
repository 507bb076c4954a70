//! The table of topics and regions that suggests a department while assigning, or, where the pack
//! says so, names the one a request goes to by itself.

use serde::{Deserialize, Serialize};

/// Which department a topic in a region goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    /// A topic's path, or the beginning of one up to a `/`; `None`: any.
    topic: Option<String>,
    /// A region; `None`: any.
    region: Option<String>,
    /// The department's name.
    pub(super) department: String,
}

impl Route {
    /// How closely the route fits: `None` not at all, a greater one closer.
    fn fit(&self, topic: Option<&str>, region: Option<&str>) -> Option<(usize, bool)> {
        let depth = match (&self.topic, topic) {
            (None, _) => 0,
            (Some(wanted), Some(topic)) if begins(topic, wanted) => 1 + wanted.matches('/').count(),
            (Some(_), _) => return None,
        };
        match (&self.region, region) {
            (None, _) => Some((depth, false)),
            (Some(wanted), Some(region)) if wanted == region => Some((depth, true)),
            (Some(_), _) => None,
        }
    }
}

/// Whether a topic's path is `wanted` or lies below it.
pub(super) fn begins(topic: &str, wanted: &str) -> bool {
    topic
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A route that names a topic or a region which no ticket of the pack can carry.
pub(super) fn unknown<'r>(
    routes: &'r [Route],
    topics: &[String],
    regions: &[String],
) -> Option<&'r Route> {
    routes.iter().find(|route| {
        let no_topic = |wanted: &String| !topics.iter().any(|topic| begins(topic, wanted));
        let no_region = |wanted: &String| !regions.contains(wanted);
        route.topic.as_ref().is_some_and(no_topic) || route.region.as_ref().is_some_and(no_region)
    })
}

/// The departments' names, each once, the closest route first.
pub(super) fn suggested<'r>(
    routes: &'r [Route],
    topic: Option<&str>,
    region: Option<&str>,
) -> Vec<&'r str> {
    let fit = |route: &'r Route| Some((route.fit(topic, region)?, route.department.as_str()));
    let mut fitting: Vec<_> = routes.iter().filter_map(fit).collect();
    fitting.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
    let mut names: Vec<&str> = Vec::new();
    for (_, name) in fitting {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The one department that the closest routes name; `None`: there is none, or they name several.
pub(super) fn only_closest<'r>(
    routes: &'r [Route],
    topic: Option<&str>,
    region: Option<&str>,
) -> Option<&'r str> {
    let fit = |route: &'r Route| Some((route.fit(topic, region)?, route.department.as_str()));
    let fitting: Vec<_> = routes.iter().filter_map(fit).collect();
    let (best, name) = fitting.iter().max_by_key(|(fit, _)| *fit)?;
    let others = fitting.iter().filter(|(fit, _)| fit == best);
    let only = others.into_iter().all(|(_, other)| other == name);
    only.then_some(*name)
}

#[cfg(test)]
mod tests {
    use super::super::{CALENDAR_CN, DEFAULT_PACK, Rules};

    const TABLE: &str = r#"
        topics = ["城市管理/占道经营/夜市", "城市管理/油烟", "基层治理/村务"]
        regions = ["东湖区", "青石区"]
        routes = [
            { department = "综合办" },
            { topic = "城市管理", department = "城市管理局" },
            { topic = "城市管理/占道经营", department = "市场管理局" },
            { topic = "城市管理", region = "青石区", department = "青石区城管局" },
        ]
    "#;

    fn rules(table: &str) -> Result<Rules, super::super::PackError> {
        Rules::parse(&format!("{table}\n{DEFAULT_PACK}"), CALENDAR_CN, 1)
    }

    #[test]
    fn the_closest_route_comes_first() {
        let rules = rules(TABLE).unwrap();
        for (topic, region, expected) in [
            (None, None, vec!["综合办"]),
            (Some("基层治理/村务"), Some("青石区"), vec!["综合办"]),
            (
                Some("城市管理/油烟"),
                Some("东湖区"),
                vec!["城市管理局", "综合办"],
            ),
            (
                Some("城市管理/油烟"),
                Some("青石区"),
                vec!["青石区城管局", "城市管理局", "综合办"],
            ),
            (
                Some("城市管理/占道经营/夜市"),
                Some("青石区"),
                vec!["市场管理局", "青石区城管局", "城市管理局", "综合办"],
            ),
        ] {
            assert_eq!(rules.suggested_departments(topic, region), expected);
        }
        let plain = Rules::parse(DEFAULT_PACK, CALENDAR_CN, 1).unwrap();
        assert!(
            plain
                .suggested_departments(Some("城市管理"), None)
                .is_empty()
        );
    }

    #[test]
    fn a_route_names_what_tickets_can_carry() {
        for (from, to) in [
            ("topic = \"城市管理\"", "topic = \"城市\""),
            ("region = \"青石区\"", "region = \"青石\""),
        ] {
            let error = rules(&TABLE.replace(from, to)).unwrap_err();
            assert!(error.0.contains("routes"), "{error}");
        }
    }
}
