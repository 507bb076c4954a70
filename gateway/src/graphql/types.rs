//! The types of the schema, as its text has them.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// What there is.
static TYPES: LazyLock<Types> = LazyLock::new(Types::read);

struct Types {
    input: HashMap<Name, Input>,
    composite: HashMap<Name, Composite>,
}

/// What a value that is sent may be.
pub enum Input {
    /// A scalar, by its name.
    Scalar,
    /// One of these words.
    Enum(HashSet<Name>),
    /// An object with these fields.
    Object(HashMap<Name, Place>),
}

/// Where a value may be given: an argument, or a field of an input object.
pub struct Place {
    /// What it has to be.
    pub ty: Type,
    /// Whether there is a value if none is given.
    pub has_default: bool,
}

impl Place {
    /// Whether a value must be given.
    pub fn is_required(&self) -> bool {
        !self.ty.nullable && !self.has_default
    }
}

/// A type that has fields.
struct Composite {
    fields: HashMap<Name, OfField>,
    /// Whether it stands for several types of objects.
    is_abstract: bool,
    /// The types that stand for it.
    implements: HashSet<Name>,
}

struct OfField {
    ty: Type,
    arguments: HashMap<Name, Place>,
}

fn places(definitions: Vec<Positioned<InputValueDefinition>>) -> HashMap<Name, Place> {
    let places = definitions.into_iter().map(|definition| {
        let InputValueDefinition {
            name,
            ty,
            default_value,
            ..
        } = definition.node;
        let place = Place {
            ty: ty.node,
            has_default: default_value.is_some(),
        };
        (name.node, place)
    });
    places.collect()
}

impl Composite {
    fn of(
        fields: Vec<Positioned<FieldDefinition>>,
        implements: Vec<Positioned<Name>>,
        is_abstract: bool,
    ) -> Self {
        let fields = fields.into_iter().map(|field| {
            let FieldDefinition {
                name,
                ty,
                arguments,
                ..
            } = field.node;
            let of = OfField {
                ty: ty.node,
                arguments: places(arguments),
            };
            (name.node, of)
        });
        Self {
            fields: fields.collect(),
            is_abstract,
            implements: implements.into_iter().map(|name| name.node).collect(),
        }
    }
}

impl Types {
    fn read() -> Self {
        let definitions = parse_schema(crate::sdl()).map(|document| document.definitions);
        let mut input = ["Boolean", "Float", "ID", "Int", "String"]
            .map(|name| (Name::new(name), Input::Scalar))
            .into_iter()
            .collect::<HashMap<_, _>>();
        let mut composite = HashMap::new();
        for definition in definitions.unwrap_or_default() {
            let TypeSystemDefinition::Type(of) = definition else {
                continue;
            };
            let name = of.node.name.node;
            match of.node.kind {
                TypeKind::Scalar => {
                    input.insert(name, Input::Scalar);
                }
                TypeKind::Enum(of) => {
                    let words = of.values.into_iter().map(|word| word.node.value.node);
                    input.insert(name, Input::Enum(words.collect()));
                }
                TypeKind::InputObject(of) => {
                    input.insert(name, Input::Object(places(of.fields)));
                }
                TypeKind::Object(of) => {
                    composite.insert(name, Composite::of(of.fields, of.implements, false));
                }
                TypeKind::Interface(of) => {
                    composite.insert(name, Composite::of(of.fields, of.implements, true));
                }
                TypeKind::Union(_) => {
                    composite.insert(name, Composite::of(Vec::new(), Vec::new(), true));
                }
            }
        }
        Self { input, composite }
    }
}

/// What a value of this type may be.
pub fn input(name: &Name) -> Option<&'static Input> {
    TYPES.input.get(name)
}

fn composite(name: &Name) -> Option<&'static Composite> {
    TYPES.composite.get(name)
}

/// Whether a type stands for several types of objects. None of those that describe the schema does.
pub fn is_abstract(name: &Name) -> bool {
    composite(name).is_some_and(|known| known.is_abstract)
}

/// Whether what is asked of a type is asked of an object.
pub fn applies(on: &Name, object: &Name) -> bool {
    on == object || composite(object).is_some_and(|known| known.implements.contains(on))
}

/// The type of a field; nothing is known of the types that describe the schema.
pub fn of_field(parent: &Name, field: &Name) -> Option<&'static Type> {
    Some(&composite(parent)?.fields.get(field)?.ty)
}

/// Where an argument of a field is given.
pub fn argument(parent: &Name, field: &Name, argument: &Name) -> Option<&'static Place> {
    let field = composite(parent)?.fields.get(field)?;
    field.arguments.get(argument)
}

/// The type without its lists.
pub fn named(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(&of.base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_known() {
        let name = Name::new;
        assert!(matches!(
            input(&name("InboxFilter")),
            Some(Input::Object(_))
        ));
        assert!(matches!(input(&name("InboxTab")), Some(Input::Enum(_))));
        assert!(matches!(input(&name("ID")), Some(Input::Scalar)));
        assert!(input(&name("Ticket")).is_none());
        let (query, node, ticket) = (name("Query"), name("Node"), name("Ticket"));
        assert!(is_abstract(&node) && !is_abstract(&query));
        assert!(applies(&node, &ticket) && applies(&ticket, &ticket));
        assert!(!applies(&name("Unit"), &ticket) && !applies(&node, &query));
        let of = |parent: &Name, field| of_field(parent, &name(field)).map(Type::to_string);
        assert_eq!(of(&query, "node").as_deref(), Some("Node"));
        assert_eq!(of(&query, "nodes").as_deref(), Some("[Node]!"));
        assert_eq!(of(&node, "id").as_deref(), Some("ID!"));
        assert_eq!(of(&query, "nothing"), None);
        let order = argument(&query, &name("inbox"), &name("orderBy")).unwrap();
        assert!(order.has_default && !order.ty.nullable && !order.is_required());
        assert!(
            argument(&query, &name("node"), &name("id"))
                .unwrap()
                .is_required()
        );
    }
}
