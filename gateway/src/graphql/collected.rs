//! What is executed of a document: the operation that is meant, its fields collected as the specification has it. Those
//! under a condition that leaves them out are gone; those of one name in an answer are one; fragments are spread out.
//!
//! The library collects fields while it executes them, and departs there: fields of one name are each resolved, at the root
//! of a mutation, too, and their answers laid together; of an object of which nothing is left it makes null.
//!
//! The document is valid: what is wrong with it was said before.

use super::coerced::chosen;
use super::types::{applies, is_abstract, named, of_field};
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment, OperationDefinition,
    OperationType, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Positioned, Value as Given, Variables};
use async_graphql_value::Value;
use std::collections::{HashMap, HashSet};

/// What is told in place of nothing, since an object without fields is null to the library, and beside whatever may be of
/// several types: of which it is. No client can ask for anything by this name, which is none.
pub const PLACEHOLDER: &str = " type";

/// A document that is executed.
#[derive(Debug)]
pub struct Collected {
    /// One operation, without fragments but for those on the types that an abstract one stands for.
    pub document: ExecutableDocument,
    /// Whether there are placeholders in it.
    pub has_placeholders: bool,
}

/// The type at the root of an operation.
pub fn root_type(ty: OperationType) -> Name {
    Name::new(match ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    })
}

/// Whether a document is executed as it stands: it has one operation, no fragments, no directives, and each name once.
pub fn is_collected(document: &ExecutableDocument) -> bool {
    fn is_plain(set: &SelectionSet) -> bool {
        let mut seen = HashSet::with_capacity(set.items.len());
        let mut items = set.items.iter().map(plain);
        items.all(|item| item.is_some_and(|(name, inner)| seen.insert(name) && is_plain(inner)))
    }
    fn plain(item: &Positioned<Selection>) -> Option<(&Name, &SelectionSet)> {
        match &item.node {
            Selection::Field(field) if field.node.directives.is_empty() => {
                let key = &field.node.response_key().node;
                Some((key, &field.node.selection_set.node))
            }
            _ => None,
        }
    }
    let mut operations = document.operations.iter();
    let first = operations.next();
    first.is_some_and(|(_, one)| {
        operations.next().is_none() && is_plain(&one.node.selection_set.node)
    })
}

/// What is executed of a document, with the variables it is sent with; `None` where no operation is meant. The document is
/// within the limits, so that its fragments may be spread out.
pub fn collect(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> Option<Collected> {
    let operation = chosen(document, name)?;
    let mut collecting = Collecting {
        document,
        variables,
        used: HashSet::new(),
        has_placeholders: false,
    };
    let root = root_type(operation.ty);
    let items = collecting.set(Some(&root), &[&operation.selection_set.node]);
    let Collecting {
        used,
        has_placeholders,
        ..
    } = collecting;
    let at = operation.selection_set.pos;
    let definitions = operation.variable_definitions.iter();
    let definitions = definitions.filter(|definition| used.contains(&definition.node.name.node));
    let operation = OperationDefinition {
        ty: operation.ty,
        variable_definitions: definitions.cloned().collect(),
        directives: operation.directives.clone(),
        selection_set: Positioned::new(SelectionSet { items }, at),
    };
    let operation = Positioned::new(operation, at);
    let operations = match name {
        // By the name it is looked for.
        Some(name) => DocumentOperations::Multiple([(Name::new(name), operation)].into()),
        None => DocumentOperations::Single(operation),
    };
    Some(Collected {
        document: ExecutableDocument {
            operations,
            fragments: HashMap::new(),
        },
        has_placeholders,
    })
}

struct Collecting<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
    /// The variables that are used in what is executed.
    used: HashSet<Name>,
    has_placeholders: bool,
}

/// What is collected of a selection set, in the order it was met.
type Found<'d> = IndexMap<Key<'d>, Asked<'d>>;

#[derive(PartialEq, Eq, Hash)]
enum Key<'d> {
    /// What is told under one name.
    Name(&'d Name),
    /// What is asked of one of the types that an abstract one stands for.
    On(&'d Name),
}

#[derive(Default)]
struct Asked<'d> {
    fields: Vec<&'d Positioned<Field>>,
    sets: Vec<&'d SelectionSet>,
}

