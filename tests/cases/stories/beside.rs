//! What is beside a ticket's plain way: more time, suspension, supervision, dispute and ruling, merging, an end
//! unsolved, exclusion from the appraisal, corrections, secrecy, the archive. Each by whom it belongs to.

use super::{Story, reply};
use crate::gateway::{department, request};
use docket_domain::ticket::scenario::OTHER_DEPARTMENT;
use docket_tests::{TestStore, on_both_stores};
use serde_json::{Value, json};

on_both_stores! {
    a_limit_is_extended_and_a_clock_suspended,
    a_number_out_of_its_range_is_refused_at_its_field,
    a_disputed_ticket_is_ruled_on,
    two_tickets_are_merged_and_share_the_outcome,
    a_caller_takes_back_what_was_merged,
    the_accused_answers_no_report_merged_into_its_ticket,
    a_ticket_ends_unsolved_and_is_excluded_and_archived,
    an_answer_is_corrected_and_a_ticket_supervised,
    a_caller_is_put_through_and_a_report_kept_secret,
    a_citizen_is_told_of_no_supervision,
}

const NOT_THEIRS: &str = "ROLE_NOT_ALLOWED";

fn other_department() -> String {
    format!("department:{OTHER_DEPARTMENT}")
}

fn due_of(seen: &Value) -> &str {
    seen["assignments"][0]["due"]["at"].as_str().unwrap()
}

/// The one user error of a command, and the field it names.
async fn is_at(story: &Story, login: &str, mutation: &str, input: Value, code: &str, field: &str) {
    let query = format!(
        "mutation($input: {}{}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code path }} }} }}",
        mutation[..1].to_uppercase(),
        &mutation[1..]
    );
    let data = story
        .person(login)
        .await
        .data(&query, json!({ "input": input }))
        .await;
    let expected = json!([{ "code": code, "path": ["input", field] }]);
    assert_eq!(data[mutation]["userErrors"], expected, "{input}");
}

/// What the domain does not count is refused like any number out of its range, with its field.
async fn a_number_out_of_its_range_is_refused_at_its_field(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let ask = |days: i32| json!({ "id": id, "days": days, "text": "需要鉴定", "callerTold": true });
    for days in [-1, 0, 65_536] {
        let (action, input) = ("askExtension", ask(days));
        is_at(&story, "clerk", action, input, "INVALID_VALUE", "days").await;
    }
    let mut seen = ask(3);
    seen["expectedRevision"] = json!(-1);
    let (action, field) = ("askExtension", "expectedRevision");
    is_at(&story, "clerk", action, seen, "STALE_REVISION", field).await;
    let form = json!({ "id": id, "form": "ASSIGNMENT", "assignmentNo": -1 });
    let (action, field) = ("printTicket", "assignmentNo");
    is_at(&story, "clerk", action, form, "INVALID_VALUE", field).await;
    story.does("clerk", "askExtension", ask(3)).await;
    for days in [-1, 70_000] {
        let (action, input) = ("grantExtension", json!({ "id": id, "days": days }));
        is_at(&story, "dispatcher", action, input, "INVALID_VALUE", "days").await;
    }
}

