//! Limits, each at its edge: what is at the limit is taken, what is one beyond is refused by its code.

mod hostile;
mod slow;

use crate::gateway::{department, request};
use crate::live::{Socket, person};
use docket_core::SystemClock;
use docket_gateway::app::Founding;
use docket_gateway::settings::{Limits, Shape};
use docket_tests::TestStore;
use docket_tests::city::found;
use docket_tests::server::{Client, Server};
use docket_tests::staff::{PASSWORD, hire_all};
use serde_json::{Value, json};
use std::sync::Arc;

/// The small city, within limits.
pub async fn city_within(store: &TestStore, limits: Limits) -> Server {
    let options = store.options(Arc::new(SystemClock));
    let server = Server::open_with(options, &Founding::default(), limits).await;
    found(&server.app.desk).await;
    hire_all(&server.app.desk, &server.app.store.ops).await;
    server
}

/// The code of a response; empty where there is no error.
fn code(response: &Value) -> &str {
    let code = &response["errors"][0]["extensions"]["code"];
    code.as_str().unwrap_or("")
}

fn repeated(count: usize, of: impl Fn(usize) -> String) -> String {
    (0..count).map(of).collect()
}

/// Something that is counted: a request with so many of it, the limit, and the code one beyond.
struct Edge<'e> {
    what: &'static str,
    limit: usize,
    request: Box<dyn Fn(usize) -> (String, Value) + 'e>,
}

impl<'e> Edge<'e> {
    fn of(what: &'static str, limit: usize, document: impl Fn(usize) -> String + 'e) -> Self {
        let request = Box::new(move |n| (document(n), json!({})));
        Self {
            what,
            limit,
            request,
        }
    }

    fn sent(
        what: &'static str,
        limit: usize,
        document: &'e str,
        sent: impl Fn(usize) -> Value + 'e,
    ) -> Self {
        let request = Box::new(move |n| (document.to_owned(), json!({ "v": sent(n) })));
        Self {
            what,
            limit,
            request,
        }
    }

