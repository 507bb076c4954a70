//! The root of a subscription: one field, once its fragments are spread out. The library looks into no fragment there, and
//! would answer with nothing; so they are spread out before it sees the document. It must be within the limits already.
//!
//! What is wrong with a fragment is the library's to say: then the document is left as it is.

use crate::error::{Code, fault_because};
use crate::graphql::collected::are_alike;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition,
    OperationType, Selection, SelectionSet,
};
use async_graphql::{Error, Name, Positioned};
use std::collections::HashMap;

/// What a fragment at the root may be on.
const ROOT: &str = "Subscription";

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Gives each subscription of a document the one field at its root, or refuses it.
pub fn settle(document: &mut ExecutableDocument) -> Result<(), Error> {
    let fragments = &document.fragments;
    let mut spread = Vec::new();
    match &mut document.operations {
        DocumentOperations::Single(one) => settle_one(&mut one.node, fragments, &mut spread)?,
        DocumentOperations::Multiple(all) => {
            for one in all.values_mut() {
                settle_one(&mut one.node, fragments, &mut spread)?;
            }
        }
    }
    forget(document, spread);
    Ok(())
}

fn settle_one(
    operation: &mut OperationDefinition,
    fragments: &Fragments,
    spread: &mut Vec<Name>,
) -> Result<(), Error> {
    let set = &mut operation.selection_set.node;
    if operation.ty != OperationType::Subscription {
        return Ok(());
    }
    let mut collected = Collected {
        fragments,
        fields: Vec::new(),
        spread: Vec::new(),
    };
    if !collected.collect(set)? {
        return Ok(());
    }
    let Collected {
        fields,
        spread: of_this,
        ..
    } = collected;
    let one = merged(fields)?;
    set.items = vec![Positioned::new(Selection::Field(one.clone()), one.pos)];
    spread.extend(of_this);
    Ok(())
}

/// What is at a root.
struct Collected<'d> {
    fragments: &'d Fragments,
    fields: Vec<Positioned<Field>>,
    /// Fragments spread there.
    spread: Vec<Name>,
}

