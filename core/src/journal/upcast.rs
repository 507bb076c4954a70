//! Upcasting: how data of an older schema version becomes data of the current one. The one place that
//! knows history; stored events are never edited.
//!
//! To change an event's schema: raise its `VERSION`, add the step from the version before to the list
//! below, keep the old golden file and add one for the new version.

use docket_domain::UnknownEvent;
use serde_json::Value;

/// One step: data of `from` becomes data of `from + 1`.
#[derive(Clone, Copy)]
pub struct Upcaster {
    /// The aggregate's category.
    pub category: &'static str,
    /// The event's type.
    pub event_type: &'static str,
    /// The version it reads.
    pub from: u16,
    /// The step.
    pub step: fn(Value) -> Value,
}

/// Every step there is. Empty while every change of a schema only added fields that may be missing.
pub const UPCASTERS: &[Upcaster] = &[];

/// Data brought up through every step that applies. Data without a step is handed through untouched.
pub fn upcast<'d>(
    steps: &[Upcaster],
    category: &'static str,
    event_type: &str,
    mut version: u16,
    data: &'d str,
) -> Result<std::borrow::Cow<'d, str>, UnknownEvent> {
    let next = |version| {
        steps
            .iter()
            .find(|s| s.category == category && s.event_type == event_type && s.from == version)
    };
    let Some(mut upcaster) = next(version) else {
        return Ok(data.into());
    };
    let mut value: Value = docket_domain::aggregate::read_data(category, event_type, data)?;
    loop {
        value = (upcaster.step)(value);
        version += 1;
        match next(version) {
            Some(later) => upcaster = later,
            None => return Ok(value.to_string().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rename(mut value: Value) -> Value {
        let old = value["old"].take();
        json!({ "new": old })
    }

    fn wrap(value: Value) -> Value {
        Value::Object([("inner".to_owned(), value)].into_iter().collect())
    }

    const STEPS: &[Upcaster] = &[
        Upcaster {
            category: "ticket",
            event_type: "signed",
            from: 2,
            step: wrap,
        },
        Upcaster {
            category: "ticket",
            event_type: "signed",
            from: 1,
            step: rename,
        },
    ];

    #[test]
    fn old_data_passes_through_every_step_in_order() {
        let up = |version, data| {
            upcast(STEPS, "ticket", "signed", version, data)
                .unwrap()
                .into_owned()
        };
        assert_eq!(up(1, r#"{"old":7}"#), r#"{"inner":{"new":7}}"#);
        assert_eq!(up(2, r#"{"new":7}"#), r#"{"inner":{"new":7}}"#);
        assert_eq!(up(3, r#"{ "untouched" : 7 }"#), r#"{ "untouched" : 7 }"#);
    }

    #[test]
    fn other_events_are_untouched_and_broken_data_is_named() {
        let other = upcast(STEPS, "ticket", "viewed", 1, "{").unwrap();
        assert_eq!(other, "{");
        let broken = upcast(STEPS, "ticket", "signed", 1, "{").unwrap_err();
        assert!(broken.to_string().contains("signed"), "{broken}");
    }
}
