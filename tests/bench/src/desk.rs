//! The desk without HTTP: load, seal, decide, append.

use crate::Fallible;
use crate::measure::{Client, Run, WARM_UP, closed_loop};
use docket_core::clock::SystemClock;
use docket_core::desk::{Caller, Desk, NewTicket, Options};
use docket_core::store::{Store, StoreOptions, StoreUrl};
use docket_core::vault::MasterKey;
use docket_domain::ids::TicketId;
use docket_domain::organisation::OrganisationAction;
use docket_domain::rules::{CALENDAR_CN, DEFAULT_PACK};
use docket_domain::ticket::actions::{assign, reply, sign, view};
use docket_domain::ticket::scenario::{DEPARTMENT, administrator, clerk, dispatcher, operator};
use docket_domain::ticket::{Kind, Secrecy, TicketAction, Urgency};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tickets made ready for every second of signing; a machine that signs more ends its cell early.
const STOCK_PER_SECOND: f64 = 12_000.0;
/// Clients that make them ready.
const PREPARERS: usize = 256;
/// Longer than any preparation.
const PREPARING_SECONDS: f64 = 600.0;

/// A founded store with one department, and its desk.
async fn open(url: StoreUrl, dir: &Path) -> Fallible<(Store, Arc<Desk>)> {
    let mut options = StoreOptions::new(url, Arc::new(SystemClock));
    options.master = Some(MasterKey::File(dir.join("master.key")));
    let store = Store::open(options).await?;
    let desk = Arc::new(Desk::new(&store));
    desk.found("云州市", DEFAULT_PACK, CALENDAR_CN).await?;
    let department = OrganisationAction::AddDepartment {
        id: DEPARTMENT,
        name: "城市管理局".into(),
        region: None,
    };
    desk.organise(&administrator(), department, &Options::default()).await?;
    Ok((store, desk))
}

/// A complaint of an ordinary length, from a caller of its own.
fn request(n: usize) -> NewTicket {
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
        title: "夜间施工扰民，影响周边居民休息".into(),
        body: "市民来电反映：某小区东侧工地连续三天夜里十一点以后仍在施工，打桩声和车辆声很大，\
               周边居民无法入睡，家中有老人和准备考试的学生。希望有关部门到现场核实并责令停工。"
            .into(),
        place: Some("高新区科技路一号".into()),
        region: None,
        incident_at: None,
        respondent: None,
        accused_department: None,
        earlier: None,
    }
}

fn to_department() -> TicketAction<String> {
    TicketAction::Assign(assign::Assign {
        lead: DEPARTMENT,
        assists: Vec::new(),
        instruction: Some("请到现场核实，并在期限内答复来电人。".into()),
    })
}

fn answer() -> TicketAction<String> {
    TicketAction::Reply(reply::Reply {
        opinion: Some("已派执法人员到现场核实，情况属实，当场下达整改通知书。".into()),
        answer: "经核实，该工地夜间施工未取得许可，已责令停工整改，并将加强夜间巡查。".into(),
        contacted: Some(true),
        solved: Some(true),
        unsolved_reason: None,
        handler: "李工".into(),
        phone: "13800000000".into(),
    })
}

/// Receives and assigns tickets until there are enough.
struct Preparer {
    desk: Arc<Desk>,
    next: Arc<AtomicUsize>,
    wanted: usize,
    ready: Arc<Mutex<Vec<TicketId>>>,
}

impl Client for Preparer {
    async fn step(&mut self) -> Fallible<bool> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        if n >= self.wanted {
            return Ok(false);
        }
        let none = Options::default();
        let id = TicketId(self.desk.receive(&operator(), request(n), &none).await?.id);
        self.desk.act(&dispatcher(), id, to_department(), &none).await?;
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        Ok(true)
    }
}

struct Signer {
    desk: Arc<Desk>,
    next: Arc<AtomicUsize>,
    ready: Arc<Vec<TicketId>>,
}

impl Client for Signer {
    async fn step(&mut self) -> Fallible<bool> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(id) = self.ready.get(n) else { return Ok(false) };
        let sign = TicketAction::Sign(sign::Sign);
        self.desk.act(&clerk(), *id, sign, &Options::default()).await?;
        Ok(true)
    }
}

/// Signs tickets that another desk received and assigned: nothing is cached, every ticket is loaded
/// from the journal.
pub async fn sign(url: StoreUrl, dir: &Path, clients: usize, seconds: f64) -> Fallible<Run> {
    let (store, desk) = open(url, dir).await?;
    let wanted = ((seconds + WARM_UP.as_secs_f64()) * STOCK_PER_SECOND) as usize;
    let next = Arc::new(AtomicUsize::new(0));
    let ready = Arc::new(Mutex::new(Vec::with_capacity(wanted)));
    let preparers = (0..PREPARERS).map(|_| Preparer {
        desk: desk.clone(),
        next: next.clone(),
        wanted,
        ready: ready.clone(),
    });
    closed_loop(preparers.collect(), PREPARING_SECONDS).await?;
    let ready = std::mem::take(&mut *ready.lock().unwrap_or_else(PoisonError::into_inner));
    let (ready, next) = (Arc::new(ready), Arc::new(AtomicUsize::new(0)));
    let desk = Arc::new(Desk::new(&store));
    let signers = (0..clients).map(|_| Signer {
        desk: desk.clone(),
        next: next.clone(),
        ready: ready.clone(),
    });
    closed_loop(signers.collect(), seconds).await
}

/// One ticket after the other through the whole of its life, one command a step.
struct Worker {
    desk: Arc<Desk>,
    next: Arc<AtomicUsize>,
    ticket: TicketId,
    stage: u8,
}

impl Client for Worker {
    async fn step(&mut self) -> Fallible<bool> {
        let none = Options::default();
        let (desk, id) = (&self.desk, self.ticket);
        match self.stage {
            0 => {
                let n = self.next.fetch_add(1, Ordering::Relaxed);
                self.ticket = TicketId(desk.receive(&operator(), request(n), &none).await?.id);
            }
            1 => drop(desk.act(&dispatcher(), id, to_department(), &none).await?),
            2 => drop(desk.act(&clerk(), id, TicketAction::View(view::View), &none).await?),
            3 => drop(desk.act(&clerk(), id, TicketAction::Sign(sign::Sign), &none).await?),
            _ => drop(desk.act(&clerk(), id, answer(), &none).await?),
        }
        self.stage = (self.stage + 1) % 5;
        Ok(true)
    }
}

/// Receive, assign, view, sign, reply, and again: in service, the desk's caches warm.
pub async fn whole_life(url: StoreUrl, dir: &Path, clients: usize, seconds: f64) -> Fallible<Run> {
    let (_store, desk) = open(url, dir).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let workers = (0..clients).map(|_| Worker {
        desk: desk.clone(),
        next: next.clone(),
        ticket: docket_domain::ticket::scenario::id(0),
        stage: 0,
    });
    closed_loop(workers.collect(), seconds).await
}
