//! Every event of a ticket, with and without what is optional.

use super::text;
use docket_domain::Sealed;
use docket_domain::aggregate::Aggregate;
use docket_domain::people::Actor;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK, Rules};
use docket_domain::ticket::actions::import::Import;
use docket_domain::ticket::actions::settle_dues::DuesSettled;
use docket_domain::ticket::scenario::{
    DEPARTMENT, Given, OTHER_DEPARTMENT, accept_return, add_assist, answer, archive, ask_exclusion,
    ask_extension, ask_termination, assign, assigned, attach_file, call_back, caller_back, citizen,
    clerk, close, conclude, contact, context, correct, decide_exclusion, decline, delegate,
    delegated, dispatcher, dispute, disputed, erase, given, grant_extension, import, join,
    joint_meeting, leader, leave, lift_supervision, light, merge, not_solved, note_call_back_due,
    now, office, open_file, operator, own_replied, print, reassign, recall, receive, received,
    redo, refuse_extension, refuse_return, refuse_termination, replied, reply, resume, returned,
    review, reviewed, rework, rule, save_draft, save_full_draft, send_back, set_secrecy,
    settle_dues, sign, sign_off, signed, supervise, supervisor, suspend, take, terminate, transfer,
    unit_clerk, unmerge, unsolved, urge, view, withdraw,
};
use docket_domain::ticket::{
    Context, Kind, Satisfaction, Secrecy, Standing, Ticket, TicketAction, TicketCommand,
    TicketEvent, Urgency,
};

/// Every event of a ticket.
pub fn ticket_events() -> Vec<TicketEvent> {
    let all = [
        plain_ticket_events(),
        more_ticket_events(),
        yet_more_ticket_events(),
        ticket_events_by_themselves(),
    ];
    all.concat()
}

/// What an action on a history gives, at [`now`] under the default pack.
fn event(history: Given, actor: Actor, action: TicketAction<Sealed>) -> TicketEvent {
    event_of(history, context(actor), action)
}

fn event_of(history: Given, context: Context, action: TicketAction<Sealed>) -> TicketEvent {
    let command = TicketCommand { context, action };
    let events = Ticket::decide(&history.fold(), command).unwrap();
    let [event] = events.try_into().unwrap();
    event
}

/// What Docket does by itself with a history, days later, where the pack has things follow by themselves and the
/// calendar has the year after.
fn by_itself(history: Given, days: i64, action: TicketAction<Sealed>) -> TicketEvent {
    let pack = DEFAULT_PACK
        .replace("urges_at_red = false", "urges_at_red = true")
        .replace("escalate = []", "escalate = [{ working_days = 0, level = \"yellow\" }, { working_days = 1, level = \"red\" }]");
    let holidays = CALENDAR_CN.replace("2026]", "2026, 2027]");
    let mut context = context(Actor::system());
    context.rules = Rules::parse(&pack, &holidays, 2).unwrap().into();
    context.now += chrono::TimeDelta::days(days);
    event_of(history, context, action)
}

/// The same, done.
fn after(history: Given, days: i64, action: TicketAction<Sealed>) -> Given {
    let changes = [
        ("urges_at_red = false", "urges_at_red = true"),
        (
            "escalate = []",
            "escalate = [{ working_days = 0, level = \"yellow\" }, { working_days = 1, level = \"red\" }]",
        ),
    ];
    let later = history.under(&changes).later(days * 24 * 60);
    later.and(Actor::system(), action)
}

/// Received under a pack whose routes assign by themselves.
fn routed() -> TicketEvent {
    let routes = "routes = [{ department = \"城市管理局\" }]";
    let pack = DEFAULT_PACK.replace("assigns_by_itself = false", "assigns_by_itself = true");
    let mut context = context(operator());
    let pack = format!("{routes}\n{pack}");
    context.rules = Rules::parse(&pack, CALENDAR_CN, 2).unwrap().into();
    event_of(given([]), context, receive())
}

