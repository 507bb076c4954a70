//! The cells, what they are compared to, and with what target.

use crate::kept::Stock;
use crate::peers::Peer;

/// Which store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum On {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The journal.
    Docket,
    /// The bare ceiling.
    Ceiling,
    /// The journal from two processes, half of the clients each.
    TwoProcesses,
    /// esrs's store, `persist` alone.
    EsrsAppend,
    /// esrs's store, `load` and `handle_command`.
    EsrsCommand,
    /// The desk, signing tickets it has to load.
    DeskSign,
    /// The desk, five commands a ticket.
    DeskLoop,
    /// A server, signing tickets it has to load.
    HttpSign,
    /// A server, a mixed day.
    HttpDay,
    /// A server, inbox pages out of 10,000 tickets.
    InboxSmall,
    /// A server, inbox pages out of a million.
    InboxLarge,
    /// A server offered four times what it can do, inbox pages out of 10,000 tickets.
    Overload,
    /// A server, signing and replying in turn beside 10,000 tickets.
    MixSmall,
    /// The same beside a million.
    MixLarge,
    /// How soon a server with a million tickets is ready.
    Start,
    /// Clerks at their offices' inboxes, who are told of every change.
    Live,
    /// A page of an inbox out of 10,000 tickets, from Docket or from others.
    Page(Peer),
    /// A server's memory with a million tickets.
    Memory,
    /// All views folded anew.
    Rebuild,
    /// What a ticket takes on disk.
    Size,
    /// Tickets carried over into a fresh store.
    Import,
    /// Ten thousand lights within a minute, among 50,000 open tickets.
    TimersSmall,
    /// The same among a million.
    TimersLarge,
}

/// Rows of the import that is measured by itself.
pub const IMPORT_ROWS: usize = 30_000;
const SMALL: usize = 10_000;
const LARGE: usize = 1_000_000;
/// Tickets whose views are folded anew: a quarter of a million events.
const REPLIED: usize = 50_000;

/// One cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Where.
    pub on: On,
    /// What.
    pub what: What,
    /// How many at a time; 0 where there are no clients.
    pub clients: usize,
}

/// What a figure should reach.
#[derive(Clone, Copy)]
pub enum Target {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

/// A figure that is judged: by itself, or beside the same figure of another cell.
pub struct Judged {
    /// Its name.
    pub name: String,
    /// Of which cell.
    pub of: Cell,
    /// Which of its figures; empty for the one the cell is about.
    pub figure: &'static str,
    /// What it is divided by.
    pub to: Option<Cell>,
    /// What it should reach.
    pub target: Option<Target>,
}

impl Cell {
    const fn new(on: On, what: What, clients: usize) -> Self {
        Self { on, what, clients }
    }

