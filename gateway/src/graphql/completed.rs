//! An answer, completed as the specification has it. A field that failed is null; where it may not be, what it is a field
//! of is null instead, and so on up to the whole of the data. The library leaves it out.

use super::collected::{PLACEHOLDER, root_type};
use super::types::of_field;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Field, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, ServerError, Value};

/// Takes out what was asked for in place of nothing.
pub fn take_placeholders(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.shift_remove(PLACEHOLDER);
            fields.values_mut().for_each(take_placeholders);
        }
        Value::List(items) => items.iter_mut().for_each(take_placeholders),
        _ => {}
    }
}

/// Puts nulls where fields failed.
pub fn complete(data: &mut Value, errors: &[ServerError], operation: &OperationDefinition) {
    let mut failed: Vec<&[PathSegment]> = errors.iter().map(|error| &*error.path).collect();
    // What became null takes what failed within it along.
    failed.sort_by_key(|path| path.len());
    let mut gone: Vec<&[PathSegment]> = Vec::new();
    let set = &operation.selection_set.node;
    let root = root_type(operation.ty);
    for path in failed {
        let is_told = gone.iter().any(|gone| path.starts_with(gone));
        if path.is_empty() || is_told {
            continue;
        }
        match in_object(data, Some(&root), set, path) {
            Failed::Here(left) => gone.push(&path[..path.len() - left]),
            Failed::Above => {
                *data = Value::Null;
                return;
            }
        }
    }
}

/// What became of a failure.
enum Failed {
    /// Something is null now: so much of the path leads on from there.
    Here(usize),
    /// It may not be null here.
    Above,
}

/// What is asked of an object and told under a name, with the type of whose fields it is.
fn asked<'d>(
    parent: Option<&'d Name>,
    set: &'d SelectionSet,
    key: &str,
) -> Option<(Option<&'d Name>, &'d Field)> {
    set.items.iter().find_map(|item| match &item.node {
        Selection::Field(field) if field.node.response_key().node == key => {
            Some((parent, &field.node))
        }
        Selection::InlineFragment(inline) => {
            let on = inline.node.type_condition.as_ref();
            let on = on.map(|condition| &condition.node.on.node).or(parent);
            asked(on, &inline.node.selection_set.node, key)
        }
        _ => None,
    })
}

/// A failure within an object that is there.
fn in_object(
    object: &mut Value,
    parent: Option<&Name>,
    set: &SelectionSet,
    path: &[PathSegment],
) -> Failed {
    let Some((PathSegment::Field(key), rest)) = path.split_first() else {
        return Failed::Above;
    };
    let Some((parent, field)) = asked(parent, set, key) else {
        return Failed::Above;
    };
    // To the library an object all of whose fields failed is null.
    if *object == Value::Null {
        *object = Value::Object(IndexMap::new());
    }
    let Value::Object(fields) = object else {
        return Failed::Above;
    };
    let ty = parent.and_then(|parent| of_field(parent, &field.name.node));
    let found = fields.get_mut(key.as_str());
    let failed = match (found, ty) {
        (Some(value), Some(ty)) if !rest.is_empty() => {
            in_value(value, ty, &field.selection_set.node, rest)
        }
        (None, Some(ty)) if !rest.is_empty() && matches!(ty.base, BaseType::Named(_)) => {
            let mut value = Value::Null;
            let failed = in_value(&mut value, ty, &field.selection_set.node, rest);
            fields.insert(Name::new(key), value);
            failed
        }
        _ => Failed::Above,
    };
    match failed {
        Failed::Above if ty.is_some_and(|ty| !ty.nullable) => return Failed::Above,
        Failed::Above => {
            fields.insert(Name::new(key), Value::Null);
        }
        Failed::Here(_) => {}
    }
    in_order(fields, set);
    match failed {
        Failed::Above => Failed::Here(rest.len()),
        here @ Failed::Here(_) => here,
    }
}

/// A failure within what a field, or an item of a list, came to.
fn in_value(value: &mut Value, ty: &Type, set: &SelectionSet, path: &[PathSegment]) -> Failed {
    let of = match &ty.base {
        BaseType::Named(name) => return in_object(value, Some(name), set, path),
        BaseType::List(of) => of,
    };
    let (Some((PathSegment::Index(place), rest)), Value::List(items)) = (path.split_first(), value)
    else {
        return Failed::Above;
    };
    let Some(item) = items.get_mut(*place) else {
        return Failed::Above;
    };
    let failed = if rest.is_empty() {
        Failed::Above
    } else {
        in_value(item, of, set, rest)
    };
    match failed {
        Failed::Above if of.nullable => {
            *item = Value::Null;
            Failed::Here(rest.len())
        }
        failed => failed,
    }
}

/// Puts fields in the order they are asked for in.
fn in_order(fields: &mut IndexMap<Name, Value>, set: &SelectionSet) {
    fn take(set: &SelectionSet, from: &mut IndexMap<Name, Value>, to: &mut IndexMap<Name, Value>) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    if let Some((key, value)) = from.swap_remove_entry(key) {
                        to.insert(key, value);
                    }
                }
                Selection::InlineFragment(inline) => {
                    take(&inline.node.selection_set.node, from, to);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    let mut ordered = IndexMap::with_capacity(fields.len());
    take(set, fields, &mut ordered);
    ordered.append(fields);
    *fields = ordered;
}