fn full_receive() -> TicketAction<Sealed> {
    let TicketAction::Receive(mut action) = receive() else {
        unreachable!()
    };
    action.query_code = text("ABCD2345");
    action.kind = Kind::Report;
    action.urgency = Urgency::Critical;
    action.secrecy = Secrecy::Confidential;
    action.caller = Some(text("{}"));
    action.title = text("夜间施工扰民");
    action.body = text("连续三天夜里施工。");
    action.place = Some(text("长江路1号"));
    action.incident_at = Some(now());
    action.respondent = Some(text("某公司"));
    action.accused_department = Some(OTHER_DEPARTMENT);
    action.earlier = Some("261122090000000001".parse().unwrap());
    TicketAction::Receive(action)
}

fn full_import(mut action: Import<Sealed>) -> TicketAction<Sealed> {
    action.query_code = text("ABCD2345");
    action.source_number = text("2019-0042");
    action.source_words = Some(text("{\"status\":\"在办\"}"));
    action.region = None;
    action.urgency = Some(Urgency::Urgent);
    action.secrecy = Some(Secrecy::Confidential);
    action.wants_reply = Some(true);
    action.caller = Some(text("{}"));
    action.title = text("路灯不亮");
    action.body = Some(text("长江路路灯不亮。"));
    action.place = Some(text("长江路1号"));
    action.incident_at = Some(action.received_at);
    action.respondent = Some(text("某公司"));
    action.accused_department = Some(OTHER_DEPARTMENT);
    action.answer = Some(text("正在处理"));
    let later = |days| Some(action.received_at + chrono::TimeDelta::days(days));
    (action.assigned_at, action.answered_at) = (later(1), later(2));
    action.closed_at = later(3);
    TicketAction::Import(action)
}

fn least_import(mut action: Import<Sealed>) -> TicketAction<Sealed> {
    action.standing = Standing::Duplicate;
    (action.kind, action.channel) = (None, None);
    (action.caller, action.body) = (None, None);
    (action.department, action.due_at) = (None, None);
    TicketAction::Import(action)
}

fn least_receive() -> TicketAction<Sealed> {
    let TicketAction::Receive(mut action) = receive() else {
        unreachable!()
    };
    (action.caller, action.has_contact) = (None, false);
    action.wants_reply = false;
    TicketAction::Receive(action)
}

/// Every action with all its fields, where that differs from the scenarios' plain one.
fn full(action: TicketAction<Sealed>) -> TicketAction<Sealed> {
    match action {
        TicketAction::Receive(_) => full_receive(),
        TicketAction::Import(action) => full_import(action),
        TicketAction::Assign(mut action) => {
            action.assists = vec![OTHER_DEPARTMENT];
            action.instruction = Some(text("请尽快办理"));
            TicketAction::Assign(action)
        }
        TicketAction::SendBack(mut action) => {
            action.suggested_department = Some(OTHER_DEPARTMENT);
            TicketAction::SendBack(action)
        }
        TicketAction::Reply(mut action) => {
            action.solved = Some(false);
            action.unsolved_reason = Some(text("仍在整改"));
            TicketAction::Reply(action)
        }
        TicketAction::Rate(mut action) => {
            action.comment = Some(text("谢谢"));
            TicketAction::Rate(action)
        }
        TicketAction::AnswerDirectly(mut action) => {
            action.article = Some(text("政务服务指南"));
            TicketAction::AnswerDirectly(action)
        }
        TicketAction::SaveDraft(mut action) => {
            action.opinion = Some(text("已联系来电人"));
            (action.contacted, action.solved) = (Some(true), Some(false));
            action.unsolved_reason = Some(text("仍在整改"));
            action.handler = Some(text("李工"));
            action.phone = Some(text("13800000000"));
            TicketAction::SaveDraft(action)
        }
        TicketAction::ReviewAnswer(mut action) => {
            action.opinion = Some(text("答复清楚"));
            TicketAction::ReviewAnswer(action)
        }
        TicketAction::CallBack(mut action) => {
            action.comment = Some(text("谢谢"));
            action.recording = Some(text("录音 0042"));
            TicketAction::CallBack(action)
        }
        TicketAction::Reassign(mut action) => {
            action.assists = vec![DEPARTMENT];
            TicketAction::Reassign(action)
        }
        TicketAction::RuleOn(mut action) => {
            action.assists = vec![OTHER_DEPARTMENT];
            TicketAction::RuleOn(action)
        }
        TicketAction::Print(mut action) => {
            action.form = docket_domain::ticket::PrintForm::Assignment;
            action.masked = false;
            action.purpose = Some(text("上门核实"));
            TicketAction::Print(action)
        }
        TicketAction::Leave(mut action) => {
            action.follower = Some(docket_domain::ticket::scenario::id(0x0F2));
            TicketAction::Leave(action)
        }
        other => other,
    }
}

