//! Made-up tickets of a system before, as a CSV file for `docket import`: the same file for the same number of rows.

use crate::Fallible;
use crate::city::DEPARTMENTS;
use chrono::{DateTime, TimeDelta};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// How `docket import` is to read it.
pub const MAPPING: &str = include_str!("import.toml");

/// The first is received here: 1 November 2025.
const START_SECONDS: i64 = 1_761_955_200;
/// All of them within a year.
const YEAR_SECONDS: i64 = 365 * 86_400;
/// Of a hundred tickets, so many are not answered yet, and so many answered and not closed.
const OPEN: usize = 4;
const ANSWERED: usize = 2;

const MATTERS: [&str; 8] = [
    "夜间施工噪声扰民",
    "路灯不亮影响出行",
    "小区停水未提前通知",
    "占道经营影响通行",
    "井盖松动存在隐患",
    "办理医保手续咨询",
    "电梯故障长期未修",
    "垃圾清运不及时",
];

/// A row of random numbers that is the same every time (splitmix64).
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

fn time(seconds: i64) -> Fallible<String> {
    let time = DateTime::from_timestamp(seconds, 0).ok_or("a time outside the calendar")?;
    Ok(time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// Writes so many rows of open tickets, numbered from `first` on, whose limits lie evenly within a minute from
/// `due_from` (seconds since 1970) on.
pub fn write_open(file: &Path, first: usize, rows: usize, due_from: i64) -> Fallible<()> {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "编号,受理时间,截止时间,状态,类型,承办单位,标题,内容,地址,姓名,电话,答复,答复时间,办结时间")?;
    for n in 0..rows {
        let due = time(due_from + n as i64 * 60 / rows as i64)?;
        let (number, department) = (first + n, DEPARTMENTS[n % DEPARTMENTS.len()]);
        let (received, matter) = (time(START_SECONDS + n as i64)?, MATTERS[n % MATTERS.len()]);
        writeln!(
            out,
            "{number},{received},{due},办理中,投诉,{department},{matter},市民来电反映{matter}。,高新区,王小明,139{number:08},,,"
        )?;
    }
    Ok(out.flush()?)
}

/// Writes so many rows.
pub fn write(file: &Path, rows: usize) -> Fallible<()> {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "编号,受理时间,截止时间,状态,类型,承办单位,标题,内容,地址,姓名,电话,答复,答复时间,办结时间")?;
    let mut random = Random::new(rows as u64);
    for n in 0..rows {
        let received = START_SECONDS + n as i64 * YEAR_SECONDS / rows as i64;
        let due = received + TimeDelta::days(5 + random.below(10) as i64).num_seconds();
        let answered = received + 3_600 + random.below(4 * 86_400) as i64;
        let chance = random.below(100);
        let matter = MATTERS[random.below(MATTERS.len())];
        let department = DEPARTMENTS[random.below(DEPARTMENTS.len())];
        let kind = ["投诉", "咨询", "求助"][random.below(3)];
        let street = random.below(900);
        write!(
            out,
            "{n},{},{},{},{kind},{department},{matter}（{street}号）,\
             市民来电反映：科技路{street}号附近{matter}，已持续一段时间，希望有关部门尽快到现场核实处理，\
             并将处理结果告知来电人。,高新区科技路{street}号,王小明,139{n:08},",
            time(received)?,
            time(due)?,
            match chance {
                _ if chance < OPEN => "办理中",
                _ if chance < OPEN + ANSWERED => "已答复",
                _ => "已办结",
            },
        )?;
        if chance < OPEN {
            writeln!(out, ",,")?;
            continue;
        }
        write!(out, "经核实情况属实，已责成责任单位整改，并将加强日常巡查。,{},", time(answered)?)?;
        if chance < OPEN + ANSWERED {
            writeln!(out)?;
        } else {
            writeln!(out, "{}", time(answered + 86_400)?)?;
        }
    }
    Ok(out.flush()?)
}
