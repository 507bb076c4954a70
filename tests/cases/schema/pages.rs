//! Pages in both ways: read against each other, from either end, while others work.

use super::{person, with_requests};
use crate::gateway::{department, request};
use docket_tests::server::{Client, Server};
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

/// A list: its document with `$first`, `$after`, `$last`, `$before`, and where the page stands in the answer.
struct List<'l> {
    client: &'l Client,
    query: String,
    at: &'static str,
    more: Value,
}

const ARGUMENTS: &str = "first: $first, after: $after, last: $last, before: $before";
const PAGE: &str = "{ edges { cursor } nodes { __typename } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";

impl<'l> List<'l> {
    fn new(
        client: &'l Client,
        variables: &str,
        field: &str,
        at: &'static str,
        more: Value,
    ) -> Self {
        let field = field.replace("ARGUMENTS", ARGUMENTS).replace("PAGE", PAGE);
        let query = format!(
            "query($first: Int, $after: String, $last: Int, $before: String {variables}) {{ {field} }}"
        );
        Self {
            client,
            query,
            at,
            more,
        }
    }

    async fn page(&self, arguments: Value) -> Value {
        let mut variables = self.more.clone();
        variables
            .as_object_mut()
            .unwrap()
            .extend(arguments.as_object().unwrap().clone());
        let mut data = self.client.data(&self.query, variables).await;
        let mut page = data.pointer_mut(self.at).unwrap().take();
        let edges = page["edges"].as_array().unwrap();
        assert_eq!(edges.len(), page["nodes"].as_array().unwrap().len());
        let ends = [edges.first(), edges.last()]
            .map(|edge| edge.map_or(Value::Null, |e| e["cursor"].clone()));
        assert_eq!(
            [
                &page["pageInfo"]["startCursor"],
                &page["pageInfo"]["endCursor"]
            ],
            [&ends[0], &ends[1]]
        );
        page["cursors"] = edges.iter().map(|edge| edge["cursor"].clone()).collect();
        page
    }

    /// Every cursor, page by page from one end.
    async fn walk(&self, size: i32, backward: bool) -> Vec<Value> {
        let (count, place, more, end) = if backward {
            ("last", "before", "hasPreviousPage", "startCursor")
        } else {
            ("first", "after", "hasNextPage", "endCursor")
        };
        let (mut seen, mut at) = (Vec::new(), Value::Null);
        loop {
            let page = self.page(json!({ count: size, place: at })).await;
            // There is something on the side it came from, but for the first page.
            let back = if backward {
                "hasNextPage"
            } else {
                "hasPreviousPage"
            };
            assert_eq!(page["pageInfo"][back], json!(!at.is_null()), "{page:#}");
            let mut cursors = page["cursors"].as_array().unwrap().clone();
            if backward {
                cursors.reverse();
            }
            seen.extend(cursors);
            at = page["pageInfo"][end].clone();
            if page["pageInfo"][more] == false {
                break;
            }
        }
        if backward {
            seen.reverse();
        }
        seen
    }

    /// The same rows in the same order, whichever way and in whatever pages; and every stretch between two of them.
    async fn check(&self, rows: usize) {
        let all = self.walk(100, false).await;
        assert_eq!(all.len(), rows, "{}", self.query);
        for size in [1, 2, 3] {
            assert_eq!(
                self.walk(size, false).await,
                all,
                "{} by {size}",
                self.query
            );
            assert_eq!(
                self.walk(size, true).await,
                all,
                "{} back by {size}",
                self.query
            );
        }
        let between = json!({ "after": all[0], "before": all[rows - 1] });
        for count in ["first", "last"] {
            let mut asked = between.clone();
            asked[count] = json!(100);
            let page = self.page(asked).await;
            assert_eq!(page["cursors"].as_array().unwrap(), &all[1..rows - 1]);
            let sides = [
                &page["pageInfo"]["hasNextPage"],
                &page["pageInfo"]["hasPreviousPage"],
            ];
            assert_eq!(sides, [&json!(true), &json!(true)], "{}", self.query);
        }
        let both = json!({ "first": 1, "last": 1 });
        assert_eq!(self.fault(both).await, "BAD_REQUEST");
        let other = "MXxjYXRzfDF8Mg";
        for garbage in ["", "%", "bm9wZQ", other] {
            for place in ["after", "before"] {
                assert_eq!(
                    self.fault(json!({ place: garbage })).await,
                    self.bad(garbage),
                    "{garbage}"
                );
            }
        }
    }

