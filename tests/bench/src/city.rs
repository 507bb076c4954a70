//! A small hotline for the cells to work in: founded, with departments and staff, and what they say.

use crate::Fallible;
use docket_core::clock::SystemClock;
use docket_core::desk::{Caller, Desk, NewAccount, NewTicket, Options, Password};
use docket_core::store::{Store, StoreOptions, StoreUrl};
use docket_core::vault::MasterKey;
use docket_domain::ids::DepartmentId;
use docket_domain::organisation::OrganisationAction;
use docket_domain::people::{Actor, Role};
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_domain::ticket::actions::{assign, reply};
use docket_domain::ticket::scenario::{DEPARTMENT, administrator};
use docket_domain::ticket::{Kind, Secrecy, TicketAction, Urgency};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Departments; the first is [`DEPARTMENT`], which the clerk works for.
pub const DEPARTMENTS: [&str; 10] = [
    "城市管理局",
    "公安局",
    "住房和城乡建设局",
    "生态环境局",
    "市场监督管理局",
    "交通运输局",
    "教育局",
    "卫生健康委员会",
    "水务局",
    "人力资源和社会保障局",
];
/// Everybody's password.
pub const PASSWORD: &str = "correct-horse";
/// Logins, and what they are.
pub const STAFF: [(&str, Role, Option<DepartmentId>); 3] = [
    ("operator", Role::Operator, None),
    ("dispatcher", Role::Dispatcher, None),
    ("clerk", Role::Clerk, Some(DEPARTMENT)),
];

/// The master key's file of a store whose folder this is.
pub fn master_key(dir: &Path) -> PathBuf {
    dir.join("master.key")
}

async fn store(url: StoreUrl, dir: &Path) -> Fallible<Store> {
    let mut options = StoreOptions::new(url, Arc::new(SystemClock));
    options.master = Some(MasterKey::File(master_key(dir)));
    Ok(Store::open(options).await?)
}

/// The desk of a store that was founded before.
pub async fn open(url: StoreUrl, dir: &Path) -> Fallible<Arc<Desk>> {
    Ok(Arc::new(Desk::new(&store(url, dir).await?)))
}

/// A founded store with departments, and its desk.
pub async fn found(url: StoreUrl, dir: &Path) -> Fallible<(Store, Arc<Desk>)> {
    let store = store(url, dir).await?;
    let desk = Arc::new(Desk::new(&store));
    desk.found("云州市", DEFAULT_PACK, CALENDAR_CN).await?;
    for (n, name) in DEPARTMENTS.into_iter().enumerate() {
        add_department(&desk, n, name.into()).await?;
    }
    Ok((store, desk))
}

/// The departments by number: first those of [`DEPARTMENTS`].
pub const fn department(n: usize) -> DepartmentId {
    DepartmentId(Uuid::from_u128(DEPARTMENT.0.as_u128() + ((n as u128) << 32)))
}

async fn add_department(desk: &Desk, n: usize, name: String) -> Fallible<()> {
    let id = department(n);
    let added = OrganisationAction::AddDepartment { id, name, region: None };
    desk.organise(&administrator(), added, &Options::default()).await?;
    Ok(())
}

/// As many departments as that in all, each with a clerk.
pub async fn staff(desk: &Desk, departments: usize, login: fn(usize) -> String) -> Fallible<()> {
    for n in 0..departments {
        if n >= DEPARTMENTS.len() {
            add_department(desk, n, format!("第{n}局")).await?;
        }
        hire_one(desk, login(n), Role::Clerk, Some(department(n))).await?;
    }
    Ok(())
}

/// Accounts for everybody of [`STAFF`].
pub async fn hire(desk: &Desk) -> Fallible<()> {
    for (login, role, department) in STAFF {
        hire_one(desk, login.into(), role, department).await?;
    }
    Ok(())
}

async fn hire_one(desk: &Desk, login: String, role: Role, department: Option<DepartmentId>) -> Fallible<()> {
    let account = NewAccount {
        name: login.clone(),
        login,
        roles: vec![role],
        department,
        unit: None,
        ..NewAccount::default()
    };
    let password = Password::Clear(PASSWORD.into());
    desk.create_account(&Actor::system(), account, password, &Options::default()).await?;
    Ok(())
}

/// The title of [`request`].
pub const TITLE: &str = "夜间施工扰民，影响周边居民休息";
/// The body of [`request`].
pub const BODY: &str = "市民来电反映：某小区东侧工地连续三天夜里十一点以后仍在施工，打桩声和车辆声很大，\
     周边居民无法入睡，家中有老人和准备考试的学生。希望有关部门到现场核实并责令停工。";
/// The instruction of [`to_department`].
pub const INSTRUCTION: &str = "请到现场核实，并在期限内答复来电人。";
/// What [`answer`] says.
pub const ANSWER: &str = "经核实，该工地夜间施工未取得许可，已责令停工整改，并将加强夜间巡查。";
/// What the clerk notes beside it.
pub const OPINION: &str = "已派执法人员到现场核实，情况属实，当场下达整改通知书。";

/// A complaint of an ordinary length, from a caller of its own.
pub fn request(n: usize) -> NewTicket {
    NewTicket {
        kind: Kind::Complain,
        channel: "phone".into(),
        topic: None,
        urgency: Urgency::Normal,
        secrecy: Secrecy::Open,
        wants_reply: true,
        caller: Some(Caller {
            name: Some("王小明".into()),
            phone: Some(format!("139{n:08}")),
            ..Caller::default()
        }),
        title: TITLE.into(),
        body: BODY.into(),
        place: Some("高新区科技路一号".into()),
        region: None,
        incident_at: None,
        respondent: None,
        accused_department: None,
        earlier: None,
    }
}

/// It is assigned to [`DEPARTMENT`].
pub fn to_department() -> TicketAction<String> {
    TicketAction::Assign(assign::Assign {
        lead: DEPARTMENT,
        assists: Vec::new(),
        instruction: Some(INSTRUCTION.into()),
    })
}

/// It is replied.
pub fn answer() -> TicketAction<String> {
    TicketAction::Reply(reply::Reply {
        opinion: Some(OPINION.into()),
        answer: ANSWER.into(),
        contacted: Some(true),
        solved: Some(true),
        unsolved_reason: None,
        handler: "李工".into(),
        phone: "13800000000".into(),
    })
}