/// Every action without what is optional, where that differs.
fn least(action: TicketAction<Sealed>) -> TicketAction<Sealed> {
    match action {
        TicketAction::Receive(_) => least_receive(),
        TicketAction::Import(action) => least_import(action),
        TicketAction::AttachFile(mut action) => {
            action.part = docket_domain::ticket::FilePart::Matter;
            TicketAction::AttachFile(action)
        }
        TicketAction::OpenFile(mut action) => {
            action.purpose = None;
            TicketAction::OpenFile(action)
        }
        TicketAction::Delegate(mut action) => {
            action.instruction = None;
            TicketAction::Delegate(action)
        }
        TicketAction::Reply(mut action) => {
            action.opinion = None;
            (action.contacted, action.solved) = (None, None);
            TicketAction::Reply(action)
        }
        TicketAction::Rate(mut action) => {
            action.satisfaction = Satisfaction::Dissatisfied;
            action.solved = None;
            TicketAction::Rate(action)
        }
        TicketAction::Recall(mut action) => {
            action.text = None;
            TicketAction::Recall(action)
        }
        TicketAction::Contact(mut action) => {
            (action.reached, action.evidence) = (false, None);
            TicketAction::Contact(action)
        }
        TicketAction::SaveDraft(mut action) => {
            action.answer = None;
            TicketAction::SaveDraft(action)
        }
        TicketAction::CallBack(mut action) => {
            action.reached = false;
            (action.contacted, action.solved, action.satisfaction) = (None, None, None);
            TicketAction::CallBack(action)
        }
        TicketAction::Urge(mut action) => {
            action.text = None;
            TicketAction::Urge(action)
        }
        TicketAction::Withdraw(mut action) => {
            action.text = None;
            TicketAction::Withdraw(action)
        }
        TicketAction::Close(mut action) => {
            action.text = None;
            TicketAction::Close(action)
        }
        other => least_beside(other),
    }
}

/// The same of what is beside a ticket's plain way.
fn least_beside(action: TicketAction<Sealed>) -> TicketAction<Sealed> {
    match action {
        TicketAction::Transfer(mut action) => {
            action.text = None;
            TicketAction::Transfer(action)
        }
        TicketAction::Reassign(mut action) => {
            action.instruction = None;
            TicketAction::Reassign(action)
        }
        TicketAction::AddAssist(mut action) => {
            action.instruction = None;
            TicketAction::AddAssist(action)
        }
        TicketAction::Resume(mut action) => {
            action.text = None;
            TicketAction::Resume(action)
        }
        TicketAction::Supervise(mut action) => {
            action.text = None;
            TicketAction::Supervise(action)
        }
        TicketAction::MarkDisputed(mut action) => {
            action.text = None;
            TicketAction::MarkDisputed(action)
        }
        TicketAction::Unmerge(mut action) => {
            action.text = None;
            TicketAction::Unmerge(action)
        }
        TicketAction::Conclude(mut action) => {
            action.answer = None;
            TicketAction::Conclude(action)
        }
        TicketAction::LightUp(mut action) => {
            action.light = docket_domain::time::Light::Red;
            TicketAction::LightUp(action)
        }
        other => other,
    }
}

