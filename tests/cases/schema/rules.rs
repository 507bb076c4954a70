//! Rules over the whole schema, as it is committed.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};
use std::collections::{BTreeMap, BTreeSet};

/// Mutations that take no `expectedRevision`, and why.
const UNGUARDED: &[(&str, &str)] = &[
    ("receiveTicket", "there is no ticket yet"),
    ("createAccount", "there is no account yet"),
    ("createAccounts", "there are no accounts yet"),
    ("createAccountsFromCsv", "there are no accounts yet"),
    ("publishNotice", "there is no notice yet"),
    ("addPhrase", "there is no text yet"),
    ("addDepartment", "there is no department yet"),
    ("addUnit", "there is no unit yet"),
    ("login", "it changes no history"),
    ("logout", "it changes no history"),
    ("refreshSession", "it changes no history"),
    (
        "recoverPassword",
        "whoever has forgotten their password has seen no revision",
    ),
];

/// Mutations that write nothing to the log, so that there is no position.
const NO_EVENT: &[&str] = &["login", "logout", "refreshSession", "requestUpload"];

fn types() -> BTreeMap<String, TypeDefinition> {
    let document = parse_schema(docket_gateway::sdl()).unwrap();
    let types = document
        .definitions
        .into_iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(of) => Some((of.node.name.node.to_string(), of.node)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
    types.collect()
}

fn fields(of: &TypeDefinition) -> &[Positioned<FieldDefinition>] {
    match &of.kind {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        _ => &[],
    }
}

fn inputs(of: &TypeDefinition) -> &[Positioned<InputValueDefinition>] {
    match &of.kind {
        TypeKind::InputObject(input) => &input.fields,
        _ => &[],
    }
}

fn says_something(description: Option<&Positioned<String>>) -> bool {
    description.is_some_and(|text| text.node.chars().filter(char::is_ascii_alphabetic).count() > 2)
}

fn has(input: &TypeDefinition, field: &str) -> bool {
    inputs(input)
        .iter()
        .any(|given| given.node.name.node == field)
}

/// Everything that a client reads about is described, in English.
#[test]
fn everything_is_described() {
    let mut silent = BTreeSet::new();
    for (name, of) in types() {
        let mut look = |place: String, description: Option<&Positioned<String>>| {
            if !says_something(description) {
                silent.insert(place);
            }
        };
        look(name.clone(), of.description.as_ref());
        for field in fields(&of) {
            let place = format!("{name}.{}", field.node.name.node);
            look(place.clone(), field.node.description.as_ref());
            for argument in &field.node.arguments {
                let argument = &argument.node;
                let place = format!("{place}({})", argument.name.node);
                look(place, argument.description.as_ref());
            }
        }
        for field in inputs(&of) {
            let place = format!("{name}.{}", field.node.name.node);
            look(place, field.node.description.as_ref());
        }
        if let TypeKind::Enum(words) = &of.kind {
            for word in &words.values {
                let place = format!("{name}.{}", word.node.value.node);
                // The Chinese term alone is what some words are: it says more than any English.
                let said = word
                    .node
                    .description
                    .as_ref()
                    .is_some_and(|d| !d.node.trim().is_empty());
                if !said {
                    silent.insert(place);
                }
            }
        }
    }
    assert_eq!(silent, BTreeSet::new());
}

/// Every custom scalar names what it is written like.
#[test]
fn every_scalar_has_a_specification() {
    let mut seen = 0;
    for (name, of) in types() {
        if !matches!(of.kind, TypeKind::Scalar) {
            continue;
        }
        seen += 1;
        let specified = of
            .directives
            .iter()
            .find(|d| d.node.name.node == "specifiedBy");
        let url = specified
            .and_then(|d| d.node.get_argument("url"))
            .map(|url| url.node.to_string());
        let url = url.unwrap_or_default();
        assert!(url.starts_with("\"http"), "{name}: {url}");
    }
    assert_eq!(seen, 4);
}

/// Whatever has a global id is a node, and nothing else is.
#[test]
fn whatever_has_a_global_id_is_a_node() {
    for (name, of) in types() {
        let TypeKind::Object(object) = &of.kind else {
            continue;
        };
        let id = fields(&of)
            .iter()
            .find(|field| field.node.name.node == "id");
        let global = id.is_some_and(|id| id.node.ty.node.to_string() == "ID!");
        let node = object.implements.iter().any(|of| of.node == "Node");
        // What one is told of one's own account on the way in, before anything may be asked.
        assert_eq!(global && name != "LoggedIn", node, "{name}");
    }
}

/// Every list with pages has the same shape, and is asked for in the same way.
#[test]
fn every_connection_has_the_same_shape() {
    let types = types();
    let is_page = |ty: &str| ty.trim_end_matches('!').ends_with("Connection");
    let mut seen = 0;
    for (name, of) in &types {
        for field in fields(of).iter().map(|field| &field.node) {
            let ty = field.ty.node.to_string();
            if !is_page(&ty) {
                continue;
            }
            seen += 1;
            let given: Vec<&Name> = field.arguments.iter().map(|a| &a.node.name.node).collect();
            for argument in ["first", "after", "last", "before"] {
                assert!(
                    given.iter().any(|g| **g == argument),
                    "{name}.{}: {argument}",
                    field.name.node
                );
            }
            let connection = &types[ty.trim_end_matches('!')];
            let named: BTreeMap<_, _> = fields(connection)
                .iter()
                .map(|f| (f.node.name.node.to_string(), f.node.ty.node.to_string()))
                .collect();
            assert_eq!(named["pageInfo"], "PageInfo!", "{ty}");
            let edge = named["edges"].trim_matches(['[', ']', '!']).to_owned();
            let node = named["nodes"].trim_matches(['[', ']', '!']).to_owned();
            let edge: BTreeMap<_, _> = fields(&types[&edge])
                .iter()
                .map(|f| (f.node.name.node.to_string(), f.node.ty.node.to_string()))
                .collect();
            let expected = [
                ("cursor", "String!".to_owned()),
                ("node", format!("{node}!")),
            ];
            let expected = expected.map(|(name, ty)| (name.to_owned(), ty));
            assert_eq!(edge, BTreeMap::from(expected), "{ty}");
        }
    }
    let lists = [
        "inbox",
        "timeline",
        "notices",
        "exclusions",
        "events",
        "securityLog",
        "staff",
    ];
    assert_eq!(seen, lists.len(), "{lists:?}");
}

/// Whatever goes away says what to ask for instead.
#[test]
fn every_deprecation_has_a_reason() {
    let sdl = docket_gateway::sdl();
    let defined = sdl.matches("directive @deprecated").count();
    let deprecated = sdl.matches("@deprecated").count() - defined;
    assert_eq!(sdl.matches("@deprecated(reason: \"").count(), deprecated);
}

/// Every mutation can be sent again; it is guarded against colleagues, and tells its position, or there is a reason why not.
#[test]
fn every_mutation_can_be_retried_and_guarded() {
    let types = types();
    let (mut unguarded, mut without_position) = (BTreeSet::new(), BTreeSet::new());
    for mutation in fields(&types["Mutation"]) {
        let mutation = &mutation.node;
        let name = mutation.name.node.to_string();
        let input = mutation
            .arguments
            .first()
            .map(|input| input.node.ty.node.to_string());
        let input = input.and_then(|input| types.get(input.trim_end_matches('!')));
        let item = input.and_then(|input| {
            let items = inputs(input)
                .iter()
                .find(|field| field.node.name.node == "items")?;
            types.get(items.node.ty.node.to_string().trim_matches(['[', ']', '!']))
        });
        let given = |field| [input, item].into_iter().flatten().any(|of| has(of, field));
        if let Some(item) = item {
            assert!(
                has(item, "commandId") && has(item, "expectedRevision"),
                "{name}"
            );
        }
        assert!(given("commandId"), "{name}");
        let payload = mutation.ty.node.to_string();
        let told = fields(&types[payload.trim_end_matches('!')]);
        if !told.iter().any(|field| field.node.name.node == "position") {
            without_position.insert(name.clone());
        }
        if !given("expectedRevision") {
            unguarded.insert(name);
        }
    }
    let expected = UNGUARDED.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(unguarded, expected.collect());
    let expected = NO_EVENT.iter().map(|name| (*name).to_owned());
    assert_eq!(without_position, expected.collect());
}

/// Whatever is read from views can wait for one's own write.
#[test]
fn every_query_of_views_waits_for_a_position() {
    // Read from the ops store, from memory, or from the end of the log, which are never behind; and `node`, whose form is
    // Relay's: `nodes` waits.
    let never_behind = [
        "captcha",
        "node",
        "progress",
        "recoveryQuestion",
        "recoveryQuestions",
        "securityLog",
    ];
    let types = types();
    let mut without = BTreeSet::new();
    for query in fields(&types["Query"]) {
        let mut arguments = query.node.arguments.iter();
        if !arguments.any(|argument| argument.node.name.node == "minPosition") {
            without.insert(query.node.name.node.to_string());
        }
    }
    assert_eq!(without, never_behind.map(str::to_owned).into());
}
