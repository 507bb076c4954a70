//! What a request is told that is none: in the language asked for, with the names and the place.

use super::person;
use crate::gateway::city;
use docket_tests::TestStore;
use docket_tests::server::{Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

/// A document that breaks a rule, its variables, and what is said of it in English and in Chinese.
type Broken = (&'static str, &'static str, &'static str, &'static str);

/// A document for every rule of the library's, by its order; for each way of breaking it that it tells apart.
const BROKEN: &[Broken] = &[
    // arguments_of_correct_type
    (
        "{ inbox(tab: 1) { totalCount } }",
        "{}",
        "Invalid value for argument \"tab\", expected type \"InboxTab\"",
        "参数“tab”的值无效：应为类型“InboxTab”",
    ),
    (
        "{ inbox(tab: NOWHERE) { totalCount } }",
        "{}",
        "Invalid value for argument \"tab\", enumeration type \"InboxTab\" does not contain the value",
        "参数“tab”的值无效：枚举类型“InboxTab”没有这个值",
    ),
    (
        "mutation { signTicket(input: {}) { position } }",
        "{}",
        "Invalid value for argument \"input\", field \"id\" of type \"ID!\" is required but not provided",
        "参数“input”的值无效：缺少必填字段“id”（类型“ID!”）",
    ),
    (
        "mutation { signTicket(input: { id: \"1\", nothing: 1 }) { position } }",
        "{}",
        "Invalid value for argument \"input\", unknown field \"nothing\" of type \"SignTicketInput\"",
        "参数“input”的值无效：类型“SignTicketInput”没有字段“nothing”",
    ),
    (
        "query($n: Int) { inbox(tab: TO_SIGN, first: $n) { totalCount } }",
        r#"{ "n": "three" }"#,
        "the request is not well formed: $n is not of type Int",
        "请求格式有误：$n 的值不符合类型“Int”",
    ),
    // default_values_of_correct_type
    (
        "query($n: Int = \"three\") { inbox(tab: TO_SIGN, first: $n) { totalCount } }",
        r#"{ "n": 3 }"#,
        "Invalid default value for argument: \"n\", expected type \"Int\"",
        "变量“n”的默认值无效：应为类型“Int”",
    ),
    // directives_unique
    (
        "{ me @skip(if: false) @skip(if: false) { id } }",
        "{}",
        "Duplicate directive \"skip\"",
        "指令“skip”只能出现一次",
    ),
    // fields_on_correct_type
    (
        "{ me { qqqqqqqqqqqqqqqqqqqqqqqqq } }",
        "{}",
        "Unknown field \"qqqqqqqqqqqqqqqqqqqqqqqqq\" on type \"Account\".",
        "类型“Account”没有字段“qqqqqqqqqqqqqqqqqqqqqqqqq”",
    ),
    (
        "{ me { logim } }",
        "{}",
        "Unknown field \"logim\" on type \"Account\". Did you mean \"login\"?",
        "类型“Account”没有字段“logim”，是否应为“login”？",
    ),
    // fragments_on_composite_types
    (
        "{ me { ...F } } fragment F on String { id }",
        "{}",
        "Fragment \"F\" cannot condition non composite type \"String\"",
        "片段“F”不能以类型“String”为条件：它没有子字段",
    ),
    (
        "{ me { ... on String { id } } }",
        "{}",
        "Fragment cannot condition non composite type \"String\"",
        "片段不能以类型“String”为条件：它没有子字段",
    ),
    // known_argument_names
    (
        "{ me(nothing: 1) { id } }",
        "{}",
        "Unknown argument \"nothing\" on field \"me\" of type \"Query\".",
        "类型“Query”的字段“me”没有参数“nothing”",
    ),
    (
        "{ me @skip(if: false, nothing: 1) { id } }",
        "{}",
        "Unknown argument \"nothing\" on directive \"skip\".",
        "指令“skip”没有参数“nothing”",
    ),
    // known_directives
    (
        "{ me @nothing { id } }",
        "{}",
        "Unknown directive \"nothing\"",
        "未知的指令“nothing”",
    ),
    (
        "query Q @skip(if: false) { me { id } }",
        "{}",
        "Directive \"skip\" may not be used on \"QUERY\"",
        "指令“skip”不能用于此处（QUERY）",
    ),
    // known_fragment_names
    (
        "{ me { ...Nothing } }",
        "{}",
        "Unknown fragment: \"Nothing\"",
        "未知的片段“Nothing”",
    ),
    // known_type_names
    (
        "{ me { ... on Nothing { id } } }",
        "{}",
        "Unknown type \"Nothing\"",
        "未知的类型“Nothing”",
    ),
    // no_fragment_cycles: found before the library looks.
    (
        "{ me { ...A } } fragment A on Account { ...A }",
        "{}",
        "the request is not well formed: a fragment spreads itself",
        "请求格式有误：片段引用了自身",
    ),
    // no_undefined_variables
    (
        "query Q { ticket(id: $n) { id } }",
        "{}",
        "Variable \"$n\" is not defined by operation \"Q\"",
        "操作“Q”未定义变量“$n”",
    ),
    (
        "{ ticket(id: $n) { id } }",
        "{}",
        "Variable \"$n\" is not defined",
        "变量“$n”未定义",
    ),
    // no_unused_fragments
    (
        "{ me { id } } fragment F on Account { id }",
        "{}",
        "Fragment \"F\" is never used",
        "片段“F”未被使用",
    ),
    // no_unused_variables
    (
        "query Q($n: Int) { me { id } }",
        "{}",
        "Variable \"$n\" is not used by operation \"Q\"",
        "操作“Q”未使用变量“$n”",
    ),
    (
        "query($n: Int) { me { id } }",
        "{}",
        "Variable \"$n\" is not used",
        "变量“$n”未被使用",
    ),
    // overlapping_fields_can_be_merged
    (
        "{ me { a: id a: name } }",
        "{}",
        "Fields \"a\" conflict because \"id\" and \"name\" are different fields. Use different aliases on the fields to fetch both if this was intentional.",
        "“a”有冲突：“id”与“name”是不同的字段，如需同时查询，请使用不同的别名",
    ),
    (
        "{ a: ticket(id: \"1\") { id } a: ticket(id: \"2\") { id } }",
        "{}",
        "Fields \"id\" conflict because they have differing arguments. Use different aliases on the fields to fetch both if this was intentional.",
        "“id”有冲突：参数不同，如需同时查询，请使用不同的别名",
    ),
    // possible_fragment_spreads
    (
        "{ me { ...F } } fragment F on Ticket { id }",
        "{}",
        "Fragment \"F\" cannot be spread here as objects of type \"Account\" can never be of type \"Ticket\"",
        "片段“F”不能在此展开：类型“Account”的对象不可能是类型“Ticket”",
    ),
    (
        "{ me { ... on Ticket { id } } }",
        "{}",
        "Fragment cannot be spread here as objects of type \"Account\" can never be of type \"Ticket\"",
        "片段不能在此展开：类型“Account”的对象不可能是类型“Ticket”",
    ),
    // provided_non_null_arguments
    (
        "{ me @skip { id } }",
        "{}",
        "Directive \"@skip\" argument \"if\" of type \"Boolean!\" is required but not provided",
        "指令“@skip”缺少必填参数“if”（类型“Boolean!”）",
    ),
    (
        "{ inbox { totalCount } }",
        "{}",
        "Field \"inbox\" argument \"tab\" of type \"Query\" is required but not provided",
        "类型“Query”的字段“inbox”缺少必填参数“tab”",
    ),
    // scalar_leafs
    (
        "{ me { id { nothing } } }",
        "{}",
        "Field \"id\" must not have a selection since type \"ID\" has no subfields",
        "字段“id”不能选取子字段：类型“ID”没有子字段",
    ),
    (
        "{ me }",
        "{}",
        "Field \"me\" of type \"Account\" must have a selection of subfields",
        "字段“me”须选取子字段，其类型为“Account”",
    ),
    // unique_argument_names
    (
        "{ ticket(id: \"1\", id: \"2\") { id } }",
        "{}",
        "There can only be one argument named \"id\"",
        "参数“id”只能出现一次",
    ),
    // unique_variable_names
    (
        "query($n: ID, $n: ID) { ticket(id: $n) { id } }",
        "{}",
        "There can only be one variable named \"$n\"",
        "变量“$n”只能定义一次",
    ),
    // upload_file: there is no such type here.
    (
        "query($n: Upload) { ticket(id: $n) { id } }",
        "{}",
        "Unknown type \"Upload\"",
        "未知的类型“Upload”",
    ),
    // variables_are_input_types
    (
        "query($n: Ticket) { ticket(id: $n) { id } }",
        "{}",
        "Variable \"n\" cannot be of non-input type \"Ticket\"",
        "变量“n”不能为类型“Ticket”：它不是输入类型",
    ),
    // variables_in_allowed_position is never asked: the library's list of rules does not hand values on to them. Its
    // sentence is in the table all the same.
    // Before rules: the parser, and which operation is meant.
    (
        "{ me { id }",
        "{}",
        "syntax error: expected selection",
        "语法错误：此处应为selection",
    ),
    (
        "",
        "{}",
        "syntax error: expected executable_definition",
        "语法错误：此处应为executable_definition",
    ),
    (
        "fragment F on Account { id }",
        "{}",
        "document does not contain an operation",
        "文档中没有任何操作",
    ),
    (
        "{ me { id } } query Q { me { id } }",
        "{}",
        "document contains multiple operations",
        "文档含有多项操作，其中有未命名的",
    ),
    (
        "query Q { me { id } } query Q { me { id } }",
        "{}",
        "operation Q is defined twice",
        "操作“Q”重复定义",
    ),
    (
        "query A { me { id } } query B { me { id } }",
        "{}",
        "Operation name required in request.",
        "文档含有多项操作，请求须以 operationName 指明其一",
    ),
];

async fn asked(client: &Client, language: &str, body: &Value) -> Value {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", client.url))
        .bearer_auth(client.token.as_deref().unwrap_or("none"))
        .header("accept-language", language)
        .json(body);
    request.send().await.unwrap().json().await.unwrap()
}

/// The one error among an answer's that says so; all of them otherwise.
fn saying<'a>(told: &'a Value, message: &str) -> Result<&'a Value, Vec<&'a Value>> {
    let errors: Vec<_> = told["errors"].as_array().into_iter().flatten().collect();
    let found = errors.iter().find(|error| error["message"] == message);
    found.copied().ok_or(errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_with_a_document_is_told_in_either_language() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let clerk = person(&server, "clerk").await;
    let mut wrong = Vec::new();
    for &(query, variables, english, chinese) in BROKEN {
        let variables: Value = serde_json::from_str(variables).unwrap();
        let body = json!({ "query": query, "variables": variables });
        let mut found = Vec::new();
        for (language, message) in [("en", english), ("zh-CN", chinese)] {
            let told = asked(&clerk, language, &body).await;
            match saying(&told, message) {
                Ok(error) => found.push((error["locations"].clone(), error["extensions"].clone())),
                Err(errors) => wrong.push(format!("{query}\n  {message}\n  {errors:?}")),
            }
        }
        if let [english, chinese] = &found[..] {
            assert_eq!(english, chinese, "{query}");
            assert_eq!(english.1["code"], "BAD_REQUEST", "{query}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One request as it is, with what is said of it.
async fn said(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> String {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_comes_to_execution_is_told_in_either_language() {
    let store = TestStore::sqlite();
    let server = city(&store).await;
    let json = ("content-type", "application/json");
    for (method, path, headers, english, chinese) in [
        (
            Method::POST,
            "/graphql",
            vec![],
            "send application/json in UTF-8",
            "请以 UTF-8 编码的 application/json 发送",
        ),
        (
            Method::POST,
            "/graphql",
            vec![json],
            "the body is a JSON object with a query, or a documentId",
            "请求正文须为 JSON 对象，含 query 或 documentId",
        ),
        (
            Method::GET,
            "/graphql",
            vec![],
            "a GET carries query or documentId, and variables as JSON",
            "GET 请求须带 query 或 documentId，variables 须为 JSON",
        ),
        (
            Method::GET,
            "/graphql?query=mutation%7B__typename%7D",
            vec![],
            "a mutation needs POST",
            "变更操作须使用 POST",
        ),
        (
            Method::GET,
            "/graphql?query=subscription%7BinboxChanged%7Bposition%7D%7D",
            vec![("accept", "application/json")],
            "a subscription is answered by text/event-stream, or a WebSocket",
            "订阅须以 text/event-stream 或 WebSocket 接收",
        ),
        (
            Method::GET,
            "/graphql?query=%7Bme%7Bid%7D%7D",
            vec![("accept", "image/png")],
            "ask for application/graphql-response+json, or application/json",
            "只能以 application/graphql-response+json 或 application/json 应答",
        ),
        (Method::PUT, "/graphql", vec![], "use POST", "请使用 POST"),
        (
            Method::GET,
            "/graphql?query=subscription%7BinboxChanged%7Bposition%7D%7D",
            vec![("last-event-id", "x")],
            "Last-Event-ID is the id of an event of this stream",
            "Last-Event-ID 须为此事件流中某一事件的 id",
        ),
    ] {
        for (language, message) in [("en", english), ("fr", chinese)] {
            let mut headers = headers.clone();
            headers.push(("accept-language", language));
            let said = said(&server, method.clone(), path, &headers).await;
            assert!(said.contains(message), "{said}");
        }
    }
}