/// Those of a ticket's plain way.
fn plain_ticket_events() -> Vec<TicketEvent> {
    let rate = docket_domain::ticket::scenario::rate;
    let in_unit = || delegated().and(unit_clerk(), sign());
    vec![
        event(given([]), operator(), full(receive())),
        event(given([]), citizen(), receive()),
        event(given([]), operator(), least(receive())),
        event(given([]), Actor::system(), full(import())),
        event(given([]), Actor::system(), least(import())),
        event(received(), dispatcher(), full(assign())),
        event(received(), dispatcher(), assign()),
        event(assigned(), clerk(), view()),
        event(delegated(), unit_clerk(), view()),
        event(assigned(), clerk(), sign()),
        event(delegated(), unit_clerk(), sign()),
        event(signed(), clerk(), delegate()),
        event(signed(), clerk(), least(delegate())),
        event(assigned(), clerk(), full(send_back())),
        event(delegated(), unit_clerk(), send_back()),
        event(signed(), clerk(), full(reply())),
        event(in_unit(), unit_clerk(), least(reply())),
        event(own_replied(), citizen(), full(rate())),
        event(replied(), operator(), least(rate())),
        event(received(), operator(), full(answer())),
        event(received(), operator(), answer()),
        event(received(), operator(), decline()),
        event(assigned(), dispatcher(), recall()),
        event(delegated(), clerk(), least(recall())),
        event(assigned(), clerk(), take(&clerk())),
        event(signed(), clerk(), contact()),
        event(signed(), clerk(), least(contact())),
        event(returned(), dispatcher(), accept_return()),
        event(returned(), dispatcher(), refuse_return()),
        event(signed(), clerk(), full(save_draft("已责令停工"))),
        event(signed(), clerk(), least(save_draft(""))),
        event(in_unit().and(unit_clerk(), reply()), clerk(), rework()),
        event(replied(), office(), full(review())),
        event(replied(), office(), review()),
        event(reviewed(), caller_back(), full(call_back())),
        event(reviewed(), caller_back(), least(call_back())),
        event(unsolved(), office(), redo()),
        event(received().and(operator(), answer()), office(), redo()),
        event(given([(citizen(), receive())]), citizen(), least(urge())),
        event(assigned(), operator(), urge()),
        event(
            given([(citizen(), receive())]),
            citizen(),
            least(withdraw()),
        ),
        event(assigned(), operator(), withdraw()),
        event(unsolved(), office(), close()),
        event(unsolved().and(office(), close()), Actor::system(), erase()),
    ]
}

/// Those beside a ticket's plain way.
fn more_ticket_events() -> Vec<TicketEvent> {
    vec![
        event(received(), operator(), transfer()),
        event(received(), operator(), least(transfer())),
        event(signed(), dispatcher(), full(reassign())),
        event(signed(), dispatcher(), least(reassign())),
        event(signed(), dispatcher(), add_assist()),
        event(signed(), dispatcher(), least(add_assist())),
        event(signed(), clerk(), ask_extension()),
        event(
            delegated().and(clerk(), ask_extension()),
            dispatcher(),
            grant_extension(),
        ),
        event(
            signed().and(clerk(), ask_extension()),
            dispatcher(),
            refuse_extension(),
        ),
        event(
            signed().and(clerk(), save_full_draft()),
            leader(),
            sign_off(),
        ),
        event(replied(), clerk(), correct()),
        event(signed(), office(), suspend()),
        event(signed().and(office(), suspend()), office(), resume()),
        by_itself(signed().and(office(), suspend()), 61, least(resume())),
        event(signed(), supervisor(), supervise()),
        by_itself(after(signed(), 20, least(light())), 20, least(supervise())),
        event(
            signed().and(supervisor(), supervise()),
            supervisor(),
            lift_supervision(),
        ),
        event(returned(), dispatcher(), dispute()),
        by_itself(given_back(3), 0, least(dispute())),
        event(disputed(), joint_meeting(), full(rule())),
        event(
            unsolved().and(dispatcher(), dispute()),
            joint_meeting(),
            rule(),
        ),
    ]
}

