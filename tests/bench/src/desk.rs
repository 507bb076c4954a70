//! The desk without HTTP: load, seal, decide, append.

use crate::Fallible;
use crate::city::{answer, found, request, to_department};
use crate::measure::{Client, Run, closed_loop, stock_for};
use crate::stock;
use docket_core::desk::{Desk, Options};
use docket_core::store::StoreUrl;
use docket_domain::ids::TicketId;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{sign, view};
use docket_domain::ticket::scenario::{clerk, dispatcher, operator};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    let (store, desk) = found(url, dir).await?;
    let ready = Arc::new(stock::assigned(&desk, stock_for(seconds)).await?);
    let next = Arc::new(AtomicUsize::new(0));
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
    let (_store, desk) = found(url, dir).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let workers = (0..clients).map(|_| Worker {
        desk: desk.clone(),
        next: next.clone(),
        ticket: docket_domain::ticket::scenario::id(0),
        stage: 0,
    });
    closed_loop(workers.collect(), seconds).await
}
