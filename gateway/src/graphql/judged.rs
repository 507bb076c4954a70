//! What was judged once is not judged again: whether a document may be executed, and what it costs, follows from its text and
//! from the form of its variables, and a workbench sends the same few all day.
//!
//! A document is validated as it was sent. What it means to have executed is collected from it, and weighed against the
//! limits; under variables of the same form it is then executed by a schema that has no checks, and whose fields are resolved
//! without asking extensions about each. Decisions 46 and 49.

use super::coerced::{self, Missing, chosen};
use super::collected::{self, Collected, Conflict};
use super::completed::{complete, take_placeholders};
use super::documents::{Checked, Known};
use super::limits::{self, Trial, Values, coded};
use super::telling::{Cost, tell};
use super::{DocketSchema, builder};
use crate::app::App;
use crate::error::{Code, Language, fault_because, nowhere, speak};
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use async_graphql::{
    Data, Executor, Name, Request, Response, ServerError, ValidationMode, Variables,
};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::any::TypeId;
use std::sync::Arc;

/// Judgements remembered.
const JUDGED_MAX: usize = 4_096;
/// Longest word of an enumeration that a variable may hold.
const WORD_MAX: usize = 64;

/// A document with variables of a form: two requests of one mark are judged alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; 32]);

impl Mark {
    /// Of the operation of a document that is named, if one is, with its variables.
    fn of(known: &Known, operation: Option<&str>, variables: &Value) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(known.id.to_be_bytes());
        hasher.update([u8::from(operation.is_some())]);
        feed_text(&mut hasher, operation.unwrap_or_default());
        feed(&mut hasher, variables);
        Self(hasher.finalize().into())
    }
}

/// Feeds the form of a value: all of it but the texts, whose content no rule of validation looks at. Words that an
/// enumeration may have are looked at, so they are no texts. Nothing that a person wrote is kept, not even hashed.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hasher.update(b"0"),
        Value::Bool(truth) => hasher.update([b'b', u8::from(*truth)]),
        Value::Number(number) => {
            hasher.update(b"n");
            feed_text(hasher, &number.to_string());
        }
        Value::String(text) if is_word(text) => {
            hasher.update(b"w");
            feed_text(hasher, text);
        }
        Value::String(_) => hasher.update(b"t"),
        Value::Array(items) => {
            hasher.update(b"a");
            hasher.update(items.len().to_be_bytes());
            for item in items {
                feed(hasher, item);
            }
        }
        Value::Object(fields) => {
            hasher.update(b"o");
            hasher.update(fields.len().to_be_bytes());
            for (name, value) in fields {
                feed_text(hasher, name);
                feed(hasher, value);
            }
        }
    }
}

/// With its length, so that what follows cannot be taken for a part of it.
fn feed_text(hasher: &mut Sha256, text: &str) {
    hasher.update(text.len().to_be_bytes());
    hasher.update(text);
}

/// Whether a text may be a word of an enumeration: those of Docket's schema, and of GraphQL's own, are all in capitals.
fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.len() <= WORD_MAX && text.bytes().all(fits)
}

/// Why a valid document is not executed with the variables it is sent with.
enum Unmet {
    Missing(Name),
    Conflict(Name),
}

impl Unmet {
    fn told(&self, language: Language) -> ServerError {
        let detail = match self {
            Self::Missing(name) => (
                format!("缺少变量 ${name}，不能为空"),
                format!("the variable ${name} is missing, or null"),
            ),
            Self::Conflict(name) => (
                format!("多个不同的字段都以 {name} 为名，请用别名区分"),
                format!(
                    "several fields that are not the same are told as {name}: give them aliases"
                ),
            ),
        };
        let mut error = nowhere(fault_because(Code::BadRequest, detail));
        speak(language, &mut error);
        error
    }
}

/// What a request means to have executed.
pub struct Meant {
    known: Arc<Known>,
    name: Option<String>,
    mark: Mark,
    /// The document without what variables that are not given were to fill, where there is such.
    left: Option<ExecutableDocument>,
    /// What is executed, where that is not the document as it stands.
    collected: Option<Collected>,
    unmet: Option<Unmet>,
}

