//! An answer, completed as the specification has it. A field that failed is null; where it may not be, what it is a field
//! of is null instead, and so on up to the whole of the data. The library leaves it out. And fields come in the order they
//! are asked for in: the library tells them as they are done.

use super::collected::{PLACEHOLDER, root_type};
use super::types::{applies, of_field};
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Field, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Positioned, ServerError, Value};

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
        match in_object(data, &root, set, path) {
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

/// Of which type an object is that may be of several.
fn type_of(fields: &IndexMap<Name, Value>) -> Option<Name> {
    match fields.get(PLACEHOLDER) {
        Some(Value::String(name)) => Some(Name::new(name)),
        _ => None,
    }
}

/// What is asked of an object of a type, if it is known.
fn asked_of<'d>(set: &'d SelectionSet, of: Option<&Name>, asked: &mut Vec<&'d Field>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => asked.push(&field.node),
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref();
                let on = on.map(|condition| &condition.node.on.node);
                if on.zip(of).is_none_or(|(on, of)| applies(on, of)) {
                    asked_of(&inline.node.selection_set.node, of, asked);
                }
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// A failure within an object that is there.
fn in_object(
    object: &mut Value,
    parent: &Name,
    set: &SelectionSet,
    path: &[PathSegment],
) -> Failed {
    let Some((PathSegment::Field(key), rest)) = path.split_first() else {
        return Failed::Above;
    };
    // To the library an object all of whose fields failed is null.
    if *object == Value::Null {
        *object = Value::Object(IndexMap::new());
    }
    let Value::Object(fields) = object else {
        return Failed::Above;
    };
    let of = type_of(fields);
    let of = of.as_ref().unwrap_or(parent);
    let mut asked = Vec::new();
    asked_of(set, Some(of), &mut asked);
    let is = |field: &&&Field| field.response_key().node == *key;
    let Some(field) = asked.iter().find(is) else {
        return Failed::Above;
    };
    let ty = of_field(of, &field.name.node);
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
        Failed::Above if ty.is_none_or(|ty| ty.nullable) => {
            fields.insert(Name::new(key), Value::Null);
            Failed::Here(rest.len())
        }
        failed => failed,
    }
}

/// A failure within what a field, or an item of a list, came to.
fn in_value(value: &mut Value, ty: &Type, set: &SelectionSet, path: &[PathSegment]) -> Failed {
    let of = match &ty.base {
        BaseType::Named(name) => return in_object(value, name, set, path),
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

/// Puts the fields of an answer in the order they are asked for in.
pub fn order(value: &mut Value, set: &SelectionSet) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| order(item, set)),
        Value::Object(fields) if is_in_order(fields, set) => {
            for (item, value) in set.items.iter().zip(fields.values_mut()) {
                if let Selection::Field(field) = &item.node {
                    order_field(&field.node, value);
                }
            }
        }
        Value::Object(fields) => {
            let mut asked = Vec::with_capacity(fields.len());
            asked_of(set, type_of(fields).as_ref(), &mut asked);
            let mut ordered = IndexMap::with_capacity(fields.len());
            for field in asked {
                let key = &field.response_key().node;
                if let Some((key, mut value)) = fields.swap_remove_entry(key) {
                    order_field(field, &mut value);
                    ordered.insert(key, value);
                }
            }
            ordered.append(fields);
            *fields = ordered;
        }
        _ => {}
    }
}

fn order_field(field: &Field, value: &mut Value) {
    let inner = &field.selection_set.node;
    if !inner.items.is_empty() {
        order(value, inner);
    }
}

fn is_in_order(fields: &IndexMap<Name, Value>, set: &SelectionSet) -> bool {
    let is = |(item, name): (&Positioned<Selection>, &Name)| match &item.node {
        Selection::Field(field) => field.node.response_key().node == *name,
        _ => false,
    };
    fields.len() == set.items.len() && set.items.iter().zip(fields.keys()).all(is)
}

#[cfg(test)]
mod tests {
    use super::super::coerced::chosen;
    use super::super::collected::collect;
    use super::*;
    use async_graphql::Variables;
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

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
        let collected = collect(&document, None, &Variables::default()).unwrap();
        let operation = chosen(&collected.document, None).unwrap();
        let mut data = Value::from_json(data).unwrap();
        let error = |text: &&str| ServerError::new("", None).with_path(path(text));
        let errors: Vec<_> = failed.iter().map(error).collect();
        complete(&mut data, &errors, operation);
        order(&mut data, &operation.selection_set.node);
        take_placeholders(&mut data);
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
        let data = json!({ "nodes": [null, { "id": "2", "number": "3", PLACEHOLDER: "Ticket" }, null], "me": { "id": "1" } });
        let told = r#"{"nodes":[null,null,null],"me":{"id":"1"}}"#;
        assert_eq!(completed(text, data.clone(), &["nodes.1.number"]), told);
        let told = r#"{"nodes":[null,{"id":"2","number":"3","body":null},null],"me":{"id":"1"}}"#;
        assert_eq!(completed(text, data.clone(), &["nodes.1.body"]), told);
        // Those of most lists may not be.
        let text = "{ me { id } node(id: 1) { ... on Department { units { id name } } } }";
        let data = json!({ "me": { "id": "1" }, "node": { "units": [{ "id": "2" }, { "id": "3", "name": "4" }], PLACEHOLDER: "Department" } });
        let told = r#"{"me":{"id":"1"},"node":null}"#;
        assert_eq!(completed(text, data, &["node.units.0.name"]), told);
        // A list of which an item failed as a whole is left out, with what failed within others.
        let data = json!({ "me": { "id": "1" }, "node": { PLACEHOLDER: "Department" } });
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
    fn fields_come_as_they_are_asked_for() {
        let text = "{ me { name id } nodes(ids: []) { id ... on Unit { department { name id } } } x: me { id } }";
        let data = json!({
            "x": { "id": "1" },
            "nodes": [{ "department": { "id": "3", "name": "4" }, "id": "2", PLACEHOLDER: "Unit" }, null],
            "me": { "name": "5", "id": "1" },
        });
        let told = r#"{"me":{"name":"5","id":"1"},"nodes":[{"id":"2","department":{"name":"4","id":"3"}},null],"x":{"id":"1"}}"#;
        assert_eq!(completed(text, data, &[]), told);
        let text = "{ nodes(ids: []) { ... on Unit { name } id ... on Unit { revision } } }";
        let data = json!({ "nodes": [
            { "id": "1", "name": "2", "revision": 3, PLACEHOLDER: "Unit" },
            { "id": "4", PLACEHOLDER: "Ticket" },
        ] });
        let told = r#"{"nodes":[{"name":"2","id":"1","revision":3},{"id":"4"}]}"#;
        assert_eq!(completed(text, data, &[]), told);
    }

    #[test]
    fn of_one_name_on_two_types_each_has_its_own() {
        let text = "{ nodes(ids: []) { ... on Department { x: units { id } } ... on Unit { x: department { region name } } } }";
        // They do not look alike, so this is refused: but nothing goes wrong with it.
        let data =
            json!({ "nodes": [{ "x": { "name": "1", "region": null }, PLACEHOLDER: "Unit" }] });
        let told = r#"{"nodes":[{"x":{"region":null,"name":"1"}}]}"#;
        assert_eq!(completed(text, data, &["nodes.0.x.region"]), told);
        let data = json!({ "nodes": [{ "x": { "region": "1" }, PLACEHOLDER: "Unit" }] });
        let told = r#"{"nodes":[null]}"#;
        assert_eq!(completed(text, data, &["nodes.0.x.name"]), told);
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
