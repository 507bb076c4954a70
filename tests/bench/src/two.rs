//! Two processes appending to one PostgreSQL journal: this program, started twice again as `writer`.

use crate::Fallible;
use crate::measure::{Done, Run};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

/// One of the two: opens the journal, says `ready`, waits for a line, appends, prints what it did.
pub async fn writer(url: &str, clients: usize, seconds: f64) -> Fallible<()> {
    let journal = crate::docket::open_postgres(url).await?;
    println!("ready");
    let mut line = String::new();
    BufReader::new(tokio::io::stdin()).read_line(&mut line).await?;
    let run = crate::docket::append(&journal, clients, seconds).await?;
    let mut report = format!("{}\n", run.total);
    for done in run.done {
        report.push_str(&format!("{} {}\n", done.at, done.took));
    }
    print!("{report}");
    Ok(())
}

/// Runs the cell: half of the clients in each process.
pub async fn append(url: &str, clients: usize, seconds: f64) -> Fallible<Run> {
    let mut children = Vec::new();
    for _ in 0..2 {
        children.push(start(url, clients / 2, seconds).await?);
    }
    let mut readers = Vec::new();
    for (mut child, output) in children {
        let mut input = child.stdin.take().ok_or("no stdin")?;
        input.write_all(b"go\n").await?;
        readers.push(tokio::spawn(collect(child, output)));
    }
    let (mut total, mut done) = (0, Vec::new());
    for reader in readers {
        let (count, mut points) = reader.await??;
        total += count;
        done.append(&mut points);
    }
    let journal = crate::docket::open_postgres(url).await?;
    crate::docket::check(&journal, total).await?;
    Ok(Run {
        total,
        done,
        measured: (seconds * 1_000_000.0) as u64,
    })
}

type Output = tokio::io::Lines<BufReader<tokio::process::ChildStdout>>;

async fn start(url: &str, clients: usize, seconds: f64) -> Fallible<(Child, Output)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["writer", url, &clients.to_string(), &seconds.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut output = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    match output.next_line().await? {
        Some(line) if line == "ready" => Ok((child, output)),
        _ => Err("a writer process did not start".into()),
    }
}

async fn collect(mut child: Child, mut output: Output) -> Fallible<(u64, Vec<Done>)> {
    let total = output.next_line().await?.ok_or("a writer process failed")?.parse()?;
    let mut done = Vec::new();
    while let Some(line) = output.next_line().await? {
        let (at, took) = line.split_once(' ').ok_or("a writer's line")?;
        done.push(Done { at: at.parse()?, took: took.parse()? });
    }
    if !child.wait().await?.success() {
        return Err("a writer process failed".into());
    }
    Ok((total, done))
}
