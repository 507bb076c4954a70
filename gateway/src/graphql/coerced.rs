//! An operation with the variables it is sent with, as the specification has it, where the library does otherwise.
//!
//! * A variable that must be given and is not: nothing is executed. One with a default that is not given has it, in
//!   directives, too.
//! * One that may be left out and is: what it was to fill is left out with it. The library would fill it with null, and
//!   a null takes away what is there.

use super::collected::root_type;
use super::common::{Day, Position};
use super::limits::forget;
use super::types::{self, Input};
use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
    Type, VariableDefinition,
};
use async_graphql::{InputType, Name, Positioned, Variables as Given};
use async_graphql_value::{ConstValue, Value};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// A variable that must be given, and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub Name);

type Variables = Map<String, Json>;

/// The operation that is meant: the one of this name, or the only one.
pub fn chosen<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<&'d OperationDefinition> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(_) => operations.find(|(found, _)| found.map(Name::as_str) == name),
        None => operations.next().filter(|_| operations.next().is_none()),
    };
    found.map(|(_, operation)| &operation.node)
}

/// Gives variables their defaults, and takes out of a document what is not given: then there is another one.
pub fn settle(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &mut Variables,
) -> Result<Option<ExecutableDocument>, Missing> {
    let Some(operation) = chosen(document, name) else {
        return Ok(None);
    };
    if !are_well_defined(&operation.variable_definitions) {
        // Validation says so.
        return Ok(None);
    }
    let mut absent = Vec::new();
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let name = &definition.name.node;
        match (variables.get(name.as_str()), &definition.default_value) {
            (Some(Json::Null), _) if !definition.var_type.node.nullable => {
                return Err(Missing(name.clone()));
            }
            (Some(_), _) => {}
            (None, Some(default)) => {
                let default = default.node.clone().into_json().unwrap_or_default();
                variables.insert(name.to_string(), default);
            }
            (None, None) if definition.var_type.node.nullable => absent.push(name.clone()),
            (None, None) => return Err(Missing(name.clone())),
        }
    }
    Ok(without(document, name, operation, &absent))
}

/// A document without what variables that are not given were to fill, where they were to fill something.
fn without(
    document: &ExecutableDocument,
    name: Option<&str>,
    operation: &OperationDefinition,
    absent: &[Name],
) -> Option<ExecutableDocument> {
    if absent.is_empty() {
        return None;
    }
    let mut operation = operation.clone();
    let mut document = document.clone();
    let mut left_out = LeftOut {
        absent,
        found: Vec::new(),
    };
    left_out.of_set(&mut operation.selection_set.node);
    for fragment in document.fragments.values_mut() {
        left_out.of_set(&mut fragment.node.selection_set.node);
    }
    let found = left_out.found;
    if found.is_empty() {
        return None;
    }
    // Whoever does not use it any more need not define it.
    operation
        .variable_definitions
        .retain(|definition| !found.contains(&definition.node.name.node));
    // Others of the document may use what was taken out.
    match &mut document.operations {
        DocumentOperations::Single(one) => one.node = operation,
        DocumentOperations::Multiple(all) => {
            all.retain(|found, _| name.is_none_or(|name| found == name));
            for one in all.values_mut() {
                one.node = operation.clone();
            }
        }
    }
    let all = document.fragments.keys().cloned().collect();
    forget(&mut document, all);
    Some(document)
}

/// Whether each has a name of its own, and a type that a variable may have.
fn are_well_defined(definitions: &[Positioned<VariableDefinition>]) -> bool {
    definitions.iter().enumerate().all(|(place, definition)| {
        let VariableDefinition { name, var_type, .. } = &definition.node;
        let mut before = definitions[..place].iter();
        before.all(|other| other.node.name.node != name.node) && is_input(&var_type.node.base)
    })
}

fn is_input(base: &BaseType) -> bool {
    match base {
        BaseType::Named(name) => types::input(name).is_some(),
        BaseType::List(of) => is_input(&of.base),
    }
}