#[cfg(test)]
mod tests {
    use super::super::coerced::chosen;
    use super::super::collected::collect;
    use super::*;
    use async_graphql::parser::parse_query;
    use serde_json::{Map, Value as Json, json};

    /// A path, as text: names and numbers between dots.
    fn path(text: &str) -> Vec<PathSegment> {
        let segment = |part: &str| match part.parse() {
            Ok(place) => PathSegment::Index(place),
            Err(_) => PathSegment::Field(part.to_owned()),
        };
        text.split('.').map(segment).collect()
    }

    fn completed(text: &str, data: Json, failed: &[&str]) -> String {
        let document = parse_query(text).unwrap();
        let collected = collect(&document, None, &Map::new()).unwrap().unwrap();
        let operation = chosen(&collected.document, None).unwrap();
        let mut data = Value::from_json(data).unwrap();
        let error = |text: &&str| ServerError::new("", None).with_path(path(text));
        let errors: Vec<_> = failed.iter().map(error).collect();
        complete(&mut data, &errors, operation);
        serde_json::to_string(&data).unwrap()
    }

    #[test]
    fn what_failed_is_null() {
        let text = "{ me { id } ticket(number: \"1\") { id } }";
        let me = json!({ "me": { "id": "1" } });
        let told = r#"{"me":{"id":"1"},"ticket":null}"#;
        assert_eq!(completed(text, me, &["ticket"]), told);
        // It alone: the library makes nothing of the whole.
        let text = "{ ticket(number: \"1\") { id } }";
        assert_eq!(
            completed(text, json!(null), &["ticket"]),
            r#"{"ticket":null}"#
        );
        // In the order it was asked for.
        let text = "{ x: ticket(number: \"1\") { id } me { id } y: ticket(number: \"2\") { id } }";
        let me = json!({ "me": { "id": "1" } });
        let told = r#"{"x":null,"me":{"id":"1"},"y":null}"#;
        assert_eq!(completed(text, me, &["y", "x"]), told);
    }

    #[test]
    fn what_may_not_be_null_takes_its_parent() {
        let text = "{ me { id } departments { id } }";
        let me = json!({ "me": { "id": "1" } });
        assert_eq!(completed(text, me, &["departments"]), "null");
        let text = "{ me { id } ticket(number: \"1\") { id number } }";
        let data = json!({ "me": { "id": "1" }, "ticket": { "id": "2" } });
        let told = r#"{"me":{"id":"1"},"ticket":null}"#;
        assert_eq!(completed(text, data, &["ticket.number"]), told);
        // Null takes what failed within it along, whoever comes first.
        let data = json!({ "me": { "id": "1" } });
        let failed = ["ticket.number", "ticket.id", "ticket"];
        assert_eq!(completed(text, data, &failed), told);
        let text = "mutation { a: logout(input: {}) { done } b: logout(input: {}) { done } }";
        assert_eq!(completed(text, json!({ "a": {} }), &["b"]), "null");
    }

    #[test]
    fn items_are_null_where_they_may_be() {
        let text = "{ nodes(ids: []) { id ... on Ticket { number body } } me { id } }";
        let data =
            json!({ "nodes": [null, { "id": "2", "number": "3" }, null], "me": { "id": "1" } });
        let told = r#"{"nodes":[null,null,null],"me":{"id":"1"}}"#;
        assert_eq!(completed(text, data.clone(), &["nodes.1.number"]), told);
        let told = r#"{"nodes":[null,{"id":"2","number":"3","body":null},null],"me":{"id":"1"}}"#;
        assert_eq!(completed(text, data.clone(), &["nodes.1.body"]), told);
        // Those of most lists may not be.
        let text = "{ me { id } node(id: 1) { ... on Department { units { id name } } } }";
        let data = json!({ "me": { "id": "1" }, "node": { "units": [{ "id": "2" }, { "id": "3", "name": "4" }] } });
        let told = r#"{"me":{"id":"1"},"node":null}"#;
        assert_eq!(completed(text, data, &["node.units.0.name"]), told);
        // A list of which an item failed as a whole is left out, with what failed within others.
        let data = json!({ "me": { "id": "1" }, "node": {} });
        let failed = ["node.units.0.name", "node.units.1"];
        assert_eq!(completed(text, data, &failed), told);
    }

    #[test]
    fn an_object_of_which_all_failed_is_one() {
        let text = "{ ticket(number: \"1\") { body accusedDepartment { id } } }";
        let told = r#"{"ticket":{"body":null,"accusedDepartment":null}}"#;
        let failed = ["ticket.body", "ticket.accusedDepartment.id"];
        for data in [
            json!(null),
            json!({ "ticket": null }),
            json!({ "ticket": { "accusedDepartment": null } }),
        ] {
            assert_eq!(completed(text, data, &failed), told);
        }
    }

    #[test]
    fn placeholders_are_taken_out() {
        let data = json!({ "a": { PLACEHOLDER: "T" }, "b": [{ "c": 1, PLACEHOLDER: "T" }], PLACEHOLDER: "Query" });
        let mut data = Value::from_json(data).unwrap();
        take_placeholders(&mut data);
        let told = json!({ "a": {}, "b": [{ "c": 1 }] });
        assert_eq!(data.into_json().unwrap(), told);
    }
}