async fn a_limit_is_extended_and_a_clock_suspended(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let fields = "suspended assignments { light due { at } extensions { days text granted }
        moves { cause before { at } after { at } } } pauses { cause ground to }";
    let before = story.reads("clerk", id, fields).await;
    let ask = json!({ "id": id, "days": 3, "text": "需要鉴定", "callerTold": true });
    let others = ["dispatcher", "office"];
    story
        .may_not(&others, "askExtension", &ask, NOT_THEIRS)
        .await;
    let long = json!({ "id": id, "days": 11, "text": "需要鉴定", "callerTold": true });
    story
        .may_not(&["clerk"], "askExtension", &long, "INVALID_VALUE")
        .await;
    story.does("clerk", "askExtension", ask).await;
    story.is_in("dispatcher", "TO_DECIDE", &ticket).await;
    let grant = json!({ "id": id, "days": 2 });
    story
        .may_not(&["leader"], "grantExtension", &grant, NOT_THEIRS)
        .await;
    story
        .does("dispatcher", "grantExtension", grant.clone())
        .await;
    story
        .may_not(&["dispatcher"], "grantExtension", &grant, "NOTHING_ASKED")
        .await;
    let after = story.reads("clerk", id, fields).await;
    assert!(due_of(&after) > due_of(&before));
    let moved = &after["assignments"][0]["moves"][0];
    assert_eq!(moved["cause"], "EXTENSION");
    assert_eq!(moved["before"]["at"], due_of(&before));
    assert_eq!(moved["after"]["at"], due_of(&after));
    let extension = json!([{ "days": 3, "text": "需要鉴定", "granted": true }]);
    assert_eq!(after["assignments"][0]["extensions"], extension);
    assert_eq!(after["assignments"][0]["light"], "GREEN");

    let suspend = json!({
        "id": id, "ground": "APPRAISAL", "expectedAt": "2031-01-01T00:00:00Z", "text": "等待鉴定",
    });
    story
        .may_not(
            &["clerk", "dispatcher"],
            "suspendTicket",
            &suspend,
            NOT_THEIRS,
        )
        .await;
    story.does("office", "suspendTicket", suspend).await;
    story
        .may_not(&["clerk"], "replyTicket", &reply(id), "SUSPENDED")
        .await;
    story.is_in("clerk", "SUSPENDED", &ticket).await;
    story.is_in("office", "SUSPENDED", &ticket).await;
    let resume = json!({ "id": id, "text": "鉴定已出" });
    story.does("office", "resumeTicket", resume.clone()).await;
    story
        .may_not(&["office"], "resumeTicket", &resume, "NOT_SUSPENDED")
        .await;
    let seen = story.reads("clerk", id, fields).await;
    assert_eq!(seen["pauses"][0]["ground"], "APPRAISAL");
    assert!(seen["pauses"][0]["to"].is_string());
    story.is_in("clerk", "IN_PROGRESS", &ticket).await;

    the_clock_explains_itself(&story, id).await;
}

async fn the_clock_explains_itself(story: &Story, id: &Value) {
    let reading = "due { at } light elapsedMinutes lateByMinutes";
    let fields = format!(
        "assignments {{ due {{ at }} clock {{ light stillSince spansCut judgedThen {{ {reading} }} judgedNow {{ {reading} }}
            spans {{ kind from to eventId day }} moves {{ cause }} }} }}"
    );
    let seen = story.reads("clerk", id, &fields).await;
    let assignment = &seen["assignments"][0];
    let clock = &assignment["clock"];
    assert_eq!(clock["judgedThen"]["due"], assignment["due"]);
    assert_eq!(
        clock["judgedNow"], clock["judgedThen"],
        "the rules are the same"
    );
    assert_eq!(
        (&clock["light"], &clock["spansCut"]),
        (&json!("GREEN"), &json!(false))
    );
    let spans = clock["spans"].as_array().unwrap();
    let paused = spans.iter().find(|span| span["kind"] == "PAUSED").unwrap();
    assert!(paused["eventId"].is_string() && paused["day"].is_null());
    for two in spans.windows(2) {
        assert_eq!(two[0]["to"], two[1]["from"], "no gap");
    }
}

