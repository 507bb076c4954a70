//! What a candidate would make of history: figures by office and limit, indicators by office, and a row of CSV for
//! each limit that differs.

use super::super::{Failed, say};
use super::names::{MARK, Name, Named};
use chrono::Datelike as _;
use docket_domain::Timestamp;
use docket_domain::ids::{DepartmentId, UnitId};
use docket_domain::organisation::Organisation;
use docket_domain::ticket::what_if::{Case, Judged, Limit, Rated};
use docket_domain::time::Light;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is the centre's.
const CENTRE: &str = "(centre)";

const COLUMNS: [&str; 15] = [
    "number",
    "limit",
    "assignment",
    "department",
    "unit",
    "began_at",
    "ended_at",
    "due_then",
    "light_then",
    "provisional_then",
    "due_candidate",
    "light_candidate",
    "provisional_candidate",
    "source",
    "source_number",
];

/// What stands above the figures of [`Lights`].
const LIGHTS: &str = " green yellow    red";

/// How many are green, yellow and red.
#[derive(Clone, Copy, Default)]
struct Lights([u64; 3]);

impl Lights {
    fn add(&mut self, judged: Judged) {
        if let Some(light) = judged.light {
            let [green, yellow, red] = &mut self.0;
            *match light {
                Light::Green => green,
                Light::Yellow => yellow,
                Light::Red => red,
            } += 1;
        }
    }

    fn all(self) -> u64 {
        self.0.iter().sum()
    }

    fn red(self) -> u64 {
        self.0[2]
    }

    fn told(self) -> String {
        let [green, yellow, red] = self.0;
        format!("{green:>6} {yellow:>6} {red:>6}")
    }
}

/// Figures of one limit.
#[derive(Default)]
struct Figures {
    tasks: u64,
    then: Lights,
    candidate: Lights,
    other_due: u64,
    other_light: u64,
    /// Limits that wait for a year's calendar: then, under the candidate, and of these the red ones.
    provisional: [u64; 3],
    named: Named,
}

impl Figures {
    fn add(&mut self, case: &Case) {
        self.tasks += 1;
        self.then.add(case.then);
        self.candidate.add(case.candidate);
        self.other_due += u64::from(case.moves());
        self.other_light += u64::from(case.then.light != case.candidate.light);
        let (then, candidate) = (case.then, case.candidate);
        let red = candidate.is_provisional() && candidate.is_overdue();
        let provisional = [then.is_provisional(), candidate.is_provisional(), red];
        for (count, is) in self.provisional.iter_mut().zip(provisional) {
            *count += u64::from(is);
        }
    }
}

/// So many of so many.
#[derive(Clone, Copy, Default)]
struct Share {
    part: f64,
    of: u32,
    /// Whether some of them rest on a provisional limit.
    provisional: bool,
}

impl Share {
    fn add(&mut self, part: f64) {
        self.part += part;
        self.of += 1;
    }

    fn count(&mut self, case: &Case, judged: Judged) {
        if case.counts(judged) {
            self.add(f64::from(u8::from(!judged.is_overdue())));
            self.provisional |= judged.is_provisional();
        }
    }

    fn percent(self) -> String {
        if self.of == 0 {
            return "-".into();
        }
        let mark = if self.provisional { MARK } else { "" };
        format!("{:.1} %{mark}", self.part * 100.0 / f64::from(self.of))
    }
}

/// A rate then, and under the candidate.
#[derive(Clone, Copy, Default)]
struct Twice {
    then: Share,
    candidate: Share,
}

impl Twice {
    fn count(&mut self, case: &Case) {
        self.then.count(case, case.then);
        self.candidate.count(case, case.candidate);
    }
}

/// The indicators of an office.
#[derive(Default)]
struct Indicators {
    signing: Twice,
    completion: Twice,
    satisfaction: Twice,
}