/// What is wrong with the value of a variable: where, and what has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The variable, or the argument, and on the way names and numbers after dots.
    pub path: String,
    /// The type; `None` where a field is not known.
    pub wanted: Option<Type>,
}

/// Whether what variables are given is of their types.
pub fn check_values(operation: &OperationDefinition, variables: &Given) -> Result<(), Unfit> {
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        if let Some(value) = variables.get(&definition.name.node) {
            let mut path = vec![format!("${}", definition.name.node)];
            if let Err(wanted) = check_value(value, &definition.var_type.node, &mut path) {
                return Err(Unfit {
                    path: path.join("."),
                    wanted,
                });
            }
        }
    }
    Ok(())
}

/// Whether what an operation says itself is of its type: texts of scalars, which validation does not read. Its variables are
/// of theirs, and its fragments spread out.
pub fn check_arguments(operation: &OperationDefinition, variables: &Given) -> Result<(), Unfit> {
    let root = root_type(operation.ty);
    check_arguments_of(&root, &operation.selection_set.node, variables)
}

fn check_arguments_of(parent: &Name, set: &SelectionSet, variables: &Given) -> Result<(), Unfit> {
    for item in &set.items {
        let field = match &item.node {
            Selection::Field(field) => &field.node,
            Selection::InlineFragment(inline) => {
                let on = inline.node.type_condition.as_ref();
                let on = on.map_or(parent, |condition| &condition.node.on.node);
                check_arguments_of(on, &inline.node.selection_set.node, variables)?;
                continue;
            }
            Selection::FragmentSpread(_) => continue,
        };
        for (name, value) in &field.arguments {
            let place = types::argument(parent, &field.name.node, &name.node);
            let given = |name: Name| variables.get(&name).cloned().ok_or(());
            let value = value.node.clone().into_const_with(given);
            if let (Some(place), Ok(value)) = (place, value) {
                let mut path = vec![name.node.to_string()];
                if let Err(wanted) = check_value(&value, &place.ty, &mut path) {
                    return Err(Unfit {
                        path: path.join("."),
                        wanted,
                    });
                }
            }
        }
        if let Some(ty) = types::of_field(parent, &field.name.node) {
            let of = types::named(&ty.base);
            check_arguments_of(of, &field.selection_set.node, variables)?;
        }
    }
    Ok(())
}

fn check_value(value: &ConstValue, ty: &Type, path: &mut Vec<String>) -> Result<(), Option<Type>> {
    let is = match (value, &ty.base) {
        (ConstValue::Null, _) => ty.nullable,
        (ConstValue::List(items), BaseType::List(of)) => {
            for (place, item) in items.iter().enumerate() {
                path.push(place.to_string());
                check_value(item, of, path)?;
                path.pop();
            }
            true
        }
        // One stands for a list of it.
        (value, BaseType::List(of)) => return check_value(value, of, path),
        (value, BaseType::Named(name)) => match types::input(name) {
            Some(Input::Scalar) => is_scalar(value, name),
            Some(Input::Enum(words)) => match value {
                ConstValue::String(word) => words.contains(word.as_str()),
                ConstValue::Enum(word) => words.contains(word),
                _ => false,
            },
            Some(Input::Object(places)) => {
                let ConstValue::Object(given) = value else {
                    return Err(Some(ty.clone()));
                };
                for (name, value) in given {
                    // What there is none of is not quoted: it may be anything.
                    let place = places.get(name).ok_or(None)?;
                    path.push(name.to_string());
                    check_value(value, &place.ty, path)?;
                    path.pop();
                }
                let mut required = places.iter().filter(|(_, place)| place.is_required());
                if let Some((name, place)) = required.find(|(name, _)| !given.contains_key(*name)) {
                    path.push(name.to_string());
                    return Err(Some(place.ty.clone()));
                }
                true
            }
            None => true,
        },
    };
    if is { Ok(()) } else { Err(Some(ty.clone())) }
}