impl<'d> Collecting<'d> {
    /// What is asked of an object in several places, as one. Of the types that describe the schema nothing is known; what is
    /// asked of them applies.
    fn set(
        &mut self,
        parent: Option<&Name>,
        sets: &[&'d SelectionSet],
    ) -> Vec<Positioned<Selection>> {
        let mut found = Found::new();
        let mut spread = HashSet::new();
        for set in sets {
            self.find(parent, set, &mut spread, &mut found);
        }
        let mut items = Vec::with_capacity(found.len() + 1);
        let mut of_all = Vec::with_capacity(found.len());
        for (key, asked) in found {
            match key {
                Key::Name(_) => of_all.push(self.field(parent, &asked.fields)),
                Key::On(on) if is_abstract(on) => items.push(self.on(on, &asked.sets)),
                // With what is asked of all of them: so it is told in the order it is asked for in.
                Key::On(on) => items.push(self.on(on, sets)),
            }
        }
        items.append(&mut of_all);
        if items.is_empty() || parent.is_some_and(is_abstract) {
            self.has_placeholders = true;
            items.push(placeholder());
        }
        items
    }

    fn find(
        &self,
        parent: Option<&Name>,
        set: &'d SelectionSet,
        spread: &mut HashSet<&'d Name>,
        found: &mut Found<'d>,
    ) {
        for item in &set.items {
            if !is_wanted(item.node.directives(), self.variables) {
                continue;
            }
            let (on, inner) = match &item.node {
                Selection::Field(field) => {
                    let key = Key::Name(&field.node.response_key().node);
                    found.entry(key).or_default().fields.push(field);
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    (on, &inline.node.selection_set.node)
                }
                Selection::FragmentSpread(of) => {
                    let name = &of.node.fragment_name.node;
                    match self.document.fragments.get(name) {
                        Some(fragment) if spread.insert(name) => {
                            let on = &fragment.node.type_condition;
                            (Some(on), &fragment.node.selection_set.node)
                        }
                        _ => continue,
                    }
                }
            };
            let on = on.map(|condition| &condition.node.on.node);
            match (on, parent) {
                (Some(on), Some(parent)) if is_abstract(parent) && on != parent => {
                    found.entry(Key::On(on)).or_default().sets.push(inner);
                }
                (Some(on), Some(parent)) if !applies(on, parent) => {}
                _ => self.find(parent, inner, spread, found),
            }
        }
    }

    fn field(
        &mut self,
        parent: Option<&Name>,
        fields: &[&'d Positioned<Field>],
    ) -> Positioned<Selection> {
        let one = fields[0];
        let Field {
            alias,
            name,
            arguments,
            directives,
            selection_set,
        } = &one.node;
        for (_, value) in arguments {
            variables_of(&value.node, &mut self.used);
        }
        let mut items = Vec::new();
        if !selection_set.node.items.is_empty() {
            let sets = fields.iter().map(|field| &field.node.selection_set.node);
            let of = parent.and_then(|parent| of_field(parent, &name.node));
            let of = of.map(|of| named(&of.base));
            items = self.set(of, &sets.collect::<Vec<_>>());
        }
        let beside = |directive: &&Positioned<Directive>| {
            !["skip", "include"].contains(&directive.node.name.node.as_str())
        };
        let field = Field {
            alias: alias.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
            directives: directives.iter().filter(beside).cloned().collect(),
            selection_set: Positioned::new(SelectionSet { items }, selection_set.pos),
        };
        let field = Positioned::new(field, one.pos);
        Positioned::new(Selection::Field(field), one.pos)
    }

    fn on(&mut self, on: &Name, sets: &[&'d SelectionSet]) -> Positioned<Selection> {
        let items = self.set(Some(on), sets);
        let nowhere = async_graphql::Pos::default();
        let condition = TypeCondition {
            on: Positioned::new(on.clone(), nowhere),
        };
        let fragment = InlineFragment {
            type_condition: Some(Positioned::new(condition, nowhere)),
            directives: Vec::new(),
            selection_set: Positioned::new(SelectionSet { items }, nowhere),
        };
        let fragment = Positioned::new(fragment, nowhere);
        Positioned::new(Selection::InlineFragment(fragment), nowhere)
    }
}

fn variables_of(value: &Value, used: &mut HashSet<Name>) {
    match value {
        Value::Variable(name) => {
            used.insert(name.clone());
        }
        Value::List(items) => items.iter().for_each(|item| variables_of(item, used)),
        Value::Object(fields) => fields.values().for_each(|value| variables_of(value, used)),
        _ => {}
    }
}

/// Whether the arguments are the same, in whatever order.
pub fn are_alike(one: &Field, other: &Field) -> bool {
    let has = |(name, value): &(Positioned<Name>, Positioned<Value>)| {
        one.get_argument(&name.node)
            .is_some_and(|found| found.node == value.node)
    };
    one.arguments.len() == other.arguments.len() && other.arguments.iter().all(has)
}

fn placeholder() -> Positioned<Selection> {
    let nowhere = async_graphql::Pos::default();
    let field = Field {
        alias: Some(Positioned::new(Name::new(PLACEHOLDER), nowhere)),
        name: Positioned::new(Name::new("__typename"), nowhere),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet::default(), nowhere),
    };
    Positioned::new(Selection::Field(Positioned::new(field, nowhere)), nowhere)
}

/// Whether no condition leaves something out.
fn is_wanted(directives: &[Positioned<Directive>], variables: &Variables) -> bool {
    directives.iter().all(|directive| {
        let directive = &directive.node;
        let condition = directive.get_argument("if").map(|value| &value.node);
        let holds = match condition {
            Some(Value::Boolean(holds)) => Some(*holds),
            Some(Value::Variable(name)) => match variables.get(name) {
                Some(Given::Boolean(holds)) => Some(*holds),
                _ => None,
            },
            _ => None,
        };
        match directive.name.node.as_str() {
            "skip" => holds != Some(true),
            "include" => holds != Some(false),
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    /// A set, as text: fields with their arguments, fragments with their types.
    fn told(set: &SelectionSet) -> String {
        let items = set.items.iter().map(|item| match &item.node {
            Selection::Field(field) => {
                let field = &field.node;
                assert!(field.directives.is_empty());
                let arguments = field.arguments.iter();
                let arguments: Vec<_> = arguments
                    .map(|(name, value)| format!("{}:{}", name.node, value.node))
                    .collect();
                let inner = told(&field.selection_set.node);
                let of = |open, text: String, close| match text.as_str() {
                    "" => String::new(),
                    text => format!("{open}{text}{close}"),
                };
                let arguments = of("(", arguments.join(","), ")");
                let inner = of("{", inner, "}");
                format!("{}{arguments}{inner}", field.response_key().node)
            }
            Selection::InlineFragment(inline) => {
                let on = &inline.node.type_condition.as_ref().unwrap().node.on.node;
                format!("on {on}{{{}}}", told(&inline.node.selection_set.node))
            }
            Selection::FragmentSpread(spread) => panic!("{}", spread.node.fragment_name.node),
        });
        items.collect::<Vec<_>>().join(" ")
    }

    fn collected(text: &str, name: Option<&str>, variables: Json) -> String {
        let document = parse_query(text).unwrap();
        let variables = Variables::from_json(variables);
        let collected = collect(&document, name, &variables).unwrap();
        assert!(collected.document.fragments.is_empty());
        let operation = chosen(&collected.document, name).unwrap();
        let told = told(&operation.selection_set.node);
        assert_eq!(collected.has_placeholders, told.contains(PLACEHOLDER));
        told
    }

    #[test]
    fn fields_of_one_name_are_one() {
        for (text, expected) in [
            ("{ me { id } me { name } }", "me{id name}"),
            ("{ me { id } x: me { name } }", "me{id} x{name}"),
            (
                "mutation { f(a: 1, b: 2) { b } f(b: 2, a: 1) { c } }",
                "f(a:1,b:2){b c}",
            ),
            (
                "{ ...A ...B } fragment A on Query { ticket { id timeline { at } } } \
                 fragment B on Query { ticket { timeline { step } number id } }",
                "ticket{id timeline{at step} number}",
            ),
            (
                "{ me { ... { id ... on Account { id name } } id } }",
                "me{id name}",
            ),
            (
                "{ __schema { types { name } types { kind ... on __Type { name } } } }",
                "__schema{types{name kind}}",
            ),
        ] {
            assert_eq!(collected(text, None, json!({})), expected);
        }
    }

    #[test]
    fn conditions_leave_out_what_they_say() {
        let text = "query($a: Boolean!, $b: Boolean!) { \
             me { id name @include(if: $a) login @skip(if: $b) ... @include(if: $a) { mobile } ...F @skip(if: $b) } } \
             fragment F on Account { roles }";
        for (a, b, expected) in [
            (true, false, "me{id name login mobile roles}"),
            (false, false, "me{id login roles}"),
            (true, true, "me{id name mobile}"),
            (false, true, "me{id}"),
        ] {
            let variables = json!({ "a": a, "b": b });
            assert_eq!(collected(text, None, variables), expected);
        }
        // Of what is left out twice nothing is left, and it is an object still.
        for text in [
            "{ me { id @include(if: false) } }",
            "{ me { ... @skip(if: true) { id } } }",
        ] {
            assert_eq!(collected(text, None, json!({})), "me{ type}");
        }
        let text = "{ me @skip(if: true) { id } }";
        assert_eq!(collected(text, None, json!({})), " type");
    }

    #[test]
    fn what_stands_for_several_types_keeps_them_apart() {
        let text = "{ node(id: 1) { ...T ... on Node { id } ... on Ticket { timeline { at } } ... on Unit { name id } } } \
             fragment T on Ticket { ... on Node { id } timeline { step ...E } } fragment E on TimelineConnection { at }";
        let expected = "node(id:1){on Ticket{id timeline{step at}} on Unit{id name} id  type}";
        assert_eq!(collected(text, None, json!({})), expected);
        let text = "{ nodes(ids: []) { ... on Unit { name } } }";
        let expected = "nodes(ids:[]){on Unit{name}  type}";
        assert_eq!(collected(text, None, json!({})), expected);
    }

    #[test]
    fn what_is_asked_of_other_types_is_left_out() {
        for (text, expected) in [
            (
                "{ me { roles ... on Node { ... on Ticket { id } } } }",
                "me{roles}",
            ),
            (
                "{ departments { id ...F } } fragment F on Node { id ... on Ticket { number } ... on Department { name } }",
                "departments{id name}",
            ),
            (
                "{ me { ... on Node { ... on Ticket { title } } } }",
                "me{ type}",
            ),
        ] {
            assert_eq!(collected(text, None, json!({})), expected);
        }
    }

    #[test]
    fn variables_that_are_used_are_defined() {
        let text = "query($a: ID, $b: Int, $c: Boolean!) { \
             ticket(id: $a) @include(if: $c) { timeline(first: $b) @skip(if: true) { totalCount } } }";
        let document = parse_query(text).unwrap();
        let defined = |given: bool| {
            let variables = Variables::from_json(json!({ "c": given }));
            let collected = collect(&document, None, &variables).unwrap();
            let operation = chosen(&collected.document, None).unwrap();
            let names = operation.variable_definitions.iter();
            names
                .map(|one| one.node.name.node.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (defined(true), defined(false)),
            (vec!["a".to_owned()], vec![])
        );
    }

    #[test]
    fn of_several_operations_one_is_executed() {
        let text = "query A { me { id } } query B { departments { name } }";
        assert_eq!(collected(text, Some("B"), json!({})), "departments{name}");
        let document = parse_query(text).unwrap();
        assert!(collect(&document, None, &Variables::default()).is_none());
    }

    #[test]
    fn a_document_as_it_is_executed_is_left_alone() {
        let is = |text| is_collected(&parse_query(text).unwrap());
        assert!(is(
            "query($a: ID) { me { id name } x: me { id department { id } } }"
        ));
        for text in [
            "{ me { id id } }",
            "{ me { id x: name x: login } }",
            "{ me { id @include(if: true) } }",
            "{ me { ... { id } } }",
            "{ me { ...F } } fragment F on Account { id }",
            "query A { me { id } } query B { me { id } }",
        ] {
            assert!(!is(text), "{text}");
        }
    }
}
