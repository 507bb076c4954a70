//! What the specification demands of a document, and the library does not look at, or not as it says. The library's own
//! validation comes first: names are those of the schema, fragments are there, and none spreads itself.
//!
//! * Fields that are told under one name are one field, or those of objects of other types that look alike (Field Selection
//!   Merging). The library looks into each fragment apart.
//! * A variable is used where its type may be (All Variable Usages Are Allowed). To the library, one that may be null is not
//!   allowed where there is a default, and a list is where one of its items may be.
//! * `__typename` has no arguments and nothing within it. The library does not look at it at all, nor at what uses a variable
//!   beside it.

use super::collected::{are_alike, root_type};
use super::types::{Input, Place, argument, input, is_abstract, named, of_field};
use crate::error::{Code, fault_because, nowhere};
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, InlineFragment,
    OperationDefinition, Selection, SelectionSet, Type, VariableDefinition,
};
use async_graphql::{Name, Pos, Positioned, ServerError};
use async_graphql_value::{ConstValue, Value};
use std::collections::HashSet;
use std::ptr;
use std::sync::LazyLock;

const TYPENAME: &str = "__typename";

/// Says what is wrong with a document that the library has found nothing wrong with.
pub fn check(document: &ExecutableDocument) -> Result<(), ServerError> {
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let root = root_type(operation.ty);
        let mut usage = Usage {
            document,
            definitions: &operation.variable_definitions,
            seen: HashSet::new(),
        };
        usage.of_set(&root, &operation.selection_set.node)?;
        let merging = Merging { document };
        merging.check(
            &[(&root, &operation.selection_set.node)],
            Together::OfOneObject,
        )?;
    }
    Ok(())
}

/// A document as the library can validate it, with all that it has to look at.
pub fn for_library(document: &ExecutableDocument) -> ExecutableDocument {
    let mut document = document.clone();
    match &mut document.operations {
        DocumentOperations::Single(one) => of_operation_for_library(&mut one.node),
        DocumentOperations::Multiple(all) => {
            let operations = all.values_mut();
            operations.for_each(|one| of_operation_for_library(&mut one.node));
        }
    }
    for fragment in document.fragments.values_mut() {
        of_set_for_library(&mut fragment.node.selection_set.node);
    }
    document
}

fn of_operation_for_library(operation: &mut OperationDefinition) {
    for definition in &mut operation.variable_definitions {
        let VariableDefinition {
            var_type,
            default_value,
            ..
        } = &mut definition.node;
        // Then it may be where null may not: whether it may is said here.
        if var_type.node.nullable && default_value.is_none() {
            *default_value = Some(Positioned::new(ConstValue::Null, definition.pos));
        }
    }
    of_set_for_library(&mut operation.selection_set.node);
}