    async fn test(&self, client: &Client) {
        let (query, variables) = (self.request)(self.limit);
        let at = client.run(&query, variables).await;
        assert_ne!(code(&at), "TOO_LARGE", "{} at the limit: {at}", self.what);
        let (query, variables) = (self.request)(self.limit + 1);
        let beyond = client.run(&query, variables).await;
        assert_eq!(code(&beyond), "TOO_LARGE", "{} beyond: {beyond}", self.what);
        assert_eq!(
            beyond.get("data").filter(|data| !data.is_null()),
            None,
            "nothing was executed"
        );
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_document_may_be_like_has_an_edge() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let shape = Shape {
            query_bytes: 8_000,
            tokens: 1_000,
            selections: 215,
            fragments: 10,
            aliases: 200,
            root_fields: 205,
            directives: 30,
            page_size: 40,
            list_items: 25,
            input_depth: 7,
            depth: 5,
            ..Limits::default().shape
        };
        let limits = Limits { shape, depth_max: 5, complexity_max: 220, ..Limits::default() };
        let server = city_within(store, limits).await;
        // A login counts for more than is let in here.
        let door = Server::start(store).await;
        let clerk = door.client().logged_in("clerk", PASSWORD).await.at(&server.url);
        let inbox = |argument: &str| format!("inbox(tab: TO_SIGN, {argument}) {{ edges {{ cursor }} }}");
        let by_variable = format!("query($v: Int) {{ {} }}", inbox("first: $v"));
        let assist = "mutation($v: [ID!]) { assignTicket(input: { id: \"x\", leadId: \"y\", assistIds: $v }) { position } }";
        let anything = "query($v: Int) { __typename @skip(if: false) ... on Query { __typename } }";
        let levels = ["__schema", "types", "fields", "type", "ofType", "name"];
        let edges = [
            Edge::of("bytes", 8_000, |n| format!("{{ __typename }}{}", " ".repeat(n - 14))),
            Edge::of("tokens", 1_000, |n| format!("{{ a: __type(name: \"x\" {}) {{ name }} }}", "x ".repeat(n - 13))),
            Edge::of("selections", 215, |n| {
                let names = repeated(n - 3, |_| "name ".into());
                format!("{{ __schema {{ queryType {{ ...f }} }} }} fragment f on __Type {{ {names} }}")
            }),
            Edge::of("fragments", 10, |n| {
                let spread = repeated(n, |i| format!("...f{i} "));
                format!("{{ {spread} }} {}", repeated(n, |i| format!("fragment f{i} on Query {{ __typename }} ")))
            }),
            Edge::of("aliases", 200, |n| format!("{{ {} }}", repeated(n, |i| format!("a{i}: __typename ")))),
            Edge::of("aliases of fragments", 200, |n| {
                let (half, rest) = (n / 2, n % 2);
                let aliases = repeated(half, |i| format!("a{i}: __typename "));
                let more = repeated(rest, |i| format!("b{i}: __typename "));
                format!("{{ ...f ...f {more} }} fragment f on Query {{ {aliases} }}")
            }),
            Edge::of("root fields", 205, |n| format!("{{ {} }}", repeated(n, |_| "__typename ".into()))),
            Edge::of("directives", 30, |n| {
                format!("{{ {} }}", repeated(n, |_| "__typename @skip(if: false) ".into()))
            }),
            Edge::of("depth", 5, |n| {
                let opening = levels[..n - 1].join(" { ");
                format!("{{ {opening} {{ name }} {} }}", "} ".repeat(n - 2))
            }),
            Edge::of("complexity", 220, |n| {
                // An inbox counts 50, and its rows what is asked of each: one here. Then who asks, and each of their fields.
                let rest = repeated(n - 50 - 30 - 1, |i| format!("x{i}: login "));
                format!("{{ {} me {{ {rest} }} }}", inbox("first: 30"))
            }),
            Edge::of("page", 40, |n| format!("{{ {} }}", inbox(&format!("first: {n}")))),
            Edge::sent("page, by variable", 40, &by_variable, |n| json!(n)),
            Edge::of("page, by default", 40, |n| format!("query($v: Int = {n}) {{ {} }}", inbox("first: $v"))),
            Edge::of("list", 25, |n| {
                let ids = repeated(n, |i| format!("\"{i}\" "));
                format!("mutation {{ assignTicket(input: {{ id: \"x\", leadId: \"y\", assistIds: [{ids}] }}) {{ position }} }}")
            }),
            Edge::sent("list, by variable", 25, assist, |n| json!(vec!["x"; n])),
            Edge::of("values", 7, |n| {
                format!("{{ __type(name: {}1{}) {{ name }} }}", "[".repeat(n), "]".repeat(n))
            }),
            Edge::sent("values, by variable", 7, anything, nested),
            Edge::sent("objects, by variable", 7, anything, |n| {
                (0..n).fold(json!(1), |inner, _| json!({ "x": inner }))
            }),
        ];
        for edge in &edges {
            edge.test(&clerk).await;
        }
        let left_out = clerk.data(&by_variable, json!({})).await;
        assert_eq!(left_out["inbox"]["edges"], json!([]), "a variable that may be null may be left out");
    })
    .await;
}

