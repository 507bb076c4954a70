//! Limits that hold on every transport: HTTP, WebSocket and server-sent events.
//!
//! A document's size is counted with its fragments spread out *before* anything walks it: a few hundred bytes
//! of fragments that spread each other twice would otherwise keep a validator busy for hours.

use super::documents::Checked;
use crate::error::{Code, fault, fault_because, nowhere};
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextSubscribe,
};
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{Error, Name, Response, ServerResult, Value, Variables};
use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _};
use std::collections::HashMap;
use std::sync::Arc;

/// Largest query text, in bytes.
pub const QUERY_BYTES_MAX: usize = 32 * 1024;
/// Most selections of a document, with every fragment spread out.
pub const SELECTIONS_MAX: u64 = 2_000;
/// Most fragments of a document.
pub const FRAGMENTS_MAX: usize = 100;

/// Where the library's message on a word that an enumeration does not have goes on to quote it.
const QUOTES_VALUE: &str = " does not contain the value";

/// Makes the extension.
pub struct Limits;

impl ExtensionFactory for Limits {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Limits)
    }
}

#[async_trait]
impl Extension for Limits {
    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        coded(next.run(context).await)
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        next.run(context, stream).map(coded).boxed()
    }

    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(nowhere(fault_because(
                Code::TooLarge,
                "the query is over 32 KiB",
            )));
        }
        if context.data_opt::<Checked>().is_some() {
            return next.run(context, query, variables).await;
        }
        // Parsed here first: the library's own checks walk every spread.
        check(&async_graphql::parser::parse_query(query)?).map_err(nowhere)?;
        next.run(context, query, variables).await
    }
}

/// Errors of the library's own get the code of a malformed request, and lose the value they quote: a clerk
/// may have put a name in the wrong field, and errors end up in other people's logs.
fn coded(mut response: Response) -> Response {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", Value::from(Code::BadRequest.code()));
            if let Some((before, _)) = error.message.split_once(QUOTES_VALUE) {
                error.message = format!("{before}{QUOTES_VALUE}");
            }
        }
    }
    response
}

/// Refuses a document that is too large once its fragments are spread out.
pub fn check(document: &ExecutableDocument) -> Result<(), Error> {
    if document.fragments.len() > FRAGMENTS_MAX {
        let detail = format!("at most {FRAGMENTS_MAX} fragments");
        return Err(fault_because(Code::TooLarge, &detail));
    }
    let mut count = Count {
        document,
        known: HashMap::new(),
    };
    let mut selections: u64 = 0;
    for (_, operation) in document.operations.iter() {
        let set = &operation.node.selection_set.node;
        selections = selections.saturating_add(count.of(set)?);
        if operation.node.ty == OperationType::Subscription {
            one_field(set)?;
        }
    }
    if selections > SELECTIONS_MAX {
        let detail = format!("at most {SELECTIONS_MAX} fields, fragments spread out");
        return Err(fault_because(Code::TooLarge, &detail));
    }
    Ok(())
}

/// The specification's rule for subscriptions. The library does not look into fragments there, and would
/// answer with nothing; nor does it look at conditions, which the specification forbids there.
fn one_field(set: &SelectionSet) -> Result<(), Error> {
    match set.items.as_slice() {
        [item] if matches!(&item.node, Selection::Field(field) if field.node.directives.is_empty()) => {
            Ok(())
        }
        _ => Err(fault_because(
            Code::BadRequest,
            "a subscription has one field at its root, in no fragment and under no condition",
        )),
    }
}

struct Count<'d> {
    document: &'d ExecutableDocument,
    /// What a fragment counts; `None` while it is being counted.
    known: HashMap<Name, Option<u64>>,
}

impl Count<'_> {
    fn of(&mut self, set: &SelectionSet) -> Result<u64, Error> {
        let mut total: u64 = 0;
        for item in &set.items {
            let inside = match &item.node {
                Selection::Field(field) => self.of(&field.node.selection_set.node)?,
                Selection::InlineFragment(fragment) => {
                    self.of(&fragment.node.selection_set.node)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node)?
                }
            };
            total = total.saturating_add(inside).saturating_add(1);
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &Name) -> Result<u64, Error> {
        match self.known.get(name) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(fault_because(Code::BadRequest, "a fragment spreads itself")),
            None => {}
        }
        self.known.insert(name.clone(), None);
        let document = self.document;
        let count = match document.fragments.get(name) {
            Some(fragment) => self.of(&fragment.node.selection_set.node)?,
            None => return Err(fault(Code::BadRequest)),
        };
        self.known.insert(name.clone(), Some(count));
        Ok(count)
    }
}