    /// Its name, without the number of clients.
    fn stem(self) -> String {
        let on = match self.on {
            On::Postgres => "postgres",
            On::Sqlite => "sqlite",
        };
        match self.what {
            What::Docket => format!("append.{on}.docket"),
            What::Ceiling => format!("append.{on}.ceiling"),
            What::TwoProcesses => format!("append.{on}.two_processes"),
            What::EsrsAppend => format!("append.{on}.esrs_append"),
            What::EsrsCommand => format!("append.{on}.esrs_command"),
            What::DeskSign => format!("desk.{on}.sign"),
            What::DeskLoop => format!("desk.{on}.loop"),
            What::HttpSign => format!("http.{on}.sign"),
            What::HttpDay => format!("http.{on}.day"),
            What::InboxSmall => format!("http.{on}.inbox_10k"),
            What::InboxLarge => format!("http.{on}.inbox_1m"),
            What::Overload => format!("http.{on}.overload"),
            What::MixSmall => format!("http.{on}.mix_10k"),
            What::MixLarge => format!("http.{on}.mix_1m"),
            What::Start => format!("start.{on}.1m"),
            What::Live => format!("live.{on}"),
            What::Page(Peer::Docket) => format!("page.{on}.docket"),
            What::Page(Peer::PostGraphile) => format!("page.{on}.postgraphile"),
            What::Page(Peer::Rest) => format!("page.{on}.rest"),
            What::Memory => format!("memory.{on}"),
            What::Rebuild => format!("rebuild.{on}"),
            What::Size => format!("size.{on}"),
            What::Import => format!("import.{on}"),
            What::TimersSmall => format!("timers.{on}.50k"),
            What::TimersLarge => format!("timers.{on}.1m"),
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        match self.clients {
            0 => self.stem(),
            clients => format!("{}.c{clients}", self.stem()),
        }
    }

    /// Whether it needs a million tickets, which take minutes to make.
    pub const fn is_large(self) -> bool {
        matches!(
            self.what,
            What::InboxLarge | What::MixLarge | What::Start | What::Memory | What::TimersLarge
        )
    }

    /// What its store holds, where that is kept from round to round.
    pub const fn stock(self) -> Option<Stock> {
        match self.what {
            What::InboxSmall | What::MixSmall | What::Page(_) | What::Overload => Some(Stock::Imported(SMALL)),
            What::InboxLarge | What::MixLarge | What::Start | What::Memory => Some(Stock::Imported(LARGE)),
            What::TimersSmall => Some(Stock::Open(50_000)),
            What::TimersLarge => Some(Stock::Open(LARGE)),
            What::Rebuild | What::Size => Some(Stock::Replied(REPLIED)),
            _ => None,
        }
    }
}

/// Every cell, in groups whose members run one after the other in each round.
pub fn groups() -> Vec<Vec<Cell>> {
    use On::{Postgres, Sqlite};
    use What::*;
    let on = |on: On, clients: usize, whats: &[What]| {
        whats.iter().map(|what| Cell::new(on, *what, clients)).collect()
    };
    let mut groups = vec![
        on(Postgres, 1, &[Docket, Ceiling, EsrsAppend, EsrsCommand]),
        on(Postgres, 8, &[Docket, Ceiling, EsrsAppend, EsrsCommand]),
        on(Postgres, 32, &[TwoProcesses, Docket, Ceiling, EsrsAppend]),
        on(Postgres, 256, &[TwoProcesses, Docket, Ceiling, EsrsAppend, EsrsCommand]),
        on(Postgres, 32, &[DeskSign, EsrsCommand, HttpSign, DeskLoop, HttpDay]),
        on(Sqlite, 1, &[Docket, Ceiling]),
        on(Sqlite, 8, &[Docket, Ceiling]),
        on(Sqlite, 32, &[Docket, Ceiling]),
        on(Sqlite, 256, &[Docket, Ceiling]),
        on(Sqlite, 32, &[DeskSign, HttpSign, DeskLoop, HttpDay]),
        on(Sqlite, 0, &[Import]),
    ];
    groups.push(on(Postgres, 32, &[Page(Peer::Docket), Page(Peer::PostGraphile), Page(Peer::Rest)]));
    for store in [Sqlite, Postgres] {
        groups.push(on(store, 0, &[Rebuild, Size]));
        let mut inboxes: Vec<Cell> = on(store, 16, &[InboxSmall, InboxLarge]);
        inboxes.push(Cell::new(store, Start, 0));
        inboxes.extend(on(store, 64, &[MixSmall, MixLarge]));
        inboxes.push(Cell::new(store, Memory, 0));
        groups.push(inboxes);
        groups.push(on(store, 2_000, &[Live]));
        groups.push(on(store, 128, &[Overload]));
        groups.push(on(store, 0, &[TimersSmall]));
        groups.push(on(store, 0, &[TimersLarge]));
    }
    groups
}

/// Everything that is judged.
pub fn judged() -> Vec<Judged> {
    use On::{Postgres, Sqlite};
    use Target::{AtLeast, AtMost};
    let mut judged = Vec::new();
    let mut compare = |name: &str, on, of, to, clients, target| {
        judged.push(Judged {
            name: format!("{name}.c{clients}"),
            of: Cell::new(on, of, clients),
            figure: "",
            to: Some(Cell::new(on, to, clients)),
            target,
        });
    };
    for (on, name, reach) in [
        (Postgres, "append.postgres.ratio_to_ceiling", 0.9),
        (Sqlite, "append.sqlite.ratio_to_ceiling", 0.85),
    ] {
        for (clients, target) in [(1, None), (8, None), (32, Some(AtLeast(reach))), (256, Some(AtLeast(reach)))] {
            compare(name, on, What::Docket, What::Ceiling, clients, target);
        }
    }
    let two = "append.postgres.two_processes_ratio_to_ceiling";
    for clients in [32, 256] {
        compare(two, Postgres, What::TwoProcesses, What::Ceiling, clients, Some(AtLeast(0.8)));
    }
    for clients in [1, 8, 32, 256] {
        let name = "append.postgres.ratio_to_esrs_append";
        compare(name, Postgres, What::Docket, What::EsrsAppend, clients, None);
    }
    for (name, of, reach) in [
        ("desk.postgres.sign_ratio_to_esrs_command", What::DeskSign, 4.0),
        ("desk.postgres.loop_ratio_to_esrs_command", What::DeskLoop, 4.0),
        ("http.postgres.sign_ratio_to_esrs_command", What::HttpSign, 2.0),
    ] {
        compare(name, Postgres, of, What::EsrsCommand, 32, Some(AtLeast(reach)));
    }
    for (figure, to, target) in [
        ("", Peer::PostGraphile, AtLeast(5.0)),
        ("cpu", Peer::PostGraphile, AtMost(0.2)),
        ("cpu", Peer::Rest, AtMost(1.5)),
    ] {
        let name = if to == Peer::Rest { "rest" } else { "postgraphile" };
        let of = if figure.is_empty() { "rate" } else { figure };
        judged.push(Judged {
            name: format!("page.postgres.{of}_ratio_to_{name}.c32"),
            of: Cell::new(Postgres, What::Page(Peer::Docket), 32),
            figure,
            to: Some(Cell::new(Postgres, What::Page(to), 32)),
            target: Some(target),
        });
    }
    for store in [Postgres, Sqlite] {
        let mut alone = |what, clients, figure: &'static str, target| {
            let of = Cell::new(store, what, clients);
            let name = if figure.is_empty() { of.name() } else { format!("{}.{figure}", of.name()) };
            judged.push(Judged { name, of, figure, to: None, target: Some(target) });
        };
        alone(What::HttpSign, 32, "lag", AtMost(1.0));
        alone(What::HttpDay, 32, "lag", AtMost(1.0));
        alone(What::Rebuild, 0, "", AtLeast(if store == Sqlite { 50_000.0 } else { 30_000.0 }));
        alone(What::Memory, 0, "", AtMost(300.0));
        alone(What::Overload, 128, "p99_ratio", AtMost(2.0));
        alone(What::Start, 0, "", AtMost(2.0));
        alone(What::Live, 2_000, "", AtMost(250.0));
        alone(What::Live, 2_000, "memory", AtMost(300.0));
        for timers in [What::TimersSmall, What::TimersLarge] {
            alone(timers, 0, "", AtMost(1.0));
            alone(timers, 0, "p99_ratio", AtMost(2.0));
        }
        if store == Sqlite {
            alone(What::Import, 0, "", AtLeast(3_000.0));
        }
        let of = Cell::new(store, What::InboxLarge, 16);
        judged.push(Judged {
            name: format!("{}.p99_ratio_to_10k", of.name()),
            of,
            figure: "p99",
            to: Some(Cell::new(store, What::InboxSmall, 16)),
            target: Some(AtMost(1.3)),
        });
        for figure in ["p99", "cpu"] {
            let of = Cell::new(store, What::MixLarge, 64);
            judged.push(Judged {
                name: format!("{}.{figure}_ratio_to_10k", of.name()),
                of,
                figure,
                to: Some(Cell::new(store, What::MixSmall, 64)),
                target: None,
            });
        }
    }
    judged
}