async fn a_disputed_ticket_is_ruled_on(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let reassign = json!({ "id": id, "leadId": other_department(), "text": "职责调整" });
    story
        .may_not(
            &["operator", "clerk"],
            "reassignTicket",
            &reassign,
            NOT_THEIRS,
        )
        .await;
    let state = story.does("dispatcher", "reassignTicket", reassign).await;
    assert_eq!(state, "ASSIGNED");
    story.is_in("other-clerk", "TO_SIGN", &ticket).await;
    story.is_in("clerk", "DONE", &ticket).await;
    let dispute = json!({ "id": id, "text": "两部门均称不属职责" });
    story
        .does("dispatcher", "disputeTicket", dispute.clone())
        .await;
    story
        .may_not(
            &["dispatcher"],
            "disputeTicket",
            &dispute,
            "ALREADY_DISPUTED",
        )
        .await;
    story.is_in("joint-meeting", "DISPUTED", &ticket).await;
    let rule = json!({
        "id": id, "leadId": department(), "assistIds": [other_department()], "text": "由城管局主办",
    });
    story
        .may_not(&["dispatcher", "office"], "ruleOnTicket", &rule, NOT_THEIRS)
        .await;
    story.does("joint-meeting", "ruleOnTicket", rule).await;
    let back = json!({ "id": id, "reason": "NOT_COMPETENT", "text": "不属于" });
    story
        .may_not(&["clerk", "other-clerk"], "returnTicket", &back, "RULED_ON")
        .await;
    let fields = "dispute { cause } ruling { text assignmentNo } assignments { part locked state }";
    let seen = story.reads("clerk", id, fields).await;
    assert_eq!(seen["dispute"], Value::Null);
    assert_eq!(
        seen["ruling"],
        json!({ "text": "由城管局主办", "assignmentNo": 3 })
    );
    let ruled = json!({ "part": "ASSIST", "locked": true, "state": "ASSIGNED" });
    assert_eq!(seen["assignments"][3], ruled);
}

async fn two_tickets_are_merged_and_share_the_outcome(store: &TestStore) {
    let story = Story::begin(store).await;
    let master = story.signed().await;
    let follower = story.assigned().await;
    let (id, other) = (&follower["id"], &master["id"]);
    let merge = json!({ "id": id, "masterId": other });
    story
        .may_not(&["clerk", "operator"], "mergeTicket", &merge, NOT_THEIRS)
        .await;
    let itself = json!({ "id": id, "masterId": id });
    story
        .may_not(&["dispatcher"], "mergeTicket", &itself, "NO_MASTER")
        .await;
    let state = story.does("dispatcher", "mergeTicket", merge.clone()).await;
    assert_eq!(state, "MERGED");
    let seen = story
        .reads(
            "dispatcher",
            id,
            "mergedInto { number } assignments { state }",
        )
        .await;
    assert_eq!(seen["mergedInto"]["number"], master["number"]);
    assert_eq!(seen["assignments"][0]["state"], "RELEASED");
    let seen = story
        .reads("dispatcher", other, "followers { number }")
        .await;
    assert_eq!(seen["followers"], json!([{ "number": follower["number"] }]));
    // A merge that does not come about leaves no follower behind.
    let third = story.assigned().await;
    let stale = json!({ "id": third["id"], "masterId": other, "expectedRevision": 1 });
    story
        .may_not(&["dispatcher"], "mergeTicket", &stale, "STALE_REVISION")
        .await;
    let here = story.server.app.desk.clone();
    let id_of = |ticket: &Value| {
        let id = ticket["id"]
            .as_str()
            .unwrap()
            .strip_prefix("ticket:")
            .unwrap();
        docket_domain::ids::TicketId(id.parse().unwrap())
    };
    let kept = here.ticket(id_of(&master)).await.unwrap().unwrap();
    assert_eq!(kept.state.followers, [id_of(&follower)]);
    // What has followers is not merged itself.
    let back = json!({ "id": other, "masterId": id });
    story
        .may_not(&["dispatcher"], "mergeTicket", &back, "HAS_FOLLOWERS")
        .await;

    let unmerge = json!({ "id": id, "text": "并非同一事项" });
    let state = story.does("dispatcher", "unmergeTicket", unmerge).await;
    assert_eq!(state, "ASSIGNED", "as it was");
    let seen = story
        .reads("dispatcher", other, "followers { number }")
        .await;
    assert_eq!(seen["followers"], json!([]));

    story.does("dispatcher", "mergeTicket", merge).await;
    story.does("clerk", "replyTicket", reply(other)).await;
    story
        .does("office", "reviewTicket", json!({ "id": other }))
        .await;
    let call = json!({ "id": other, "reached": true, "solved": true });
    story.does("call-back", "callBackTicket", call).await;
    // Docket shares the outcome by itself.
    let fields = "state answer { text } ending { kind }";
    let seen = story
        .until(id, fields, |seen| seen["state"] == "CLOSED")
        .await;
    assert_eq!(seen["answer"]["text"], "已停工");
    assert_eq!(seen["ending"]["kind"], "MERGED");
    let forgotten = |seen: &Value| seen["followers"] == json!([]);
    story.until(other, "followers { number }", forgotten).await;
    corrections_are_shared(&story, other, id).await;
}