fn of_set_for_library(set: &mut SelectionSet) {
    for item in &mut set.items {
        match &mut item.node {
            Selection::Field(field) => {
                let field = &mut field.node;
                if field.name.node == TYPENAME && !field.directives.is_empty() {
                    let directives = std::mem::take(&mut field.directives);
                    let within = Positioned::new(item.node.clone(), item.pos);
                    item.node = Selection::InlineFragment(Positioned::new(
                        InlineFragment {
                            type_condition: None,
                            directives,
                            selection_set: Positioned::new(
                                SelectionSet {
                                    items: vec![within],
                                },
                                item.pos,
                            ),
                        },
                        item.pos,
                    ));
                } else {
                    of_set_for_library(&mut field.selection_set.node);
                }
            }
            Selection::InlineFragment(inline) => {
                of_set_for_library(&mut inline.node.selection_set.node);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn refused(at: Pos, detail: (String, String)) -> ServerError {
    let mut error = nowhere(fault_because(Code::BadRequest, detail));
    error.locations.push(at);
    error
}

/// Where variables are used in an operation.
struct Usage<'d> {
    document: &'d ExecutableDocument,
    definitions: &'d [Positioned<VariableDefinition>],
    /// Fragments that were looked at.
    seen: HashSet<&'d Name>,
}

impl<'d> Usage<'d> {
    fn of_set(&mut self, parent: &Name, set: &'d SelectionSet) -> Result<(), ServerError> {
        for item in &set.items {
            self.of_directives(item.node.directives())?;
            match &item.node {
                Selection::Field(field) => self.of_field(parent, field)?,
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let on = on.map_or(parent, |condition| &condition.node.on.node);
                    self.of_set(on, &inline.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.seen.insert(name)
                    {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.of_set(on, &fragment.node.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn of_field(&mut self, parent: &Name, at: &'d Positioned<Field>) -> Result<(), ServerError> {
        let field = &at.node;
        let inner = &field.selection_set.node;
        if field.name.node == TYPENAME {
            if field.arguments.is_empty() && inner.items.is_empty() {
                return Ok(());
            }
            let detail = (
                "__typename 没有参数，也没有子字段".to_owned(),
                "__typename has no arguments, and no fields".to_owned(),
            );
            return Err(refused(at.pos, detail));
        }
        for (name, value) in &field.arguments {
            if let Some(place) = argument(parent, &field.name.node, &name.node) {
                self.of_value(&value.node, value.pos, &place.ty, place.has_default)?;
            }
        }
        match of_field(parent, &field.name.node) {
            Some(ty) => self.of_set(named(&ty.base), inner),
            // Of those that describe the schema the library knows all.
            None => Ok(()),
        }
    }

    fn of_directives(&self, directives: &[Positioned<Directive>]) -> Result<(), ServerError> {
        let condition = Type {
            base: BaseType::Named(Name::new("Boolean")),
            nullable: false,
        };
        for directive in directives {
            if let Some(value) = directive.node.get_argument("if") {
                self.of_value(&value.node, value.pos, &condition, false)?;
            }
        }
        Ok(())
    }

    fn of_value(
        &self,
        value: &Value,
        at: Pos,
        ty: &Type,
        has_default: bool,
    ) -> Result<(), ServerError> {
        match (value, &ty.base) {
            (Value::Variable(name), _) => {
                let mut all = self.definitions.iter();
                let found = all.find(|found| found.node.name.node == *name);
                match found {
                    Some(found) if !is_allowed(&found.node, ty, has_default) => {
                        let is = &found.node.var_type.node;
                        let detail = (
                            format!("变量 ${name} 的类型为“{is}”，不能用在需要“{ty}”的地方"),
                            format!(
                                "the variable ${name} is of type {is}, and used where {ty} has to be"
                            ),
                        );
                        Err(refused(at, detail))
                    }
                    _ => Ok(()),
                }
            }
            (Value::List(items), BaseType::List(of)) => {
                let mut items = items.iter();
                items.try_for_each(|item| self.of_value(item, at, of, false))
            }
            (Value::Object(given), base) => {
                let Some(Input::Object(places)) = input(named(base)) else {
                    return Ok(());
                };
                let mut placed = given.iter().filter_map(|(name, value)| {
                    let place: &Place = places.get(name)?;
                    Some((value, place))
                });
                placed.try_for_each(|(value, place)| {
                    self.of_value(value, at, &place.ty, place.has_default)
                })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a variable may be used where a type has to be (the specification's `IsVariableUsageAllowed`).
fn is_allowed(definition: &VariableDefinition, ty: &Type, has_default: bool) -> bool {
    fn fits(is: &Type, wanted: &Type) -> bool {
        (wanted.nullable || !is.nullable)
            && match (&is.base, &wanted.base) {
                (BaseType::Named(is), BaseType::Named(wanted)) => is == wanted,
                (BaseType::List(is), BaseType::List(wanted)) => fits(is, wanted),
                _ => false,
            }
    }
    let is = &definition.var_type.node;
    let default = definition.default_value.as_ref();
    let is_never_null = default.is_some_and(|default| default.node != ConstValue::Null);
    if is.nullable && (is_never_null || has_default) {
        let nullable = Type {
            base: ty.base.clone(),
            nullable: true,
        };
        return fits(is, &nullable);
    }
    fits(is, ty)
}

/// Whether fields that are told under one name may be.
struct Merging<'d> {
    document: &'d ExecutableDocument,
}

/// Whose fields are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    /// Those that one object may have.
    OfOneObject,
    /// Those of objects that are told in one place.
    InOnePlace,
}

/// A field, and of what type.
type Met<'d> = (&'d Name, &'d Positioned<Field>);

impl<'d> Merging<'d> {
    fn check(
        &self,
        sets: &[(&'d Name, &'d SelectionSet)],
        together: Together,
    ) -> Result<(), ServerError> {
        let mut seen = HashSet::new();
        let mut fields: IndexMap<&Name, Vec<Met<'d>>> = IndexMap::new();
        for (parent, set) in sets {
            self.gather(parent, set, &mut seen, &mut fields);
        }
        for (name, met) in &fields {
            look_alike(name, met)?;
            if together == Together::InOnePlace {
                self.check(&inner(met), together)?;
                continue;
            }
            let mut types: Vec<&Name> = met.iter().map(|(parent, _)| *parent).collect();
            types.retain(|parent| !is_abstract(parent));
            types.sort_unstable();
            types.dedup();
            if types.len() < 2 {
                are_one(name, met)?;
                self.check(&inner(met), together)?;
                continue;
            }
            for of in types {
                let may = |(parent, _): &&Met<'d>| *parent == of || is_abstract(parent);
                let of_one: Vec<Met<'d>> = met.iter().filter(may).copied().collect();
                are_one(name, &of_one)?;
                self.check(&inner(&of_one), together)?;
            }
            self.check(&inner(met), Together::InOnePlace)?;
        }
        Ok(())
    }

    fn gather(
        &self,
        parent: &'d Name,
        set: &'d SelectionSet,
        seen: &mut HashSet<&'d Name>,
        fields: &mut IndexMap<&'d Name, Vec<Met<'d>>>,
    ) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    fields.entry(key).or_default().push((parent, field));
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let on = on.map_or(parent, |condition| &condition.node.on.node);
                    self.gather(on, &inline.node.selection_set.node, seen, fields);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && seen.insert(name)
                    {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.gather(on, &fragment.node.selection_set.node, seen, fields);
                    }
                }
            }
        }
    }
}

/// The type of a field; of `__typename`, too.
fn type_of((parent, field): Met<'_>) -> Option<&'static Type> {
    static OF_TYPENAME: LazyLock<Type> = LazyLock::new(|| Type {
        base: BaseType::Named(Name::new("String")),
        nullable: false,
    });
    if field.node.name.node == TYPENAME {
        return Some(&OF_TYPENAME);
    }
    of_field(parent, &field.node.name.node)
}

/// What is asked of what some fields are.
fn inner<'d>(met: &[Met<'d>]) -> Vec<(&'d Name, &'d SelectionSet)> {
    let inner = met.iter().filter_map(|&(parent, field)| {
        let set = &field.node.selection_set.node;
        // Within what describes the schema there are no types that stand for others: any name does.
        let of = of_field(parent, &field.node.name.node);
        let of = of.map_or(parent, |ty| named(&ty.base));
        (!set.items.is_empty()).then_some((of, set))
    });
    inner.collect()
}

fn look_alike(name: &Name, met: &[Met<'_>]) -> Result<(), ServerError> {
    fn alike(one: &Type, other: &Type) -> bool {
        one.nullable == other.nullable
            && match (&one.base, &other.base) {
                (BaseType::List(one), BaseType::List(other)) => alike(one, other),
                (BaseType::Named(one), BaseType::Named(other)) => {
                    one == other || (input(one).is_none() && input(other).is_none())
                }
                _ => false,
            }
    }
    let first = met.first().copied();
    let Some(one) = first.and_then(type_of) else {
        return Ok(());
    };
    let other = |met: &&Met<'_>| type_of(**met).is_some_and(|other| !alike(one, other));
    match met.iter().find(other) {
        Some((_, field)) => Err(conflict(name, field.pos)),
        None => Ok(()),
    }
}

fn are_one(name: &Name, met: &[Met<'_>]) -> Result<(), ServerError> {
    let Some(((_, one), others)) = met.split_first() else {
        return Ok(());
    };
    let is_other = |(_, other): &&Met<'_>| {
        let is_one =
            one.node.name.node == other.node.name.node && are_alike(&one.node, &other.node);
        !is_one && !ptr::eq(*one, *other)
    };
    match others.iter().find(is_other) {
        Some((_, field)) => Err(conflict(name, field.pos)),
        None => Ok(()),
    }
}

fn conflict(name: &Name, at: Pos) -> ServerError {
    let detail = (
        format!("多个不同的字段都以 {name} 为名，请用别名区分"),
        format!("several fields that are not the same are told as {name}: give them aliases"),
    );
    refused(at, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn is_sound(text: &str) -> bool {
        check(&parse_query(text).unwrap()).is_ok()
    }

    #[test]
    fn fields_of_one_name_are_one_field() {
        for text in [
            "{ me { id } me { name } x: me { id } }",
            "{ inbox(tab: DONE, first: 1) { totalCount } inbox(first: 1, tab: DONE) { counts { count } } }",
            // Of other types they may be others, as long as they look alike.
            "{ node(id: 1) { ... on Ticket { x: number } ... on Unit { x: name } } }",
            "{ node(id: 1) { ... on Unit { x: department { id } } ... on Unit { x: department { name } } } }",
            "{ __schema { types { name } types { kind name } } }",
            "{ ...F ...F } fragment F on Query { me { ...G ...G } } fragment G on Account { id }",
        ] {
            assert!(is_sound(text), "{text}");
        }
        for text in [
            "{ x: me { id } x: departments { id } }",
            "{ inbox(tab: DONE, first: 1) { totalCount } inbox(tab: DONE) { totalCount } }",
            "{ me { x: login } ...F } fragment F on Query { me { x: name } }",
            "{ me { x: id } ...F @skip(if: true) } fragment F on Query { me { x: name @include(if: false) } }",
            "{ node(id: 1) { id: __typename ... on Ticket { id } } }",
            "{ node(id: 1) { ... on Ticket { id: title } id } }",
            "{ node(id: 1) { x: id ... on Ticket { x: accusedDepartment { name } } } }",
            // They do not look alike.
            "{ nodes(ids: 1) { ... on Account { x: mobile } ... on Ticket { x: timeline { totalCount } } } }",
            "{ nodes(ids: 1) { ... on Unit { x: __typename } ... on Ticket { x: body } } }",
            "{ nodes(ids: 1) { ... on Unit { x: department { y: id } } ... on Ticket { x: accusedDepartment { y: region } } } }",
            "query A { me { id } } query B { me { id id: name } }",
        ] {
            assert!(!is_sound(text), "{text}");
        }
    }

    #[test]
    fn variables_are_used_where_they_may_be() {
        for text in [
            "query($x: InboxOrder) { inbox(tab: DONE, orderBy: $x) { totalCount } }",
            "query($x: Int!) { inbox(tab: DONE, first: $x) { totalCount } }",
            "query($x: InboxTab = DONE) { inbox(tab: $x) { totalCount } }",
            "query($x: Boolean) { inbox(tab: DONE, filter: { mine: $x }) { totalCount } }",
            "query($x: ID!) { nodes(ids: [$x]) { id } }",
            "query($x: [ID!]!) { nodes(ids: $x) { id } }",
            "query($x: Boolean!) { me { id @skip(if: $x) } ...F } fragment F on Query { me { id @skip(if: $x) } }",
        ] {
            assert!(is_sound(text), "{text}");
        }
        for text in [
            "query($x: InboxTab) { inbox(tab: $x) { totalCount } }",
            "query($x: InboxTab = null) { inbox(tab: $x) { totalCount } }",
            "query($x: [Int]) { inbox(tab: DONE, first: $x) { totalCount } }",
            "query($x: Boolean) { inbox(tab: DONE, first: $x) { totalCount } }",
            "query($x: ID) { nodes(ids: [$x]) { id } }",
            "query($x: ID!) { nodes(ids: $x) { id } }",
            "query($x: String) { inbox(tab: DONE, filter: { mine: $x }) { totalCount } }",
            "query($x: Boolean) { me { id @skip(if: $x) } }",
            "query($x: Int) { ...F } fragment F on Query { inbox(tab: DONE, after: $x) { totalCount } }",
        ] {
            assert!(!is_sound(text), "{text}");
        }
    }

    #[test]
    fn the_name_of_a_type_is_asked_for_alone() {
        assert!(is_sound("{ __typename me { x: __typename } }"));
        assert!(!is_sound("{ me { __typename(x: 1) } }"));
        assert!(!is_sound("{ me { __typename { x } } }"));
        // The library is shown what uses a variable beside it.
        let document = parse_query("query($x: Boolean!) { me { __typename @skip(if: $x) id } }");
        let shown = for_library(&document.unwrap());
        let (_, operation) = shown.operations.iter().next().unwrap();
        let Selection::Field(me) = &operation.node.selection_set.node.items[0].node else {
            panic!("a field");
        };
        let first = &me.node.selection_set.node.items[0].node;
        assert!(
            matches!(first, Selection::InlineFragment(inline) if inline.node.directives.len() == 1)
        );
    }
}
