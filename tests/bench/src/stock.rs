//! Tickets made ready in a store before a cell begins.

use crate::Fallible;
use crate::city::{answer, request, to_department};
use docket_core::desk::{Desk, Options};
use docket_domain::ids::TicketId;
use docket_domain::ticket::TicketAction;
use docket_domain::ticket::actions::{sign, view};
use docket_domain::ticket::scenario::{clerk, dispatcher, operator};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// Commands on their way at once.
const PREPARERS: usize = 256;

/// Does something so many times, many at a time; what each gave, in no order.
async fn each<T, F, D>(count: usize, work: F) -> Fallible<Vec<T>>
where
    T: Send + 'static,
    F: Fn(usize) -> D + Clone + Send + 'static,
    D: Future<Output = Fallible<T>> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..PREPARERS {
        let (next, work) = (next.clone(), work.clone());
        workers.spawn(async move {
            let mut made = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Fallible::Ok(made);
                }
                made.push(work(n).await?);
            }
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(made) = workers.join_next().await {
        all.append(&mut made??);
    }
    Ok(all)
}

/// Tickets received, waiting to be assigned.
pub async fn received(desk: &Arc<Desk>, count: usize) -> Fallible<Vec<TicketId>> {
    let desk = desk.clone();
    each(count, move |n| {
        let desk = desk.clone();
        async move { Ok(TicketId(desk.receive(&operator(), request(n), &Options::default()).await?.id)) }
    })
    .await
}

/// Tickets received and assigned, waiting to be signed.
pub async fn assigned(desk: &Arc<Desk>, count: usize) -> Fallible<Vec<TicketId>> {
    let desk = desk.clone();
    each(count, move |n| {
        let desk = desk.clone();
        async move {
            let none = Options::default();
            let id = TicketId(desk.receive(&operator(), request(n), &none).await?.id);
            desk.act(&dispatcher(), id, to_department(), &none).await?;
            Ok(id)
        }
    })
    .await
}

/// Tickets received, assigned, viewed, signed and replied: five events each. One step of all of them comes
/// before the next of any, which is the hardest order for whoever folds them.
pub async fn replied(desk: &Arc<Desk>, count: usize) -> Fallible<()> {
    let ready = Arc::new(assigned(desk, count).await?);
    let steps = [
        || TicketAction::View(view::View),
        || TicketAction::Sign(sign::Sign),
        answer,
    ];
    for step in steps {
        let (desk, ready) = (desk.clone(), ready.clone());
        each(count, move |n| {
            let (desk, id) = (desk.clone(), ready[n]);
            async move {
                desk.act(&clerk(), id, step(), &Options::default()).await?;
                Ok(())
            }
        })
        .await?;
    }
    Ok(())
}