/// What is corrected on a master that is over is corrected on its follower, until that one is redone.
async fn corrections_are_shared(story: &Story, other: &Value, id: &Value) {
    let forgotten = |seen: &Value| seen["followers"] == json!([]);
    let correct = json!({ "id": other, "answer": "已停工并处罚", "text": "来电人丙补充" });
    story.does("clerk", "correctAnswer", correct).await;
    let fields =
        "state corrections answer { text } timeline { nodes { type texts { field text } } }";
    let corrected = |seen: &Value| seen["answer"]["text"] == "已停工并处罚";
    let seen = story.until(id, fields, corrected).await;
    assert_eq!(
        (&seen["state"], &seen["corrections"]),
        (&json!("CLOSED"), &json!(1))
    );
    let steps = seen["timeline"].to_string();
    assert!(steps.contains("\"corrected\"") && !steps.contains("来电人丙"));
    story.until(other, "followers { number }", forgotten).await;
    // Once redone it goes its own way.
    let redo = json!({ "id": id, "instruction": "另行核查" });
    story.does("office", "redoTicket", redo).await;
    let correct = json!({ "id": other, "answer": "已停工", "text": "更正" });
    story.does("clerk", "correctAnswer", correct).await;
    // When its master has let it go once more, nothing comes of this any more.
    let left = |seen: &Value| {
        let steps = seen["timeline"]["nodes"].as_array().unwrap();
        steps.last().unwrap()["type"] == "left"
    };
    story
        .until(other, "timeline { nodes { type } }", left)
        .await;
    let seen = story.reads("office", id, "answer { text }").await;
    assert_eq!(seen["answer"], Value::Null);
}

async fn a_caller_takes_back_what_was_merged(store: &TestStore) {
    let story = Story::begin(store).await;
    let (master, follower) = (story.signed().await, story.received().await);
    let merge = json!({ "id": follower["id"], "masterId": master["id"] });
    story.does("dispatcher", "mergeTicket", merge).await;
    let call = json!({ "id": follower["id"], "text": "来电人来电撤诉" });
    let state = story.does("operator", "withdrawTicket", call).await;
    assert_eq!(state, "WITHDRAWN");
    let seen = story.reads("dispatcher", &master["id"], "followers { number }");
    assert_eq!(seen.await["followers"], json!([]), "its master forgets it");
}

async fn the_accused_answers_no_report_merged_into_its_ticket(store: &TestStore) {
    let story = Story::begin(store).await;
    let (master, report) = (story.signed().await, story.received().await);
    let (id, other) = (&report["id"], &master["id"]);
    let merge = json!({ "id": id, "masterId": other });
    story.does("dispatcher", "mergeTicket", merge).await;
    let accuses = json!({
        "id": id, "secrecy": "CONFIDENTIAL", "accusedDepartmentId": department(), "text": "举报该局",
    });
    story.does("office", "setSecrecy", accuses).await;
    story.does("clerk", "replyTicket", reply(other)).await;
    story
        .does("office", "reviewTicket", json!({ "id": other }))
        .await;
    let call = json!({ "id": other, "reached": true, "solved": true });
    story.does("call-back", "callBackTicket", call).await;
    let fields = "state answer { text } ending { kind }";
    let seen = story.until(id, fields, |seen| seen["state"] != "MERGED");
    let alone = json!({ "state": "RECEIVED", "answer": null, "ending": null });
    assert_eq!(seen.await, alone);
}

