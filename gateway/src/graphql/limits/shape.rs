//! What a document may be like, counted with its fragments spread out *before* anything else walks it: a few hundred
//! bytes of fragments that spread each other twice would otherwise keep a validator busy for hours. And what may be sent
//! with it.

use super::TOO_DEEP;
use crate::error::{Code, fault, fault_because, nowhere};
use crate::settings::Shape;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
    VariableDefinition,
};
use async_graphql::{Error, Name, Positioned, ServerError, Value, Variables};
use async_graphql_value::Value as Given;
use std::collections::HashMap;

/// How many selections may stand within one another, fragments spread out: whoever walks them recurses.
pub const WITHIN_MAX: usize = 200;
/// Names of arguments that ask for so many rows.
const PAGES: [&str; 2] = ["first", "last"];
/// Fields that ask for the schema.
const INTROSPECTION: [&str; 2] = ["__schema", "__type"];

/// What lists are made of.
const LIST: (&str, &str) = ("个列表元素", "elements of a list");

pub(super) fn over(most: usize, (zh, en): (&str, &str)) -> Error {
    let detail = (format!("至多{most}{zh}"), format!("at most {most} {en}"));
    fault_because(Code::TooLarge, detail)
}

/// Refuses a document that is too large once its fragments are spread out. Gives the variables that ask for so many rows.
pub fn check(document: &ExecutableDocument, shape: &Shape) -> Result<Vec<Name>, Error> {
    if document.fragments.len() > shape.fragments {
        return Err(over(shape.fragments, ("个片段", "fragments")));
    }
    let mut walk = Walk {
        document,
        shape,
        known: HashMap::new(),
        pages: Vec::new(),
        within: 0,
    };
    let mut whole = Counted::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let set = &operation.selection_set.node;
        let counted = walk.set(set)?;
        if counted.here > shape.root_fields as u64 {
            return Err(over(shape.root_fields, ("个根字段", "fields at the root")));
        }
        whole.add(counted);
        walk.directives(&operation.directives, &mut whole)?;
        for definition in &operation.variable_definitions {
            walk.variable(&definition.node, &mut whole)?;
        }
    }
    for (count, most, what) in [
        (
            whole.selections,
            shape.selections,
            ("个字段（片段展开后）", "fields, fragments spread out"),
        ),
        (whole.aliases, shape.aliases, ("个别名", "aliases")),
        (whole.directives, shape.directives, ("个指令", "directives")),
    ] {
        if count > most as u64 {
            return Err(over(most, what));
        }
    }
    Ok(walk.pages)
}

/// Refuses what is sent with a document: lists too long or too deep.
pub fn check_variables(variables: &Variables, shape: &Shape) -> Result<(), Error> {
    let mut values = variables.values();
    values.try_for_each(|value| check_value(value, shape, shape.input_depth))
}

/// Refuses pages too large that an operation asks for by variables. Its fragments are spread out.
pub fn check_pages(
    operation: &OperationDefinition,
    variables: &Variables,
    shape: &Shape,
) -> Result<(), ServerError> {
    check_pages_of(&operation.selection_set.node, variables, shape).map_err(nowhere)
}

fn check_pages_of(set: &SelectionSet, variables: &Variables, shape: &Shape) -> Result<(), Error> {
    set.items.iter().try_for_each(|item| match &item.node {
        Selection::Field(field) => {
            for (name, value) in &field.node.arguments {
                if PAGES.contains(&name.node.as_str())
                    && let Given::Variable(name) = &value.node
                    && let Some(Value::Number(rows)) = variables.get(name)
                {
                    check_page(rows, shape)?;
                }
            }
            check_pages_of(&field.node.selection_set.node, variables, shape)
        }
        Selection::InlineFragment(inline) => {
            check_pages_of(&inline.node.selection_set.node, variables, shape)
        }
        Selection::FragmentSpread(_) => Ok(()),
    })
}

fn check_value(value: &Value, shape: &Shape, depth_left: usize) -> Result<(), Error> {
    match value {
        Value::List(_) | Value::Object(_) if depth_left == 0 => {
            Err(fault_because(Code::TooLarge, TOO_DEEP))
        }
        Value::List(items) => {
            if items.len() > shape.list_items {
                return Err(over(shape.list_items, LIST));
            }
            items
                .iter()
                .try_for_each(|item| check_value(item, shape, depth_left - 1))
        }
        Value::Object(fields) => fields
            .values()
            .try_for_each(|field| check_value(field, shape, depth_left - 1)),
        _ => Ok(()),
    }
}

