//! The types of the schema, as its text has them.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use async_graphql::{Name, Positioned};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// What there is.
static TYPES: LazyLock<Types> = LazyLock::new(Types::read);

struct Types {
    /// What a variable may be.
    input: HashSet<Name>,
    /// Objects and interfaces, with their fields.
    composite: HashMap<Name, Composite>,
}

/// A type that has fields.
pub struct Composite {
    fields: HashMap<Name, Type>,
    /// Whether it stands for several types of objects.
    is_abstract: bool,
}

impl Composite {
    fn of(fields: Vec<Positioned<FieldDefinition>>, is_abstract: bool) -> Self {
        let fields = fields.into_iter().map(|field| field.node);
        let fields = fields.map(|field| (field.name.node, field.ty.node));
        Self {
            fields: fields.collect(),
            is_abstract,
        }
    }
}

impl Types {
    fn read() -> Self {
        let definitions = parse_schema(crate::sdl()).map(|document| document.definitions);
        let mut input = ["Boolean", "Float", "ID", "Int", "String"]
            .map(Name::new)
            .into_iter()
            .collect::<HashSet<_>>();
        let mut composite = HashMap::new();
        for definition in definitions.unwrap_or_default() {
            let TypeSystemDefinition::Type(of) = definition else {
                continue;
            };
            let name = of.node.name.node;
            match of.node.kind {
                TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {
                    input.insert(name);
                }
                TypeKind::Object(object) => {
                    composite.insert(name, Composite::of(object.fields, false));
                }
                TypeKind::Interface(interface) => {
                    composite.insert(name, Composite::of(interface.fields, true));
                }
                TypeKind::Union(_) => {
                    composite.insert(name, Composite::of(Vec::new(), true));
                }
            }
        }
        Self { input, composite }
    }
}

/// Whether a variable may be of this type.
pub fn is_input(name: &Name) -> bool {
    TYPES.input.contains(name)
}

/// What is known of a type; nothing of those that describe the schema.
pub fn composite(name: &Name) -> Option<&'static Composite> {
    TYPES.composite.get(name)
}

/// Whether a type stands for several types of objects.
pub fn is_abstract(name: &Name) -> bool {
    composite(name).is_some_and(|known| known.is_abstract)
}

/// The type of a field.
pub fn of_field(parent: &Name, field: &Name) -> Option<&'static Type> {
    composite(parent)?.fields.get(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_known() {
        assert!(is_input(&Name::new("InboxFilter")) && is_input(&Name::new("ID")));
        assert!(!is_input(&Name::new("Ticket")));
        let (query, node) = (Name::new("Query"), Name::new("Node"));
        assert!(is_abstract(&node) && !is_abstract(&query));
        let of = |parent: &Name, field| of_field(parent, &Name::new(field)).map(Type::to_string);
        assert_eq!(of(&query, "node").as_deref(), Some("Node"));
        assert_eq!(of(&query, "nodes").as_deref(), Some("[Node]!"));
        assert_eq!(of(&node, "id").as_deref(), Some("ID!"));
        assert_eq!(of(&query, "nothing"), None);
    }
}
