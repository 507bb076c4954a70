//! What was judged once is not judged again: whether a document may be executed, and what it costs, follows from its text and
//! from the form of its variables, and a workbench sends the same few all day.
//!
//! A document is validated by a schema that has every check; under variables of the same form it is then executed by one
//! that has none, and whose fields are resolved without asking extensions about each. Decision 46 says what this gains.

use super::coerced::Missing;
use super::documents::Known;
use super::limits::Trial;
use super::limits::coded;
use super::telling::{Cost, tell};
use super::{DocketSchema, builder};
use crate::app::App;
use crate::error::{Code, Language, fault_because, nowhere, speak};
use async_graphql::{Data, Executor, Request, Response, ValidationMode};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use quick_cache::sync::Cache;
use serde_json::Value;
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
    pub fn of(known: &Known, operation: Option<&str>, variables: &Value) -> Self {
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

/// The schema, as requests are executed.
#[derive(Clone)]
pub struct Judging {
    strict: DocketSchema,
    swift: DocketSchema,
    app: App,
    judged: Arc<Cache<Mark, Cost>>,
}

impl Judging {
    /// The schema over a running Docket.
    pub fn new(app: App) -> Self {
        let swift = builder(&app.limits).validation_mode(ValidationMode::Fast);
        Self {
            strict: super::schema(app.clone()),
            swift: swift.data(app.clone()).finish(),
            app,
            judged: Arc::new(Cache::new(JUDGED_MAX)),
        }
    }

    /// What is told of a request that is not executed: what is wrong with its document goes before.
    async fn unless_invalid(&self, request: Request, refused: Response) -> Response {
        let judged = self.strict.execute(request.data(Trial)).await;
        if judged.errors.is_empty() {
            refused
        } else {
            judged
        }
    }
}

/// What somebody put into a request.
fn found<T: Copy + 'static>(request: &Request) -> Option<T> {
    let data = request.data.get(&TypeId::of::<T>());
    data.and_then(|data| data.downcast_ref::<T>()).copied()
}

/// What is told of a variable that must be given, and is not.
fn missing(request: &Request) -> Option<Response> {
    let missing = request.data.get(&TypeId::of::<Missing>())?;
    let Missing(name) = missing.downcast_ref()?;
    let detail = (
        format!("缺少变量 ${name}，不能为空"),
        format!("the variable ${name} is missing, or null"),
    );
    let mut error = nowhere(fault_because(Code::BadRequest, detail));
    speak(found::<Language>(request).unwrap_or_default(), &mut error);
    Some(Response::from_errors(vec![error]))
}

impl Executor for Judging {
    async fn execute(&self, request: Request) -> Response {
        if let Some(refused) = missing(&request) {
            return self.unless_invalid(request, refused).await;
        }
        let Some(mark) = found::<Mark>(&request) else {
            return self.strict.execute(request).await;
        };
        let Some(cost) = self.judged.get(&mark) else {
            let response = self.strict.execute(request).await;
            if let Some(cost) = Cost::told(&response) {
                self.judged.insert(mark, cost);
            }
            return response;
        };
        let language = found::<Language>(&request).unwrap_or_default();
        let response = self.swift.execute(request).await;
        let response = coded(response, self.app.limits.depth_max);
        tell(Some(&self.app), Some(cost), language, response)
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        if let Some(refused) = missing(&request) {
            let judging = self.clone();
            let told = async move { judging.unless_invalid(request, refused).await };
            return stream::once(told).boxed();
        }
        Executor::execute_stream(&self.strict, request, session_data)
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