async fn a_ticket_ends_unsolved_and_is_excluded_and_archived(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let ask = json!({ "id": id, "reason": "NO_BASIS", "text": "无政策依据" });
    story
        .may_not(&["office"], "askTermination", &ask, NOT_THEIRS)
        .await;
    story.does("clerk", "askTermination", ask.clone()).await;
    story.is_in("office", "TO_DECIDE", &ticket).await;
    let no = json!({ "id": id, "text": "仍应办理" });
    story.does("office", "refuseTermination", no).await;
    story.does("clerk", "askTermination", ask).await;
    let end = json!({ "id": id, "text": "您反映的事项没有政策依据" });
    story
        .may_not(
            &["leader", "dispatcher"],
            "terminateTicket",
            &end,
            NOT_THEIRS,
        )
        .await;
    let state = story.does("office", "terminateTicket", end).await;
    assert_eq!(state, "TERMINATED");

    let exclude = json!({ "id": id, "ground": "FORCE_MAJEURE", "text": "暴雨" });
    story
        .may_not(&["office"], "askExclusion", &exclude, NOT_THEIRS)
        .await;
    story.does("leader", "askExclusion", exclude.clone()).await;
    let decide = |granted| json!({ "id": id, "granted": granted, "text": "核查" });
    let scored = ["clerk", "leader", "joint-meeting"];
    story
        .may_not(&scored, "decideExclusion", &decide(true), NOT_THEIRS)
        .await;
    story.does("office", "decideExclusion", decide(false)).await;
    story.does("leader", "askExclusion", exclude).await;
    story
        .may_not(&["office"], "decideExclusion", &decide(true), NOT_THEIRS)
        .await;
    story
        .does("joint-meeting", "decideExclusion", decide(true))
        .await;
    let fields = "exclusions { no ground appeal granted decidedBy { name } }";
    let seen = story.reads("auditor", id, fields).await;
    let last = json!({
        "no": 2, "ground": "FORCE_MAJEURE", "appeal": true, "granted": true,
        "decidedBy": { "name": "joint-meeting by name" },
    });
    assert_eq!(seen["exclusions"][1], last);

    let archive = json!({ "id": id, "class": "permanent" });
    story
        .may_not(&["dispatcher"], "archiveTicket", &archive, NOT_THEIRS)
        .await;
    let state = story.does("office", "archiveTicket", archive).await;
    assert_eq!(state, "ARCHIVED");
    let seen = story.reads("auditor", id, "archived { class }").await;
    assert_eq!(seen["archived"]["class"], "permanent");
}

async fn an_answer_is_corrected_and_a_ticket_supervised(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.signed().await;
    let id = &ticket["id"];
    let supervise = json!({ "id": id, "level": "RED", "text": "媒体报道" });
    story
        .may_not(
            &["office", "leader"],
            "superviseTicket",
            &supervise,
            NOT_THEIRS,
        )
        .await;
    story
        .does("supervisor", "superviseTicket", supervise.clone())
        .await;
    story
        .may_not(&["supervisor"], "superviseTicket", &supervise, "NO_CHANGE")
        .await;
    let seen = story
        .reads("clerk", id, "supervision { level text by { name } }")
        .await;
    let expected =
        json!({ "level": "RED", "text": "媒体报道", "by": { "name": "supervisor by name" } });
    assert_eq!(seen["supervision"], expected);
    let lift = json!({ "id": id, "text": "已整改" });
    story.does("supervisor", "liftSupervision", lift).await;

    let add = json!({ "id": id, "departmentId": other_department() });
    story.does("dispatcher", "addAssist", add.clone()).await;
    story
        .may_not(&["dispatcher"], "addAssist", &add, "OFFICE_TWICE")
        .await;
    story.is_in("other-clerk", "TO_SIGN", &ticket).await;

    let draft = json!({
        "id": id, "opinion": "已核实", "answer": "已停工", "contacted": true, "solved": true,
        "handler": "李工", "phone": "13800000002",
    });
    story.does("clerk", "saveDraft", draft).await;
    let read = story
        .reads("leader", id, "assignments { draft { id } }")
        .await;
    let sign_off = json!({ "id": id, "draftId": read["assignments"][0]["draft"]["id"] });
    story
        .may_not(&["clerk"], "signOffReply", &sign_off, NOT_THEIRS)
        .await;
    let state = story.does("leader", "signOffReply", sign_off).await;
    assert_eq!(state, "REPLIED");
    let correct = json!({ "id": id, "answer": "已停工并罚款", "text": "漏写罚款" });
    story
        .may_not(
            &["other-clerk", "office"],
            "correctAnswer",
            &correct,
            "NOT_HOLDER",
        )
        .await;
    story.does("clerk", "correctAnswer", correct).await;
    let fields = "corrections answer { text } timeline { nodes { type texts { field text } } }";
    let seen = story.reads("office", id, fields).await;
    assert_eq!(
        (&seen["corrections"], &seen["answer"]["text"]),
        (&json!(1), &json!("已停工并罚款"))
    );
    let steps = seen["timeline"]["nodes"].to_string();
    assert!(
        steps.contains("\"已停工\"") && steps.contains("漏写罚款"),
        "both versions: {steps}"
    );
}