impl Collected<'_> {
    /// Whether everything could be spread out. Fragments that spread themselves were refused before.
    fn collect(&mut self, set: &SelectionSet) -> Result<bool, Error> {
        for item in &set.items {
            let (directives, on, inner) = match &item.node {
                Selection::Field(field) => {
                    if !field.node.directives.is_empty() {
                        return Err(not_one());
                    }
                    self.fields.push(field.clone());
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref();
                    (&fragment.directives, on, &fragment.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.fragments.get(name) else {
                        return Ok(false);
                    };
                    self.spread.push(name.clone());
                    let fragment = &fragment.node;
                    if !fragment.directives.is_empty() {
                        return Err(not_one());
                    }
                    let on = Some(&fragment.type_condition);
                    (&spread.node.directives, on, &fragment.selection_set)
                }
            };
            if !directives.is_empty() {
                return Err(not_one());
            }
            if on.is_some_and(|on| on.node.on.node != ROOT) || !self.collect(&inner.node)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// One field of all that have one name in the answer.
fn merged(fields: Vec<Positioned<Field>>) -> Result<Positioned<Field>, Error> {
    let mut fields = fields.into_iter();
    let mut one = fields.next().ok_or_else(not_one)?;
    for other in fields {
        let (known, other) = (&mut one.node, other.node);
        let alike = known.response_key().node == other.response_key().node
            && known.name.node == other.name.node
            && are_alike(known, &other);
        if !alike {
            return Err(not_one());
        }
        let more = other.selection_set.node.items;
        known.selection_set.node.items.extend(more);
    }
    Ok(one)
}

/// Takes out those of some fragments that are spread nowhere: they would be said to be unused.
pub fn forget(document: &mut ExecutableDocument, mut spread: Vec<Name>) {
    loop {
        let operations = document.operations.iter();
        let sets = operations.map(|(_, operation)| &operation.node.selection_set.node);
        let fragments = document.fragments.values();
        let sets = sets.chain(fragments.map(|fragment| &fragment.node.selection_set.node));
        let mut used = Vec::new();
        for set in sets {
            spreads(set, &mut used);
        }
        let before = spread.len();
        let gone: Vec<Name> = spread.extract_if(.., |name| !used.contains(name)).collect();
        for name in &gone {
            document.fragments.remove(name);
        }
        if spread.len() == before {
            return;
        }
    }
}

/// The fragments that a set spreads, at any depth.
fn spreads(set: &SelectionSet, used: &mut Vec<Name>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => spreads(&field.node.selection_set.node, used),
            Selection::InlineFragment(inline) => spreads(&inline.node.selection_set.node, used),
            Selection::FragmentSpread(spread) => used.push(spread.node.fragment_name.node.clone()),
        }
    }
}

fn not_one() -> Error {
    fault_because(
        Code::BadRequest,
        (
            "订阅只能有一个根字段，且不带条件",
            "a subscription has one field at its root, under no condition",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    /// What is at the root of the one subscription then, and which fragments are left.
    fn settled(text: &str) -> Result<(Vec<String>, Vec<String>), Error> {
        let mut document = parse_query(text).unwrap();
        settle(&mut document)?;
        let (_, operation) = document.operations.iter().next().unwrap();
        let items = &operation.node.selection_set.node.items;
        let root = items.iter().map(|item| match &item.node {
            Selection::Field(field) => {
                let inner = field.node.selection_set.node.items.len();
                format!("{}:{inner}", field.node.name.node)
            }
            Selection::InlineFragment(_) | Selection::FragmentSpread(_) => "fragment".to_owned(),
        });
        let mut left: Vec<_> = document.fragments.keys().map(ToString::to_string).collect();
        left.sort();
        Ok((root.collect(), left))
    }

    #[test]
    fn one_field_is_left_of_fragments() {
        let on = "on Subscription";
        for (text, root, left) in [
            ("subscription { a { b } }".to_owned(), "a:1", vec![]),
            ("subscription { ... { a { b } } }".into(), "a:1", vec![]),
            (
                format!("subscription {{ ... {on} {{ a {{ b }} }} }}"),
                "a:1",
                vec![],
            ),
            (
                format!(
                    "subscription {{ ...F }} fragment F {on} {{ ...G }} fragment G {on} {{ a {{ b }} }}"
                ),
                "a:1",
                vec![],
            ),
            (
                format!("subscription {{ ...F ...F a {{ c }} }} fragment F {on} {{ a {{ b }} }}"),
                "a:3",
                vec![],
            ),
            // Used elsewhere, or never: left.
            (
                format!(
                    "subscription {{ ...F }} fragment F {on} {{ a {{ ...B }} }} fragment B on T {{ b }} fragment C on T {{ b }}"
                ),
                "a:1",
                vec!["B", "C"],
            ),
            // The library's to refuse.
            (
                "subscription { ... on Query { a } }".into(),
                "fragment",
                vec![],
            ),
            ("subscription { ...Nothing }".into(), "fragment", vec![]),
        ] {
            let (found, kept) = settled(&text).unwrap();
            assert_eq!(
                (found, kept),
                (
                    vec![root.to_owned()],
                    left.iter().map(ToString::to_string).collect()
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn two_fields_and_conditions_are_refused() {
        for text in [
            "subscription { a b }",
            "subscription { a: a(id: 1) a: a(id: 2) }",
            "subscription { a: b a: c }",
            "subscription { a ... { b } }",
            "subscription { a @skip(if: false) }",
            "subscription { ... @include(if: true) { a } }",
            "subscription { ...F @skip(if: false) } fragment F on Subscription { a }",
            "subscription { ...F } fragment F on Subscription { a @skip(if: false) }",
        ] {
            assert!(settled(text).is_err(), "{text}");
        }
        assert!(settled("{ a b ...F } fragment F on Query { c }").is_ok());
    }
}