    /// `events` takes positions too: the empty one is none.
    fn bad(&self, garbage: &str) -> &'static str {
        if garbage.is_empty() && self.query.contains("events(") {
            "BAD_REQUEST"
        } else {
            "BAD_CURSOR"
        }
    }

    async fn fault(&self, arguments: Value) -> String {
        let mut variables = self.more.clone();
        variables
            .as_object_mut()
            .unwrap()
            .extend(arguments.as_object().unwrap().clone());
        self.client.fault(&self.query, variables).await
    }
}

async fn inboxes_are_read_both_ways(store: &TestStore) {
    let (server, _, position) = with_requests(store, 7).await;
    let operator = person(&server, "operator").await;
    for order in [
        "DUE_FIRST",
        "OLDEST_FIRST",
        "NEWEST_FIRST",
        "LATEST_FIRST",
        "UNASSIGNED_FIRST",
        "URGENT_FIRST",
    ] {
        let field =
            format!("inbox(tab: TO_ASSIGN, orderBy: {order}, minPosition: $p, ARGUMENTS) PAGE");
        let more = json!({ "p": position });
        List::new(&operator, "$p: Position", &field, "/inbox", more)
            .check(7)
            .await;
    }
}

async fn timelines_notices_and_logs_are_read_both_ways(store: &TestStore) {
    let (server, tickets, _) = with_requests(store, 1).await;
    let dispatcher = person(&server, "dispatcher").await;
    let mut position = Value::Null;
    for _ in 0..4 {
        let urge = json!({ "id": tickets[0], "text": "请尽快" });
        position = dispatcher.mutate("urgeTicket", urge).await["position"].take();
    }
    let more = json!({ "id": tickets[0], "p": position });
    let field = "ticket(id: $id, minPosition: $p) { timeline(ARGUMENTS) PAGE }";
    List::new(
        &dispatcher,
        "$id: ID! $p: Position",
        field,
        "/ticket/timeline",
        more,
    )
    .check(5)
    .await;
    let office = person(&server, "office").await;
    let publish =
        "mutation { publishNotice(input: { title: \"通知\", body: \"请周知\" }) { position } }";
    let mut position = Value::Null;
    for _ in 0..5 {
        position = office.data(publish, json!({})).await["publishNotice"]["position"].take();
    }
    let field = "notices(minPosition: $p, ARGUMENTS) PAGE";
    List::new(
        &office,
        "$p: Position",
        field,
        "/notices",
        json!({ "p": position }),
    )
    .check(5)
    .await;
    exclusions_are_read_both_ways(&server).await;
    let auditor = person(&server, "auditor").await;
    let rows = auditor
        .data("{ securityLog { nodes { kind } } }", json!({}))
        .await;
    let rows = rows["securityLog"]["nodes"].as_array().unwrap().len();
    List::new(
        &auditor,
        "",
        "securityLog(ARGUMENTS) PAGE",
        "/securityLog",
        json!({}),
    )
    .check(rows)
    .await;
}