/// Those of merges, decisions and endings.
fn yet_more_ticket_events() -> Vec<TicketEvent> {
    vec![
        event(signed(), dispatcher(), merge()),
        event(signed().and(dispatcher(), merge()), dispatcher(), unmerge()),
        by_itself(signed().and(dispatcher(), merge()), 2, least(unmerge())),
        event(signed(), Actor::system(), join()),
        event(
            signed().and(Actor::system(), join()),
            Actor::system(),
            full(leave()),
        ),
        event(
            signed().and(Actor::system(), join()),
            Actor::system(),
            leave(),
        ),
        event(
            signed().and(dispatcher(), merge()),
            Actor::system(),
            conclude(),
        ),
        event(
            signed().and(dispatcher(), merge()),
            Actor::system(),
            least(conclude()),
        ),
        event(signed(), clerk(), ask_termination()),
        event(
            signed().and(clerk(), ask_termination()),
            office(),
            terminate(),
        ),
        event(
            signed().and(clerk(), ask_termination()),
            office(),
            refuse_termination(),
        ),
        event(replied(), clerk(), ask_exclusion()),
        event(
            replied()
                .and(clerk(), ask_exclusion())
                .and(office(), decide_exclusion(false)),
            clerk(),
            ask_exclusion(),
        ),
        event(
            replied().and(clerk(), ask_exclusion()),
            office(),
            decide_exclusion(true),
        ),
        event(received(), office(), set_secrecy()),
        event(unsolved().and(office(), close()), office(), archive()),
    ]
}

/// Those of what Docket does by itself.
fn ticket_events_by_themselves() -> Vec<TicketEvent> {
    vec![
        routed(),
        by_itself(signed(), 6, light()),
        by_itself(signed(), 20, least(light())),
        by_itself(after(signed(), 20, least(light())), 20, least(urge())),
        by_itself(reviewed(), 2, note_call_back_due()),
        by_itself(at_new_year(), 39, settle_dues()),
        lifting(by_itself(at_new_year(), 39, settle_dues())),
        event(signed(), operator(), print()),
        event(signed(), clerk(), full(print())),
        event(signed(), clerk(), attach_file()),
        event(signed().and(clerk(), attach_file()), clerk(), open_file()),
        event(
            given([(citizen(), receive())]).and(operator(), least(attach_file())),
            citizen(),
            least(open_file()),
        ),
        event(
            given_back(2).and(dispatcher(), assign()),
            clerk(),
            send_back(),
        ),
        event(done_anew(3), caller_back(), not_solved()),
        event(
            done_anew(3).and(caller_back(), not_solved()),
            office(),
            redo(),
        ),
        event(
            given([(operator(), least(receive()))])
                .and(operator(), answer())
                .and(office(), review()),
            office(),
            least(close()),
        ),
    ]
}

/// The same where it also takes Docket's supervision back.
fn lifting(settled: TicketEvent) -> TicketEvent {
    let TicketEvent::DuesSettled(settled) = settled else {
        unreachable!("limits are settled")
    };
    TicketEvent::DuesSettled(DuesSettled {
        lifts_supervision: true,
        ..settled
    })
}

/// Given back by its lead so often.
fn given_back(times: usize) -> Given {
    (0..times).fold(received(), |ticket, _| {
        ticket.and(dispatcher(), assign()).and(clerk(), send_back())
    })
}

/// Done anew so often, and to be called back.
fn done_anew(times: usize) -> Given {
    (0..times).fold(reviewed(), |ticket, _| {
        ticket
            .and(caller_back(), not_solved())
            .and(office(), redo())
            .and(clerk(), reply())
            .and(office(), review())
    })
}

/// Assigned on the last day of a year whose calendar is published.
fn at_new_year() -> Given {
    received().later(38 * 24 * 60).and(dispatcher(), assign())
}
