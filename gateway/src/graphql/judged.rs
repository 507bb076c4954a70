//! What was judged once is not judged again: whether a document may be executed, and what it costs, follows from its text and
//! from the form of its variables, and a workbench sends the same few all day.
//!
//! A document is validated as it was sent, once. What it means to have executed is collected from it, and weighed against
//! the limits; under variables of the same form it is then executed by a schema that has no checks, and whose fields are
//! resolved without asking extensions about each. Decisions 46 and 49.

use super::coerced::{self, Missing, Unfit, chosen};
use super::collected::{Collected, collect};
use super::completed::{complete, order, take_placeholders};
use super::documents::{Checked, Known};
use super::limits::{self, Trial, Values, coded};
use super::telling::{Cost, tell};
use super::{DocketSchema, builder, sound};
use crate::app::App;
use crate::error::{Code, Language, fault_because, nowhere, speak};
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use async_graphql::{Data, Executor, Request, Response, ServerError, ValidationMode, Variables};
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

/// What a request means to have executed.
pub struct Meant {
    known: Arc<Known>,
    name: Option<String>,
    mark: Mark,
    /// The document without what variables that are not given were to fill, where there is such.
    left: Option<ExecutableDocument>,
    missing: Option<Missing>,
}

/// What is executed.
struct Executed {
    meant: Arc<Meant>,
    /// Where that is not the document as it stands.
    collected: Option<Collected>,
}

impl Meant {
    /// A request for what a document means: the operation that is named, with its variables, which get their defaults.
    pub fn request(
        text: String,
        known: Arc<Known>,
        name: Option<String>,
        mut variables: Map<String, Value>,
        values_max: usize,
    ) -> Request {
        let wanted = name.as_deref();
        let settled = coerced::settle(&known.document, wanted, &mut variables);
        let (left, missing) = match settled {
            Ok(left) => (left, None),
            Err(missing) => (None, Some(missing)),
        };
        let variables = Value::Object(variables);
        let mark = Mark::of(&known, wanted, &variables);
        let mut request = Request::new(text).variables(Variables::from_json(variables));
        if let Some(name) = wanted {
            request = request.operation_name(name);
        }
        let meant = Self {
            known,
            name,
            mark,
            left,
            missing,
        };
        let values = Values::at_most(values_max);
        request.data(Checked).data(values).data(Arc::new(meant))
    }

    /// The operation, as it was sent.
    pub fn operation(&self) -> Option<&OperationDefinition> {
        chosen(&self.known.document, self.name.as_deref())
    }

    fn executed(self: &Arc<Self>, variables: &Variables) -> Executed {
        let wanted = self.name.as_deref();
        let document = self.left.as_ref().unwrap_or(&self.known.document);
        let collected = (!self.known.is_collected).then(|| collect(document, wanted, variables));
        Executed {
            meant: self.clone(),
            collected: collected.flatten(),
        }
    }
}

impl Executed {
    fn document(&self) -> &ExecutableDocument {
        let meant = &self.meant;
        match (&self.collected, &meant.left) {
            (Some(collected), _) => &collected.document,
            (None, Some(left)) => left,
            (None, None) => &meant.known.document,
        }
    }

    fn operation(&self) -> Option<&OperationDefinition> {
        chosen(self.document(), self.meant.name.as_deref())
    }