/// What is told in the end.
pub(super) struct Report<'r> {
    organisation: &'r Organisation,
    csv: Option<csv::Writer<std::fs::File>>,
    /// Most tickets named for an office, a limit and what would become of it.
    names: usize,
    figures: BTreeMap<(String, Limit), Figures>,
    all: BTreeMap<Limit, Figures>,
    indicators: BTreeMap<String, Indicators>,
    of_all: Indicators,
    /// The first and the last year of the candidate's provisional limits.
    years: Option<(i32, i32)>,
    /// Whether numbers of a system before were not opened.
    masked: bool,
}

impl<'r> Report<'r> {
    pub(super) fn new(
        csv: Option<&PathBuf>,
        names: usize,
        organisation: &'r Organisation,
    ) -> Result<Self, Failed> {
        let csv = match csv {
            Some(path) => {
                let file = std::fs::File::create_new(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(COLUMNS)?;
                Some(writer)
            }
            None => None,
        };
        Ok(Self {
            organisation,
            csv,
            names,
            figures: BTreeMap::new(),
            all: BTreeMap::new(),
            indicators: BTreeMap::new(),
            of_all: Indicators::default(),
            years: None,
            masked: false,
        })
    }

    fn department(&self, id: Option<DepartmentId>) -> Option<&'r str> {
        let department = self.organisation.department(id?)?;
        Some(department.name.as_str())
    }

    fn unit(&self, id: Option<UnitId>) -> &'r str {
        let unit = id.and_then(|id| self.organisation.unit(id));
        unit.map_or("", |(_, unit)| unit.name.as_str())
    }

    /// Counts a limit, and writes it down where it differs.
    pub(super) fn add(&mut self, name: &Name, case: &Case) -> Result<(), Failed> {
        let department = match case.limit {
            Limit::CallBack => CENTRE,
            Limit::Sign | Limit::Contact | Limit::Handle | Limit::Return => {
                self.department(case.department).unwrap_or("-")
            }
        };
        let unit = self.unit(case.unit);
        let holder = if unit.is_empty() {
            department.to_owned()
        } else {
            format!("{department} / {unit}")
        };
        // The rates are departments': what their units have is in it.
        if unit.is_empty() && matches!(case.limit, Limit::Sign | Limit::Handle) {
            let of_holder = self.indicators.entry(holder.clone()).or_default();
            for indicators in [of_holder, &mut self.of_all] {
                let rate = match case.limit {
                    Limit::Sign => &mut indicators.signing,
                    _ => &mut indicators.completion,
                };
                rate.count(case);
            }
        }
        self.all.entry(case.limit).or_default().add(case);
        let figures = self.figures.entry((holder, case.limit)).or_default();
        figures.add(case);
        if let Some(due) = case.candidate.due.filter(|due| due.provisional) {
            let year = due.at.year();
            let (first, last) = self.years.unwrap_or((year, year));
            self.years = Some((first.min(year), last.max(year)));
        }
        if !case.differs() {
            return Ok(());
        }
        self.masked |= name.is_masked();
        figures.named.add(name, self.names, case);
        if let Some(csv) = &mut self.csv {
            csv.write_record(row(name, department, unit, case))?;
        }
        Ok(())
    }

    /// Counts a rating.
    pub(super) fn rated(&mut self, rated: Rated) {
        let who = match rated.department {
            None => CENTRE,
            some => self.department(some).unwrap_or("-"),
        };
        let of_holder = self.indicators.entry(who.to_owned()).or_default();
        for indicators in [of_holder, &mut self.of_all] {
            indicators.satisfaction.then.add(rated.then);
            indicators.satisfaction.candidate.add(rated.candidate);
        }
    }

    /// Tells it.
    pub(super) fn tell(mut self, pack: &str, head: u64) -> Result<(), Failed> {
        if let Some(csv) = &mut self.csv {
            csv.flush()?;
        }
        say(&format!(
            "history up to position {head} under {pack}: limits, their lights then and under it, and how many would \
             have another limit or another light"
        ));
        say(&format!(
            "{:18}{:<20}  {:<20}  {:<13}  provisional",
            "", "then", "under it", "another"
        ));
        say(&format!(
            "{:<9}  {:>5}  {LIGHTS}  {LIGHTS}  {:>6} {:>6}  {:>6} {:>6} {:>6}  who",
            "limit", "tasks", "limit", "light", "then", "under", "red"
        ));
        for ((who, limit), figures) in &self.figures {
            line(*limit, who, figures);
            figures.named.lines().for_each(|named| say(&named));
        }
        let none = Figures::default();
        for limit in Limit::ALL {
            line(*limit, "(all)", self.all.get(limit).unwrap_or(&none));
        }
        self.tell_of_provisional_ones();
        if self.masked {
            say(
                "carried over: --source-numbers opens the numbers of the system before, in this table and in the CSV",
            );
        }
        say("");
        say(
            "indicators, then → under it: what was done in time of what was done or is late; satisfaction",
        );
        say(&format!(
            "{:>21}  {:>21}  {:>17}  who",
            "signing", "completion", "satisfaction"
        ));
        for (who, indicators) in &self.indicators {
            rates(who, indicators);
        }
        rates("(all)", &self.of_all);
        Ok(())
    }

    /// What provisional limits are, and how much of all rests on them.
    fn tell_of_provisional_ones(&self) {
        let sum = |of: fn(&Figures) -> u64| self.all.values().map(of).sum::<u64>();
        let [then, under, red] = [0, 1, 2].map(|n| {
            let provisional = self.all.values().map(|figures| figures.provisional[n]);
            provisional.sum::<u64>()
        });
        if then + under == 0 {
            return;
        }
        let (limits, reds) = (sum(|f| f.candidate.all()), sum(|f| f.candidate.red()));
        say(&format!(
            "provisional ({MARK}): {under} of {limits} limits under it, {red} of its {reds} red ones, and {then} then were \
             reckoned without"
        ));
        say(
            "  the published holidays of their year, on plain weekdays and the holidays fixed by law: each may be days off, \
             and its light another",
        );
        if let Some((first, last)) = self.years {
            say(&format!(
                "  under it they lie in {first} to {last}: a list of holidays that has these years (--holidays FILE) \
                 makes them exact"
            ));
        }
    }
}

