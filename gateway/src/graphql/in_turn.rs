//! Objects whose fields are resolved one after the other.
//!
//! The library makes a future of its own on the heap for each field of each object, to have all of them wait at the same time. In
//! a page of rows hardly any field waits, and those that do wait together with the same field of the other rows: a
//! row's fields in turn need one future for all, in place.
//!
//! Nor does it know that most rows have all they need at hand: it makes the futures of all of them first, and moves them about.
//! Of [`Rows`] each is tried as it is made, and only those that wait are kept.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_container;
use async_graphql::{
    ContainerType, ContextSelectionSet, OutputType, Positioned, ServerResult, Value,
};
use futures_util::future::{poll_fn, try_join_all};
use std::borrow::Cow;
use std::task::Poll;

/// An object of a list.
#[derive(Clone)]
pub struct InTurn<T>(pub T);

impl<T: ContainerType> OutputType for InTurn<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        if is_plain(&context.item.node.items) {
            Ok(resolve(context, &self.0).await)
        } else {
            resolve_container(context, &self.0).await
        }
    }
}

/// A list of such objects.
pub struct Rows<'r, T>(pub Vec<&'r InTurn<T>>);

impl<T: ContainerType> OutputType for Rows<'_, T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<InTurn<T>>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<InTurn<T>>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<InTurn<T>>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let mut values = Vec::with_capacity(self.0.len());
        let mut waiting = Vec::new();
        for (place, row) in self.0.iter().enumerate() {
            let mut resolving = Box::pin(async move {
                let context = context.with_index(place);
                let resolved = row.resolve(&context, field).await;
                resolved.map_err(|error| context.set_error_path(error))
            });
            let tried = poll_fn(|task| Poll::Ready(resolving.as_mut().poll(task))).await;
            if let Poll::Ready(value) = tried {
                values.push(value?);
            } else {
                values.push(Value::Null);
                waiting.push(async move { resolving.await.map(|value| (place, value)) });
            }
        }
        for (place, value) in try_join_all(waiting).await? {
            values[place] = value;
        }
        Ok(Value::List(values))
    }
}

/// Whether there are fields alone: what is executed was collected, so that each is there once, under no condition.
fn is_plain(selections: &[Positioned<Selection>]) -> bool {
    let mut selections = selections.iter();
    selections.all(|selection| matches!(selection.node, Selection::Field(_)))
}

async fn resolve<T: ContainerType>(context: &ContextSelectionSet<'_>, object: &T) -> Value {
    let selections = &context.item.node.items;
    let mut values = IndexMap::with_capacity(selections.len());
    for selection in selections {
        let Selection::Field(field) = &selection.node else {
            continue;
        };
        let value = if field.node.name.node == "__typename" {
            Ok(Value::String(object.introspection_type_name().into_owned()))
        } else {
            let of_field = context.with_field(field);
            let resolved = object.resolve_field(&of_field).await;
            resolved.map(Option::unwrap_or_default)
        };
        match value {
            Ok(value) => {
                values.insert(field.node.response_key().node.clone(), value);
            }
            // An answer is completed once it is whole.
            Err(error) => context.add_error(error),
        }
    }
    Value::Object(values)
}