    /// An answer, as the specification has it.
    fn completed(&self, mut response: Response) -> Response {
        if let Some(operation) = self.operation() {
            complete(&mut response.data, &response.errors, operation);
            order(&mut response.data, &operation.selection_set.node);
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
    validating: DocketSchema,
    /// Validates, weighs, and executes.
    strict: DocketSchema,
    /// Executes what was judged.
    swift: DocketSchema,
    app: App,
    judged: Arc<Cache<Mark, Cost>>,
}

impl Judging {
    /// The schema over a running Docket.
    pub fn new(app: App) -> Self {
        let swift = builder(&app.limits).validation_mode(ValidationMode::Fast);
        Self {
            validating: super::validating(&app.limits).finish(),
            strict: super::strict(&app.limits).data(app.clone()).finish(),
            swift: swift.data(app.clone()).finish(),
            app,
            judged: Arc::new(Cache::new(JUDGED_MAX)),
        }
    }

    /// What is wrong with a request: it is not executed then.
    async fn refused(&self, meant: &Meant, request: &Request) -> Option<Response> {
        let language = found::<Language>(request).unwrap_or_default();
        let told = |mut error: ServerError| {
            speak(language, &mut error);
            Some(Response::from_errors(vec![error]))
        };
        let shape = &self.app.limits.shape;
        if let Err(error) = limits::check_variables(&request.variables, shape) {
            return told(nowhere(error));
        }
        if let Err(refused) = validate(&self.validating, &meant.known, language).await {
            return Some(refused);
        }
        if let Some(Missing(name)) = &meant.missing {
            return told(unmet(
                format!("缺少变量 ${name}，不能为空"),
                format!("the variable ${name} is missing, or null"),
            ));
        }
        let operation = meant.operation()?;
        match coerced::check_values(operation, &request.variables) {
            Ok(()) => None,
            Err(unfit) => told(not_fitting(unfit)),
        }
    }

    /// A request as it is executed when it has not been judged yet; or what is wrong with it.
    async fn prepared(
        &self,
        meant: &Arc<Meant>,
        mut request: Request,
    ) -> Result<(Request, Executed), Response> {
        if let Some(refused) = self.refused(meant, &request).await {
            return Err(refused);
        }
        let executed = meant.executed(&request.variables);
        if let Some(operation) = executed.operation() {
            let shape = &self.app.limits.shape;
            let pages = limits::check_pages(operation, &request.variables, shape);
            let arguments = coerced::check_arguments(operation, &request.variables);
            if let Err(mut error) = pages.and(arguments.map_err(not_fitting)) {
                speak(found(&request).unwrap_or_default(), &mut error);
                return Err(Response::from_errors(vec![error]));
            }
        }
        request.set_parsed_query(sound::for_library(executed.document()));
        Ok((request, executed))
    }
}

fn not_fitting(Unfit { path, wanted }: Unfit) -> ServerError {
    match wanted {
        Some(ty) => unmet(
            format!("{path} 的值不符合类型“{ty}”"),
            format!("{path} is not of type {ty}"),
        ),
        None => unmet(
            format!("{path} 中有类型所没有的字段"),
            format!("{path} has a field that its type has not"),
        ),
    }
}

fn unmet(zh: String, en: String) -> ServerError {
    nowhere(fault_because(Code::BadRequest, (zh, en)))
}

/// Says what is wrong with a document, whatever it is sent with. Once is enough.
pub(super) async fn validate(
    schema: &DocketSchema,
    known: &Known,
    language: Language,
) -> Result<(), Response> {
    if known.is_valid.get().is_some() {
        return Ok(());
    }
    let mut trial = Request::new("").data(Checked).data(Trial).data(language);
    trial.set_parsed_query(sound::for_library(&known.document));
    let response = schema.execute(trial).await;
    if !response.errors.is_empty() {
        return Err(response);
    }
    if let Err(mut error) = sound::check(&known.document) {
        speak(language, &mut error);
        return Err(Response::from_errors(vec![error]));
    }
    let _ = known.is_valid.set(());
    Ok(())
}

/// What somebody put into a request.
fn found<T: Clone + 'static>(request: &Request) -> Option<T> {
    let data = request.data.get(&TypeId::of::<T>());
    data.and_then(|data| data.downcast_ref::<T>()).cloned()
}

impl Executor for Judging {
    async fn execute(&self, mut request: Request) -> Response {
        let Some(meant) = found::<Arc<Meant>>(&request) else {
            return self.strict.execute(request).await;
        };
        let Some(cost) = self.judged.get(&meant.mark) else {
            let (request, executed) = match self.prepared(&meant, request).await {
                Ok(prepared) => prepared,
                Err(refused) => return refused,
            };
            let response = self.strict.execute(request).await;
            if let Some(cost) = Cost::told(&response) {
                self.judged.insert(meant.mark, cost);
            }
            return executed.completed(response);
        };
        let language = found::<Language>(&request).unwrap_or_default();
        // What texts say, a mark does not.
        let unfit = |operation| coerced::check_values(operation, &request.variables).err();
        if let Some(unfit) = meant.operation().and_then(unfit) {
            let mut error = not_fitting(unfit);
            speak(language, &mut error);
            return Response::from_errors(vec![error]);
        }
        let executed = meant.executed(&request.variables);
        request.set_parsed_query(executed.document().clone());
        let response = self.swift.execute(request).await;
        let response = executed.completed(coded(response, self.app.limits.depth_max));
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
            let (request, executed) = match judging.prepared(&meant, request).await {
                Ok(prepared) => prepared,
                Err(refused) => return stream::once(async { refused }).boxed(),
            };
            let told = Executor::execute_stream(&judging.strict, request, session_data);
            told.map(move |response| executed.completed(response))
                .boxed()
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