fn row(name: &Name, department: &str, unit: &str, case: &Case) -> [String; COLUMNS.len()] {
    let time = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_rfc3339());
    let due = |judged: Judged| time(judged.due.map(|due| due.at));
    let provisional = |judged: Judged| judged.is_provisional().to_string();
    let light = |judged: Judged| judged.light.map_or("", Light::name);
    let assignment = case.assignment;
    let [source, source_number] = name.source();
    [
        name.number(),
        case.limit.name().to_owned(),
        assignment.map_or_else(String::new, |no| no.to_string()),
        department.to_owned(),
        unit.to_owned(),
        time(Some(case.began_at)),
        time(case.ended_at),
        due(case.then),
        light(case.then).to_owned(),
        provisional(case.then),
        due(case.candidate),
        light(case.candidate).to_owned(),
        provisional(case.candidate),
        source,
        source_number,
    ]
}

fn line(limit: Limit, who: &str, f: &Figures) {
    say(&format!(
        "{:<9}  {:>5}  {}  {}  {:>6} {:>6}  {:>6} {:>6} {:>6}  {who}",
        limit.name(),
        f.tasks,
        f.then.told(),
        f.candidate.told(),
        f.other_due,
        f.other_light,
        f.provisional[0],
        f.provisional[1],
        f.provisional[2]
    ));
}

fn rates(who: &str, indicators: &Indicators) {
    let twice = |rate: Twice| format!("{} → {}", rate.then.percent(), rate.candidate.percent());
    say(&format!(
        "{:>21}  {:>21}  {:>17}  {who}",
        twice(indicators.signing),
        twice(indicators.completion),
        twice(indicators.satisfaction),
    ));
}