/// Whether it is a whole number is for validation to say.
fn check_page(rows: &serde_json::Number, shape: &Shape) -> Result<(), Error> {
    let most = u32::try_from(shape.page_size).unwrap_or(u32::MAX);
    match rows.as_f64() {
        Some(rows) if rows < 0.0 => Err(fault_because(
            Code::BadRequest,
            (
                "first 与 last 不能为负数",
                "first and last are not negative",
            ),
        )),
        Some(rows) if rows <= f64::from(most) => Ok(()),
        _ => Err(over(shape.page_size, ("行一页", "rows a page"))),
    }
}

/// What is counted of a selection set.
#[derive(Clone, Copy, Default)]
struct Counted {
    selections: u64,
    aliases: u64,
    directives: u64,
    /// Fields of the set itself, those of its fragments included.
    here: u64,
}

impl Counted {
    /// Fragments that spread each other may count for more than there are numbers.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.here = self.here.saturating_add(other.here);
    }
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    shape: &'d Shape,
    /// What a fragment counts; `None` while it is being counted.
    known: HashMap<Name, Option<Counted>>,
    /// Variables that ask for so many rows.
    pages: Vec<Name>,
    within: usize,
}

impl Walk<'_> {
    fn set(&mut self, set: &SelectionSet) -> Result<Counted, Error> {
        self.within += 1;
        if self.within > WITHIN_MAX {
            return Err(fault_because(Code::TooLarge, TOO_DEEP));
        }
        let mut total = Counted::default();
        for item in &set.items {
            total.selections = total.selections.saturating_add(1);
            match &item.node {
                Selection::Field(field) => self.field(&field.node, &mut total)?,
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.node.directives, &mut total)?;
                    total.add(self.set(&fragment.node.selection_set.node)?);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives, &mut total)?;
                    total.add(self.fragment(&spread.node.fragment_name.node)?);
                }
            }
        }
        self.within -= 1;
        Ok(total)
    }

    fn field(&mut self, field: &Field, total: &mut Counted) -> Result<(), Error> {
        let name = field.name.node.as_str();
        if !self.shape.introspection && INTROSPECTION.contains(&name) {
            return Err(fault(Code::IntrospectionDisabled));
        }
        total.here = total.here.saturating_add(1);
        if field.alias.is_some() {
            total.aliases = total.aliases.saturating_add(1);
        }
        self.directives(&field.directives, total)?;
        for (name, value) in &field.arguments {
            self.value(&value.node, self.shape.input_depth)?;
            if PAGES.contains(&name.node.as_str()) {
                match &value.node {
                    Given::Number(rows) => check_page(rows, self.shape)?,
                    Given::Variable(name) => self.pages.push(name.clone()),
                    _ => {}
                }
            }
        }
        let inside = self.set(&field.selection_set.node)?;
        total.add(Counted { here: 0, ..inside });
        Ok(())
    }

    fn directives(
        &mut self,
        directives: &[Positioned<Directive>],
        total: &mut Counted,
    ) -> Result<(), Error> {
        total.directives = total.directives.saturating_add(directives.len() as u64);
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                self.value(&value.node, self.shape.input_depth)?;
            }
        }
        Ok(())
    }

    fn variable(
        &mut self,
        variable: &VariableDefinition,
        total: &mut Counted,
    ) -> Result<(), Error> {
        self.directives(&variable.directives, total)?;
        let Some(default) = &variable.default_value else {
            return Ok(());
        };
        check_value(&default.node, self.shape, self.shape.input_depth)?;
        match &default.node {
            Value::Number(rows) if self.pages.contains(&variable.name.node) => {
                check_page(rows, self.shape)
            }
            _ => Ok(()),
        }
    }

    fn value(&self, value: &Given, depth_left: usize) -> Result<(), Error> {
        match value {
            Given::List(_) | Given::Object(_) if depth_left == 0 => {
                Err(fault_because(Code::TooLarge, TOO_DEEP))
            }
            Given::List(items) => {
                if items.len() > self.shape.list_items {
                    return Err(over(self.shape.list_items, LIST));
                }
                let mut items = items.iter();
                items.try_for_each(|item| self.value(item, depth_left - 1))
            }
            Given::Object(fields) => {
                let mut fields = fields.values();
                fields.try_for_each(|field| self.value(field, depth_left - 1))
            }
            _ => Ok(()),
        }
    }

    fn fragment(&mut self, name: &Name) -> Result<Counted, Error> {
        match self.known.get(name) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => {
                return Err(fault_because(
                    Code::BadRequest,
                    ("片段引用了自身", "a fragment spreads itself"),
                ));
            }
            None => {}
        }
        self.known.insert(name.clone(), None);
        let document = self.document;
        // The library says which there is none of, and where.
        let Some(fragment) = document.fragments.get(name) else {
            self.known.remove(name);
            return Ok(Counted::default());
        };
        let mut counted = self.set(&fragment.node.selection_set.node)?;
        self.directives(&fragment.node.directives, &mut counted)?;
        self.known.insert(name.clone(), Some(counted));
        Ok(counted)
    }
}
