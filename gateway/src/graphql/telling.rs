//! What every answer tells beside its data: what it cost, and how far the views have come. And in which language its errors
//! speak.

use crate::app::App;
use crate::error::{Language, speak};
use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextSubscribe,
    NextValidation,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{
    Response, ServerError, ServerResult, ValidationResult, Value, Variables, value,
};
use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _};
use std::sync::{Arc, OnceLock};

/// Makes the extension, one for each request.
pub struct Telling;

impl ExtensionFactory for Telling {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Told::default())
    }
}

/// What an operation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    complexity: usize,
    depth: usize,
}

impl Cost {
    /// What an answer tells of it: nothing where the operation was not valid.
    pub(super) fn told(response: &Response) -> Option<Self> {
        let Some(Value::Object(cost)) = response.extensions.get("cost") else {
            return None;
        };
        let number = |name: &str| match cost.get(name) {
            Some(Value::Number(number)) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            _ => None,
        };
        Some(Self {
            complexity: number("complexity")?,
            depth: number("depth")?,
        })
    }
}

/// What is known of an operation, once it is.
#[derive(Default)]
struct Known {
    cost: OnceLock<Cost>,
    language: OnceLock<Language>,
}

#[derive(Default)]
struct Told(Arc<Known>);

#[async_trait]
impl Extension for Told {
    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let response = next.run(context).await;
        self.0.tell(context.data_opt::<App>(), response)
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let (app, known) = (context.data_opt::<App>().cloned(), self.0.clone());
        let events = next.run(context, stream);
        let told = events.map(move |response| known.tell(app.as_ref(), response));
        told.boxed()
    }

    // What belongs to the request is at hand from here on.
    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        if let Some(language) = context.data_opt::<Language>() {
            let _ = self.0.language.set(*language);
        }
        next.run(context, query, variables).await
    }

    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(context).await?;
        let _ = self.0.cost.set(Cost {
            complexity: valid.complexity,
            depth: valid.depth,
        });
        Ok(valid)
    }
}

impl Known {
    fn tell(&self, app: Option<&App>, response: Response) -> Response {
        let language = self.language.get().copied().unwrap_or_default();
        tell(app, self.cost.get().copied(), language, response)
    }
}

/// Tells of an operation's cost, where it has one, and of the views, and puts errors into the language of the request.
pub(super) fn tell(
    app: Option<&App>,
    cost: Option<Cost>,
    language: Language,
    mut response: Response,
) -> Response {
    for error in &mut response.errors {
        speak(language, error);
    }
    let Some(app) = app else {
        return response;
    };
    if let Some(Cost { complexity, depth }) = cost {
        let most = app.limits.complexity_max;
        let cost = value!({ "complexity": complexity, "complexityMax": most, "depth": depth });
        response.extensions.insert("cost".to_owned(), cost);
    }
    let position = app.views.position();
    let head = *app.desk.journal().watch().borrow();
    let events = head.saturating_sub(position);
    // Looked at four times a second: where nothing is missing, nothing is late.
    let late = if events == 0 {
        0
    } else {
        u64::try_from(app.views.behind_for().as_millis()).unwrap_or(u64::MAX)
    };
    let lag = value!({ "events": events, "milliseconds": late });
    let place = Value::from(position.to_string());
    response.extensions.insert("position".to_owned(), place);
    response.extensions.insert("lag".to_owned(), lag);
    response
}