/// What a list without pages holds is known only once it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_values_of_lists_without_pages_have_an_edge() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            values_max: 60,
            ..Limits::default()
        };
        let server = city_within(store, limits).await;
        let dispatcher = person(&server, "dispatcher").await;
        let told = dispatcher.data("{ departments { units { id } } }", json!({}));
        let told = told.await["departments"].take();
        let departments = told.as_array().unwrap();
        let units = departments
            .iter()
            .map(|one| one["units"].as_array().unwrap().len());
        // A department with its units, and each of these, asked for one thing: three, and two.
        let once = 3 * departments.len() + 2 * units.sum::<usize>();
        assert!((4..20).contains(&once), "{once}");
        let ask = async |times: usize| {
            let list = |n| format!("x{n}: departments {{ units {{ id }} }} ");
            dispatcher
                .run(&format!("{{ {} }}", repeated(times, list)), json!({}))
                .await
        };
        let at = ask(60 / once).await;
        assert_eq!(at["data"][format!("x{}", 60 / once - 1)], told, "{at}");
        let beyond = ask(60 / once + 1).await;
        assert_eq!(
            (code(&beyond), &beyond["data"]),
            ("TOO_LARGE", &Value::Null)
        );

        // Each event of a subscription is an answer of its own.
        let operator = person(&server, "operator").await;
        let received = operator.mutate("receiveTicket", request()).await;
        let id = &received["ticket"]["id"];
        let asked = |times| {
            repeated(times, |n| {
                format!(
                    "x{n}: assignments {{ department {{ id name region units {{ id name }} }} }} "
                )
            })
        };
        let mut live = Socket::open(&dispatcher).await;
        let query = format!(
            "subscription($i: ID!, $p: Position) {{ ticketChanged(id: $i, after: $p) {{ type ticket {{ {} }} }} }}",
            asked(4)
        );
        let from_now = json!({ "i": id, "p": received["position"] });
        live.subscribe(&query, from_now).await;
        let assign = json!({ "id": id, "leadId": department() });
        dispatcher.act("assignTicket", assign).await;
        let told = live.push("ticketChanged").await;
        assert_eq!(told["ticket"]["x0"].as_array().map(Vec::len), Some(1));
        let clerk = person(&server, "clerk").await;
        clerk.act("signTicket", json!({ "id": id })).await;
        assert_eq!(live.push("ticketChanged").await["type"], "signed");
        // Two of them would be too much for one.
        let query = format!("query($i: ID!) {{ ticket(id: $i) {{ {} }} }}", asked(8));
        assert_eq!(
            dispatcher.fault(&query, json!({ "i": id })).await,
            "TOO_LARGE"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_an_edge_and_a_request_its_time() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let limits = Limits {
            body_bytes_max: 5_000,
            request_timeout: std::time::Duration::from_secs(1),
            position_wait: std::time::Duration::from_mins(1),
            ..Limits::default()
        };
        let server = city_within(store, limits).await;
        let send = async |bytes: usize| {
            let query = r#"{"query":"{ __typename }"}"#;
            let body = format!("{query}{}", " ".repeat(bytes - query.len()));
            let request = reqwest::Client::new().post(format!("{}/graphql", server.url));
            let request = request
                .header("content-type", "application/json")
                .body(body);
            let response = request.send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap(),
            )
        };
        assert_eq!(send(5_000).await.0, 200);
        let (status, told) = send(5_001).await;
        assert_eq!((status, code(&told)), (413, "TOO_LARGE"));
        let clerk = server.client().logged_in("clerk", PASSWORD).await;
        let never = "{ inbox(tab: TO_SIGN, minPosition: \"999999\") { totalCount } }";
        assert_eq!(clerk.fault(never, json!({})).await, "TIMEOUT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_told_and_names_are_suggested_unless_switched_off() {
    docket_tests::store::run(TestStore::sqlite(), async |store: &TestStore| {
        let schema = "{ __schema { queryType { name } } }";
        let type_of = "{ ...f } fragment f on Query { __type(name: \"Query\") { name } }";
        let misspelt = "{ inbux { totalCount } }";
        let open = city_within(store, Limits::default()).await;
        let told = open.client().data(schema, json!({})).await;
        assert_eq!(told["__schema"]["queryType"]["name"], "Query");
        let told = open.client().run(misspelt, json!({})).await;
        assert!(told.to_string().contains("是否应为"), "{told}");
        let shape = Shape {
            introspection: false,
            ..Limits::default().shape
        };
        let limits = Limits {
            shape,
            suggestions: false,
            ..Limits::default()
        };
        let options = store.options(Arc::new(SystemClock));
        let closed = Server::open_with(options, &Founding::default(), limits).await;
        for query in [schema, type_of] {
            assert_eq!(
                closed.client().fault(query, json!({})).await,
                "INTROSPECTION_DISABLED"
            );
        }
        let names = closed.client().data("{ __typename }", json!({})).await;
        assert_eq!(
            names["__typename"], "Query",
            "a type's name is no introspection"
        );
        let told = closed.client().run(misspelt, json!({})).await;
        assert!(!told.to_string().contains("inbox"), "{told}");
    })
    .await;
}