impl Meant {
    /// The operation of a document that is named, with its variables, which get their defaults.
    fn of(known: Arc<Known>, name: Option<String>, variables: Map<String, Value>) -> (Self, Value) {
        let mut variables = variables;
        let mut unmet = None;
        let wanted = name.as_deref();
        let settled = coerced::settle(&known.document, wanted, &mut variables);
        let left = settled.unwrap_or_else(|Missing(name)| {
            unmet = Some(Unmet::Missing(name));
            None
        });
        let mut collected = None;
        if !known.is_collected {
            let document = left.as_ref().unwrap_or(&known.document);
            match collected::collect(document, wanted, &variables) {
                Ok(found) => collected = found,
                Err(Conflict(name)) => unmet = unmet.or(Some(Unmet::Conflict(name))),
            }
        }
        let variables = Value::Object(variables);
        let mark = Mark::of(&known, wanted, &variables);
        let meant = Self {
            known,
            name,
            mark,
            left,
            collected,
            unmet,
        };
        (meant, variables)
    }

    /// A request for what a document means.
    pub fn request(
        text: String,
        known: Arc<Known>,
        name: Option<String>,
        variables: Map<String, Value>,
        values_max: usize,
    ) -> Request {
        let (meant, variables) = Self::of(known, name, variables);
        let mut request = Request::new(text).variables(Variables::from_json(variables));
        if let Some(name) = &meant.name {
            request = request.operation_name(name.clone());
        }
        request.set_parsed_query(meant.executed().clone());
        let values = Values::at_most(values_max);
        request.data(Checked).data(values).data(Arc::new(meant))
    }

    fn validated(&self) -> &ExecutableDocument {
        self.left.as_ref().unwrap_or(&self.known.document)
    }

    fn executed(&self) -> &ExecutableDocument {
        let collected = self.collected.as_ref();
        collected.map_or_else(|| self.validated(), |collected| &collected.document)
    }

    fn operation(&self) -> Option<&OperationDefinition> {
        chosen(self.executed(), self.name.as_deref())
    }

    /// An answer, as the specification has it.
    fn completed(&self, mut response: Response) -> Response {
        if let Some(operation) = self.operation() {
            complete(&mut response.data, &response.errors, operation);
        }
        if (self.collected.as_ref()).is_some_and(|collected| collected.has_placeholders) {
            take_placeholders(&mut response.data);
        }
        response
    }
}

/// The schema, as requests are executed.
#[derive(Clone)]
pub struct Judging {
    /// Validates; whatever it costs.
    strict: DocketSchema,
    /// Weighs, and executes.
    weighing: DocketSchema,
    /// Executes what was judged.
    swift: DocketSchema,
    app: App,
    judged: Arc<Cache<Mark, Cost>>,
}

impl Judging {
    /// The schema over a running Docket.
    pub fn new(app: App) -> Self {
        let fast = ValidationMode::Fast;
        let weighing = super::strict(&app.limits).validation_mode(fast);
        let swift = builder(&app.limits).validation_mode(fast);
        Self {
            strict: super::validating(&app.limits).data(app.clone()).finish(),
            weighing: weighing.data(app.clone()).finish(),
            swift: swift.data(app.clone()).finish(),
            app,
            judged: Arc::new(Cache::new(JUDGED_MAX)),
        }
    }

    /// What is wrong with a request: it is not executed then.
    async fn refused(&self, meant: &Meant, request: &Request) -> Option<Response> {
        let language = found::<Language>(request).unwrap_or_default();
        let mut trial = Request::new(&request.query)
            .variables(request.variables.clone())
            .data(Checked)
            .data(Trial)
            .data(language);
        trial.set_parsed_query(meant.validated().clone());
        let judged = self.strict.execute(trial).await;
        if !judged.errors.is_empty() {
            return Some(judged);
        }
        if let Some(unmet) = &meant.unmet {
            return Some(Response::from_errors(vec![unmet.told(language)]));
        }
        let operation = meant.operation()?;
        let shape = &self.app.limits.shape;
        let mut error = limits::check_pages(operation, &request.variables, shape).err()?;
        speak(language, &mut error);
        Some(Response::from_errors(vec![error]))
    }
}