async fn a_caller_is_put_through_and_a_report_kept_secret(store: &TestStore) {
    let story = Story::begin(store).await;
    let ticket = story.received().await;
    let transfer = json!({ "id": ticket["id"], "line": "119", "text": "楼道起火" });
    story
        .may_not(&["dispatcher"], "transferTicket", &transfer, NOT_THEIRS)
        .await;
    let odd = json!({ "id": ticket["id"], "line": "12306" });
    story
        .may_not(&["operator"], "transferTicket", &odd, "INVALID_VALUE")
        .await;
    let state = story.does("operator", "transferTicket", transfer).await;
    assert_eq!(state, "TRANSFERRED");

    let mut report = request();
    report["accusedDepartmentId"] = json!(department());
    let operator = story.person("operator").await;
    let report = operator.act("receiveTicket", report).await;
    let id = &report["id"];
    let assign = json!({ "id": id, "leadId": department() });
    story.does("dispatcher", "assignTicket", assign).await;
    let secret = json!({ "id": id, "secrecy": "CONFIDENTIAL", "text": "来电人要求保密" });
    story
        .may_not(&["clerk"], "setSecrecy", &secret, NOT_THEIRS)
        .await;
    story
        .may_not(&["office"], "setSecrecy", &secret, "ACCUSED_OFFICE")
        .await;
    let reassign = json!({ "id": id, "leadId": other_department(), "text": "回避" });
    story.does("dispatcher", "reassignTicket", reassign).await;
    assert!(
        story.reads("clerk", id, "number").await.is_object(),
        "it had it"
    );
    story.does("office", "setSecrecy", secret).await;
    let accused = story.person("clerk").await;
    let query = "query($id: ID!) { ticket(id: $id) { number } }";
    let hidden = story.until(id, "secrecy", |seen| seen["secrecy"] == "CONFIDENTIAL");
    hidden.await;
    assert_eq!(accused.fault(query, json!({ "id": id })).await, "NOT_FOUND");
    assert!(story.reads("other-clerk", id, "number").await.is_object());
    // Nor by a later ticket on the same matter, which the accused may have.
    let mut again = request();
    again["earlier"] = report["number"].clone();
    let again = operator.act("receiveTicket", again).await;
    let assign = json!({ "id": again["id"], "leadId": department() });
    story.does("dispatcher", "assignTicket", assign).await;
    for (login, earlier) in [("dispatcher", &report["number"]), ("clerk", &Value::Null)] {
        let seen = story.reads(login, &again["id"], "earlier").await;
        assert_eq!(&seen["earlier"], earlier, "{login}");
    }
}

async fn a_citizen_is_told_of_no_supervision(store: &TestStore) {
    let story = Story::begin(store).await;
    let mine = story.person("citizen").await;
    let ticket = mine.act("receiveTicket", request()).await;
    let id = &ticket["id"];
    let supervise = json!({ "id": id, "level": "RED", "text": "媒体报道" });
    story.does("supervisor", "superviseTicket", supervise).await;
    let fields = "supervision { level } timeline { nodes { type } pageInfo { hasNextPage } }";
    let theirs = story.reads("citizen", id, fields).await;
    assert_eq!(theirs["timeline"]["nodes"], json!([{ "type": "received" }]));
    assert_eq!(theirs["supervision"], Value::Null);
    let staff = story.reads("office", id, fields).await;
    let steps = json!([{ "type": "received" }, { "type": "supervised" }]);
    assert_eq!(staff["timeline"]["nodes"], steps);
}
