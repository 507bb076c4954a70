//! An operation with the variables it is sent with, as the specification has it, where the library does otherwise.
//!
//! * A variable that must be given and is not: nothing is executed. One with a default that is not given has it, in
//!   directives, too.
//! * One that may be left out and is: what it was to fill is left out with it. The library would fill it with null, and
//!   a null takes away what is there.
//! * Fields at the root of a mutation that have one name in the answer are one: the library would execute each of them.

use super::limits::forget;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition,
    OperationType, Selection, SelectionSet, TypeKind, TypeSystemDefinition, VariableDefinition,
};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
use std::sync::LazyLock;

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

/// Gives variables their defaults, and takes out of a document what is not given.
pub fn settle(
    document: &mut ExecutableDocument,
    name: Option<&str>,
    variables: &mut Variables,
) -> Result<(), Missing> {
    let Some(operation) = chosen(document, name) else {
        return Ok(());
    };
    if !are_well_defined(&operation.variable_definitions) {
        // Validation says so.
        return Ok(());
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
    let twice = operation.ty == OperationType::Mutation
        && has_doubles(&root(document, operation, variables));
    if absent.is_empty() && !twice {
        return Ok(());
    }
    let items = twice.then(|| merged(&root(document, operation, variables)));
    let mut operation = operation.clone();
    if let Some(items) = items {
        operation.selection_set.node.items = items;
    }
    let mut left_out = LeftOut {
        absent: &absent,
        found: Vec::new(),
    };
    left_out.of_set(&mut operation.selection_set.node);
    for fragment in document.fragments.values_mut() {
        left_out.of_set(&mut fragment.node.selection_set.node);
    }
    let found = left_out.found;
    if found.is_empty() && !twice {
        return Ok(());
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
    forget(document, all);
    Ok(())
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
        BaseType::Named(name) => INPUT_TYPES.contains(name.as_str()),
        BaseType::List(of) => is_input(&of.base),
    }
}

/// The types that a variable may have.
static INPUT_TYPES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let document = parse_schema(crate::sdl());
    let definitions = document.map(|document| document.definitions);
    let of_schema = definitions.unwrap_or_default().into_iter();
    let input = |definition| match definition {
        TypeSystemDefinition::Type(of) => match of.node.kind {
            TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {
                Some(of.node.name.node.to_string())
            }
            _ => None,
        },
        _ => None,
    };
    let of_all = ["Boolean", "Float", "ID", "Int", "String"].map(String::from);
    of_schema.filter_map(input).chain(of_all).collect()
});

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

/// The fields at the root of a mutation, in order, without those that a condition leaves out.
fn root<'d>(
    document: &'d ExecutableDocument,
    operation: &'d OperationDefinition,
    variables: &Variables,
) -> Vec<&'d Positioned<Field>> {
    let mut fields = Vec::new();
    collect(
        document,
        &operation.selection_set.node,
        variables,
        &mut fields,
    );
    fields
}

/// Fragments that spread themselves were refused before.
fn collect<'d>(
    document: &'d ExecutableDocument,
    set: &'d SelectionSet,
    variables: &Variables,
    fields: &mut Vec<&'d Positioned<Field>>,
) {
    for item in &set.items {
        let (directives, inner) = match &item.node {
            Selection::Field(field) => {
                if is_wanted(&field.node.directives, variables) {
                    fields.push(field);
                }
                continue;
            }
            Selection::InlineFragment(inline) => {
                (&inline.node.directives, Some(&inline.node.selection_set))
            }
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                let inner = fragment.map(|fragment| &fragment.node.selection_set);
                (&spread.node.directives, inner)
            }
        };
        if let Some(inner) = inner.filter(|_| is_wanted(directives, variables)) {
            collect(document, &inner.node, variables, fields);
        }
    }
}

/// Whether no condition leaves something out.
fn is_wanted(directives: &[Positioned<Directive>], variables: &Variables) -> bool {
    directives.iter().all(|directive| {
        let directive = &directive.node;
        let condition = directive.get_argument("if").map(|value| &value.node);
        let holds = match condition {
            Some(Value::Boolean(holds)) => Some(*holds),
            Some(Value::Variable(name)) => variables.get(name.as_str()).and_then(Json::as_bool),
            _ => None,
        };
        match directive.name.node.as_str() {
            "skip" => holds != Some(true),
            "include" => holds != Some(false),
            _ => true,
        }
    })
}

/// Whether two fields would be told under one name, and are alike otherwise: where they are not, validation says so.
fn are_one(one: &Field, other: &Field) -> bool {
    one.response_key().node == other.response_key().node
        && one.name.node == other.name.node
        && one.arguments == other.arguments
}

fn has_doubles(fields: &[&Positioned<Field>]) -> bool {
    fields.iter().enumerate().any(|(place, field)| {
        let mut before = fields[..place].iter();
        before.any(|other| are_one(&other.node, &field.node))
    })
}

fn merged(fields: &[&Positioned<Field>]) -> Vec<Positioned<Selection>> {
    let mut all: Vec<Positioned<Field>> = Vec::with_capacity(fields.len());
    for field in fields {
        match all
            .iter_mut()
            .find(|other| are_one(&other.node, &field.node))
        {
            Some(one) => {
                let more = &field.node.selection_set.node.items;
                one.node
                    .selection_set
                    .node
                    .items
                    .extend(more.iter().cloned());
            }
            None => all.push((*field).clone()),
        }
    }
    all.into_iter()
        .map(|field| {
            let position = field.pos;
            Positioned::new(Selection::Field(field), position)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use serde_json::json;

    fn settled(text: &str, variables: Json) -> Result<(ExecutableDocument, Json), Missing> {
        let mut document = parse_query(text).unwrap();
        let Json::Object(mut variables) = variables else {
            unreachable!()
        };
        settle(&mut document, None, &mut variables)?;
        Ok((document, Json::Object(variables)))
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
    fn one_field_of_a_mutation_is_executed_once() {
        for (text, root) in [
            ("mutation { f(a: 1) { b } f(a: 1) { c } }", vec!["f(a:1)2"]),
            (
                "mutation { f(a: 1) { b } x: f(a: 1) { c } }",
                vec!["f(a:1)1", "f(a:1)1"],
            ),
            (
                "mutation { ...A ...B } fragment A on Mutation { f { b } } fragment B on Mutation { f { c } }",
                vec!["f()2"],
            ),
            (
                "mutation { f { b } ... @skip(if: true) { f { c } } }",
                vec!["f()1", "fragment"],
            ),
            (
                "mutation { f { b } ... @include(if: true) { f { c } g { d } } }",
                vec!["f()2", "g()1"],
            ),
            // What cannot be one is refused by validation.
            (
                "mutation { f(a: 1) { b } f(a: 2) { c } }",
                vec!["f(a:1)1", "f(a:2)1"],
            ),
            ("query { f { b } f { c } }", vec!["f()1", "f()1"]),
        ] {
            let (document, _) = settled(text, json!({})).unwrap();
            assert_eq!(told(&document).0, root, "{text}");
            assert!(document.fragments.is_empty(), "they are not used any more");
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