/// What somebody put into a request.
fn found<T: Clone + 'static>(request: &Request) -> Option<T> {
    let data = request.data.get(&TypeId::of::<T>());
    data.and_then(|data| data.downcast_ref::<T>()).cloned()
}

impl Executor for Judging {
    async fn execute(&self, request: Request) -> Response {
        let Some(meant) = found::<Arc<Meant>>(&request) else {
            return self.strict.execute(request).await;
        };
        let Some(cost) = self.judged.get(&meant.mark) else {
            if let Some(refused) = self.refused(&meant, &request).await {
                return refused;
            }
            let response = self.weighing.execute(request).await;
            if let Some(cost) = Cost::told(&response) {
                self.judged.insert(meant.mark, cost);
            }
            return meant.completed(response);
        };
        let language = found::<Language>(&request).unwrap_or_default();
        let response = self.swift.execute(request).await;
        let response = meant.completed(coded(response, self.app.limits.depth_max));
        tell(Some(&self.app), Some(cost), language, response)
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let Some(meant) = found::<Arc<Meant>>(&request) else {
            return Executor::execute_stream(&self.strict, request, session_data);
        };
        let judging = self.clone();
        let begun = async move {
            if let Some(refused) = judging.refused(&meant, &request).await {
                return stream::once(async { refused }).boxed();
            }
            let told = Executor::execute_stream(&judging.weighing, request, session_data);
            told.map(move |response| meant.completed(response)).boxed()
        };
        stream::once(begun).flatten().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::read;
    use super::*;
    use crate::settings::Limits;
    use serde_json::json;

    fn mark(known: &Known, variables: &Value) -> Mark {
        Mark::of(known, None, variables)
    }

    #[test]
    fn requests_of_one_form_have_one_mark_and_others_have_not() {
        let text = "query($a: Int) { inbox(tab: TO_SIGN, first: $a) { totalCount } }";
        let shape = Limits::default().shape;
        let known = read(text, &shape).unwrap();
        let of = |variables: Value| mark(&known, &variables);
        // Whatever a person wrote, or an id, is all one.
        assert!(of(json!({ "id": "ticket:1" })) == of(json!({ "id": "ticket:2" })));
        assert!(of(json!({ "a": { "text": "一" } })) == of(json!({ "a": { "text": "another" } })));
        let all = [
            json!({}),
            json!({ "a": null }),
            json!({ "a": 1 }),
            json!({ "a": 2 }),
            json!({ "a": 1.5 }),
            json!({ "a": "1" }),
            json!({ "a": "text" }),
            json!({ "a": "TO_SIGN" }),
            json!({ "a": "DONE" }),
            json!({ "a": true }),
            json!({ "a": false }),
            json!({ "a": [] }),
            json!({ "a": ["text"] }),
            json!({ "a": ["text", "text"] }),
            json!({ "a": [["text"], "text"] }),
            json!({ "a": { "b": "text" } }),
            json!({ "a": { "c": "text" } }),
            json!({ "a": { "b": "text", "c": "text" } }),
            json!({ "a": { "b": "text" }, "c": "text" }),
            json!({ "ab": "text" }),
        ];
        for (n, one) in all.iter().enumerate() {
            for other in &all[n + 1..] {
                assert!(of(one.clone()) != of(other.clone()), "{one} and {other}");
            }
        }
        let named = Mark::of(&known, Some("A"), &json!({}));
        assert!(named != of(json!({})) && named != Mark::of(&known, Some("B"), &json!({})));
        let again = read(text, &shape).unwrap();
        assert!(
            mark(&again, &json!({})) != of(json!({})),
            "read anew, judged anew"
        );
    }

    /// A word that no list of the schema has could be taken for a text, and what was not judged be executed.
    #[test]
    fn every_word_of_the_schema_is_known_for_one() {
        let sdl = crate::sdl();
        let document = async_graphql::parser::parse_schema(sdl).unwrap();
        let mut seen = 0;
        for definition in document.definitions {
            let async_graphql::parser::types::TypeSystemDefinition::Type(of) = definition else {
                continue;
            };
            if let async_graphql::parser::types::TypeKind::Enum(words) = &of.node.kind {
                for word in &words.values {
                    let word = word.node.value.node.as_str();
                    assert!(is_word(word), "{word}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