async fn exclusions_are_read_both_ways(server: &Server) {
    let (operator, dispatcher) = (
        person(server, "operator").await,
        person(server, "dispatcher").await,
    );
    let leader = person(server, "leader").await;
    let mut position = Value::Null;
    for _ in 0..5 {
        let ticket = operator.act("receiveTicket", request()).await;
        let id = &ticket["id"];
        let assign = json!({ "id": id, "leadId": department() });
        dispatcher.act("assignTicket", assign).await;
        leader.act("signTicket", json!({ "id": id })).await;
        leader.act("replyTicket", crate::stories::reply(id)).await;
        let ask = json!({ "id": id, "ground": "FORCE_MAJEURE", "text": "暴雨" });
        position = leader.mutate("askExclusion", ask).await["position"].take();
    }
    let field = "exclusions(minPosition: $p, ARGUMENTS) PAGE";
    List::new(
        &leader,
        "$p: Position",
        field,
        "/exclusions",
        json!({ "p": position }),
    )
    .check(5)
    .await;
}

/// The log's pages go by what was looked at, so that their ends are not always their rows'.
async fn the_log_is_read_both_ways(store: &TestStore) {
    let (server, _, _) = with_requests(store, 6).await;
    let auditor = person(&server, "auditor").await;
    let read = async |arguments: &str| {
        let query = format!(
            "{{ events({arguments}) {{ nodes {{ position }} head
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
        );
        let mut data = auditor.data(&query, json!({})).await;
        let mut page = data["events"].take();
        let nodes: Vec<Value> = page["nodes"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .map(|n| n["position"].take())
            .collect();
        (nodes, page)
    };
    let (all, page) = read("first: 500").await;
    assert_eq!(all.last(), Some(&page["head"]));
    for filter in ["", "filter: { type: \"received\" }"] {
        let (wanted, _) = read(&format!("first: 500 {filter}")).await;
        for (count, place, more, end) in [
            ("first", "after", "hasNextPage", "endCursor"),
            ("last", "before", "hasPreviousPage", "startCursor"),
        ] {
            let (mut seen, mut at) = (Vec::new(), String::new());
            loop {
                let (mut nodes, page) = read(&format!("{count}: 2 {at} {filter}")).await;
                if count == "last" {
                    nodes.reverse();
                }
                seen.extend(nodes);
                at = format!("{place}: {}", page["pageInfo"][end]);
                if page["pageInfo"][more] == false {
                    break;
                }
            }
            if count == "last" {
                seen.reverse();
            }
            assert_eq!(seen, wanted, "{count} {filter}");
        }
    }
    let (between, page) = read("last: 3, after: \"4\", before: \"9\"").await;
    assert_eq!(between, [json!("6"), json!("7"), json!("8")]);
    assert_eq!(
        [
            &page["pageInfo"]["hasNextPage"],
            &page["pageInfo"]["hasPreviousPage"]
        ],
        [&json!(true), &json!(true)]
    );
    for bad in ["first: 1, last: 1", "after: \"x\"", "before: \"\""] {
        let query = format!("{{ events({bad}) {{ head }} }}");
        let code = auditor.fault(&query, json!({})).await;
        assert!(
            ["BAD_REQUEST", "BAD_CURSOR"].contains(&code.as_str()),
            "{bad}: {code}"
        );
    }
}

/// Rows come and go between pages: what stays is seen once, from either end.
async fn pages_hold_while_rows_come_and_go(store: &TestStore) {
    let (server, tickets, position) = with_requests(store, 9).await;
    let (operator, dispatcher) = (
        person(&server, "operator").await,
        person(&server, "dispatcher").await,
    );
    let query = "query($first: Int, $after: String, $last: Int, $before: String, $p: Position) {
        inbox(tab: TO_ASSIGN, orderBy: OLDEST_FIRST, minPosition: $p, first: $first, after: $after, last: $last,
            before: $before) { nodes { ticket { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let mut position = position;
    for backward in [false, true] {
        let (mut seen, mut at, mut gone) = (Vec::new(), Value::Null, Vec::new());
        let left: Vec<Value> = {
            let all = operator
                .data(query, json!({ "first": 100, "p": position }))
                .await;
            all["inbox"]["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n["ticket"]["id"].clone())
                .collect()
        };
        for turn in 0.. {
            let arguments = if backward {
                json!({ "last": 2, "before": at, "p": position })
            } else {
                json!({ "first": 2, "after": at, "p": position })
            };
            let page = operator.data(query, arguments).await;
            let mut ids: Vec<Value> = page["inbox"]["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n["ticket"]["id"].clone())
                .collect();
            if backward {
                ids.reverse();
            }
            seen.extend(ids);
            let info = &page["inbox"]["pageInfo"];
            let (end, more) = if backward {
                ("startCursor", "hasPreviousPage")
            } else {
                ("endCursor", "hasNextPage")
            };
            at = info[end].clone();
            if info[more] == false {
                break;
            }
            // The row the cursor stands at is assigned away, and another comes in.
            if turn < 2 {
                let last = seen.last().unwrap().clone();
                let assign = json!({ "id": last, "leadId": department() });
                dispatcher.act("assignTicket", assign).await;
                gone.push(last);
                position = operator.mutate("receiveTicket", request()).await["position"].take();
            }
        }
        for id in &left {
            let times = seen.iter().filter(|seen| *seen == id).count();
            assert_eq!(times, 1, "{id} backward: {backward}");
        }
        assert_eq!(gone.len(), 2);
    }
    assert!(tickets.len() == 9);
}

/// A citizen's pages are cut after what is the staff's was left out.
async fn a_citizens_pages_tell_nothing_of_the_staffs_steps(store: &TestStore) {
    let server = crate::gateway::city(store).await;
    let citizen = person(&server, "citizen").await;
    let ticket = citizen.act("receiveTicket", request()).await;
    let id = &ticket["id"];
    let supervisor = person(&server, "supervisor").await;
    for level in ["ORDINARY", "LISTED"] {
        let supervise = json!({ "id": id, "level": level, "text": "请关注" });
        supervisor.act("superviseTicket", supervise).await;
    }
    let urged = citizen.mutate("urgeTicket", json!({ "id": id })).await;
    let query = "query($id: ID!, $p: Position, $after: String) { ticket(id: $id, minPosition: $p) {
        timeline(first: 1, after: $after) { nodes { type } pageInfo { hasNextPage endCursor } } } }";
    let mut at = json!({ "id": id, "p": urged["position"] });
    let page = citizen.data(query, at.clone()).await["ticket"]["timeline"].take();
    assert_eq!(page["nodes"], json!([{ "type": "received" }]));
    at["after"] = page["pageInfo"]["endCursor"].clone();
    let page = citizen.data(query, at).await["ticket"]["timeline"].take();
    assert_eq!(page["nodes"], json!([{ "type": "urged" }]));
    assert_eq!(page["pageInfo"]["hasNextPage"], false);
}

/// The most pressing first, and of those what is due next.
async fn inboxes_are_sorted_by_urgency(store: &TestStore) {
    let server = crate::gateway::city(store).await;
    let operator = person(&server, "operator").await;
    let mut position = Value::Null;
    for urgency in ["NORMAL", "CRITICAL", "URGENT", "NORMAL", "CRITICAL"] {
        let mut input = request();
        input["urgency"] = json!(urgency);
        position = operator.mutate("receiveTicket", input).await["position"].take();
    }
    let query =
        "query($p: Position) { inbox(tab: TO_ASSIGN, orderBy: URGENT_FIRST, minPosition: $p) {
        nodes { ticket { urgency } } } }";
    let data = operator.data(query, json!({ "p": position })).await;
    let nodes = data["inbox"]["nodes"].as_array().unwrap();
    let seen: Vec<_> = nodes
        .iter()
        .map(|node| node["ticket"]["urgency"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ["CRITICAL", "CRITICAL", "URGENT", "NORMAL", "NORMAL"]);
}

on_both_stores! {
    inboxes_are_read_both_ways,
    timelines_notices_and_logs_are_read_both_ways,
    the_log_is_read_both_ways,
    pages_hold_while_rows_come_and_go,
    a_citizens_pages_tell_nothing_of_the_staffs_steps,
    inboxes_are_sorted_by_urgency,
}