fn is_scalar(value: &ConstValue, name: &Name) -> bool {
    match (value, name.as_str()) {
        (ConstValue::Number(number), "Int") => number
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        (ConstValue::Number(number), "ID") => number.is_i64() || number.is_u64(),
        (ConstValue::Number(_), "Float")
        | (ConstValue::String(_), "String" | "ID")
        | (ConstValue::Boolean(_), "Boolean") => true,
        (_, "Int" | "Float" | "ID" | "String" | "Boolean") => false,
        (value, "UUID") => reads::<Uuid>(value),
        (value, "DateTime") => reads::<DateTime<Utc>>(value),
        (value, "NaiveDate") => reads::<Day>(value),
        (value, "Position") => reads::<Position>(value),
        _ => true,
    }
}

fn reads<T: InputType>(value: &ConstValue) -> bool {
    T::parse(Some(value.clone())).is_ok()
}

/// Takes out what variables that are not given were to fill.
struct LeftOut<'a> {
    absent: &'a [Name],
    /// Those that were to fill something.
    found: Vec<Name>,
}

impl LeftOut<'_> {
    fn of_set(&mut self, set: &mut SelectionSet) {
        for item in &mut set.items {
            match &mut item.node {
                Selection::Field(field) => {
                    let field = &mut field.node;
                    field
                        .arguments
                        .retain_mut(|(_, value)| self.stays(&mut value.node));
                    self.of_set(&mut field.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.of_set(&mut inline.node.selection_set.node);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn stays(&mut self, value: &mut Value) -> bool {
        match value {
            Value::Variable(name) if self.absent.contains(name) => {
                self.found.push(name.clone());
                false
            }
            Value::Object(entries) => {
                entries.retain(|_, value| self.stays(value));
                true
            }
            Value::List(items) => {
                for item in items {
                    if !self.stays(item) {
                        *item = Value::Null;
                    }
                }
                true
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::OperationType;
    use serde_json::json;

    fn settled(text: &str, variables: Json) -> Result<(ExecutableDocument, Json), Missing> {
        let document = parse_query(text).unwrap();
        let Json::Object(mut variables) = variables else {
            unreachable!()
        };
        let settled = settle(&document, None, &mut variables)?;
        Ok((settled.unwrap_or(document), Json::Object(variables)))
    }

    /// The fields at the root with what is asked of each, and the variables that are defined.
    fn told(document: &ExecutableDocument) -> (Vec<String>, Vec<String>) {
        let operation = chosen(document, None).unwrap();
        let root = operation.selection_set.node.items.iter().map(|item| {
            let Selection::Field(field) = &item.node else {
                return "fragment".to_owned();
            };
            let field = &field.node;
            let arguments = field.arguments.iter();
            let arguments: Vec<_> = arguments
                .map(|(k, v)| format!("{}:{}", k.node, v.node))
                .collect();
            let inner = field.selection_set.node.items.len();
            format!("{}({}){inner}", field.name.node, arguments.join(","))
        });
        let defined = operation.variable_definitions.iter();
        let defined = defined.map(|definition| definition.node.name.node.to_string());
        (root.collect(), defined.collect())
    }

    #[test]
    fn what_must_be_given_is() {
        let text = "query($a: ID!, $b: ID! = \"x\", $c: ID) { f(a: $a, b: $b, c: $c) }";
        let missing = |name: &str| Err(Missing(Name::new(name)));
        assert_eq!(settled(text, json!({})).map(drop), missing("a"));
        assert_eq!(settled(text, json!({ "a": null })).map(drop), missing("a"));
        let null = json!({ "a": "1", "b": null });
        assert_eq!(settled(text, null).map(drop), missing("b"));
        let (_, variables) = settled(text, json!({ "a": "1", "c": null })).unwrap();
        assert_eq!(variables, json!({ "a": "1", "b": "x", "c": null }));
    }

    #[test]
    fn what_is_not_given_fills_nothing() {
        let text = "query($a: ID, $b: [ID!], $c: InboxFilter) { f(a: $a, in: { b: $b, c: $c, l: [$b, $c] }) ...F } \
             fragment F on Query { g(b: $b) }";
        let (document, _) = settled(text, json!({ "c": 1 })).unwrap();
        let (root, defined) = told(&document);
        assert_eq!(root[0], "f(in:{c: $c, l: [null, $c]})0");
        assert_eq!(defined, ["c"]);
        let fragment = &document.fragments["F"].node.selection_set.node.items[0].node;
        let Selection::Field(field) = fragment else {
            unreachable!()
        };
        assert!(field.node.arguments.is_empty());
        // What is given as null is null.
        let all = json!({ "a": null, "b": null, "c": null });
        let (document, _) = settled(text, all).unwrap();
        assert_eq!(told(&document).1, ["a", "b", "c"]);
    }

    #[test]
    fn what_is_given_is_of_its_type() {
        let text = "query($n: Int, $l: [Int!], $t: InboxTab, $f: InboxFilter, $r: ReceiveTicketInput, $p: Position, $i: ID!, $d: NaiveDate, $u: UUID, $w: DateTime) { a }";
        let document = parse_query(text).unwrap();
        let operation = chosen(&document, None).unwrap();
        let unfit = |variables: Json| {
            let checked = check_values(operation, &Given::from_json(variables));
            checked.err().map(|Unfit { path, wanted }| {
                (path, wanted.map(|ty| ty.to_string()).unwrap_or_default())
            })
        };
        for fit in [
            json!({ "n": 1, "l": [1, 2], "t": "DONE", "f": { "mine": true }, "p": "1", "i": 7 }),
            json!({ "n": null, "l": 1, "t": null, "f": {}, "p": 1, "i": "x" }),
            json!({ "i": "x", "d": "2026-11-27", "u": Uuid::nil(), "w": "2026-11-27T08:00:00+08:00" }),
        ] {
            assert_eq!(unfit(fit), None);
        }
        for (variables, path, wanted) in [
            (json!({ "n": "1" }), "n", "Int"),
            (json!({ "n": 1.5 }), "n", "Int"),
            (json!({ "n": 3_000_000_000_i64 }), "n", "Int"),
            (json!({ "n": [1] }), "n", "Int"),
            (json!({ "l": [1, null] }), "l.1", "Int!"),
            (json!({ "t": "NOTHING" }), "t", "InboxTab"),
            (json!({ "f": [] }), "f", "InboxFilter"),
            (json!({ "f": { "mine": 1 } }), "f.mine", "Boolean!"),
            (json!({ "f": { "nothing": 1 } }), "f", ""),
            (json!({ "r": {} }), "r.", "String!"),
            (json!({ "i": true }), "i", "ID!"),
            (json!({ "p": "abc" }), "p", "Position"),
            (json!({ "p": -1 }), "p", "Position"),
            (json!({ "u": "nope" }), "u", "UUID"),
            (json!({ "d": "2026-13-01" }), "d", "NaiveDate"),
            (json!({ "w": "yesterday" }), "w", "DateTime"),
        ] {
            let (at, of) = unfit(variables.clone()).unwrap();
            assert!(at.starts_with(&format!("${path}")), "{variables}: {at}");
            assert!(of == wanted || path == "r.", "{variables}: {of}");
        }
    }

    #[test]
    fn one_of_several_operations_is_named() {
        let document = parse_query("query A { a } mutation B { b }").unwrap();
        let ty = |name| chosen(&document, name).map(|operation| operation.ty);
        assert_eq!(ty(Some("B")), Some(OperationType::Mutation));
        assert_eq!(ty(Some("C")), None);
        assert_eq!(ty(None), None, "nobody says which");
        let one = parse_query("query A { a }").unwrap();
        assert!(chosen(&one, None).is_some() && chosen(&one, Some("B")).is_none());
    }
}
