//! What an answer holds.

use serde_json::Value;

/// Every value of a key, wherever it is.
pub fn find<'v>(value: &'v Value, key: &str) -> Vec<&'v Value> {
    match value {
        Value::Object(map) => {
            let here = map.get(key);
            let below = map.values().flat_map(|value| find(value, key));
            here.into_iter().chain(below).collect()
        }
        Value::Array(all) => all.iter().flat_map(|value| find(value, key)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Whether a value is what is wanted: a list holds each of the wanted ones, a text may be preceded by `!` for
/// what must not be in a list.
pub fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Array(all), Value::Array(wanted)) => wanted.iter().all(|wanted| {
            let absent = wanted.as_str().and_then(|text| text.strip_prefix('!'));
            match absent {
                Some(absent) => all.iter().all(|value| value != absent),
                None => all.contains(wanted),
            }
        }),
        // TOML knows no null.
        (Value::Null, Value::String(wanted)) => wanted == "null",
        _ => value == wanted,
    }
}
