//! The whole store at the end of a simulation.

use super::{Acknowledged, Run};
use docket_domain::ids::TicketId;
use docket_projections::runner::Runner;
use docket_projections::{projection, rebuild};
use docket_tests::TestStore;
use docket_tests::city::{Hotline, hotline_at};
use docket_tests::commits::whole_log;
use docket_tests::store::PATIENCE;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Opens the store as another process would, and looks at all of it.
pub(super) async fn audit(store: &TestStore, run: &Run) {
    let again = hotline_at(store, run.clock.clone()).await;
    let log = whole_log(&again.store.journal).await;
    let id = again.store.journal.log_id();
    let bytes = |log: &[docket_core::Record]| -> Vec<Vec<u8>> {
        log.iter().map(|record| record.canonical(id)).collect()
    };
    let twice = whole_log(&run.desks[0].store.journal).await;
    assert_eq!(bytes(&log), bytes(&twice), "byte for byte");
    let mut commands: HashMap<Uuid, u64> = HashMap::new();
    for record in log.iter().filter(|record| record.category == "ticket") {
        let before = commands.insert(record.command.0, record.position);
        assert_eq!(before, None, "a command of one event is there once");
    }
    let mut latest: BTreeMap<TicketId, &Acknowledged> = BTreeMap::new();
    for entry in run.acknowledged.iter().filter(|entry| entry.did) {
        let command = entry.sent.options.command.unwrap().0;
        let record = &log[usize::try_from(entry.position - 1).unwrap()];
        assert_eq!(record.command.0, command, "it is where it was said to be");
        let found = (record.stream, record.version);
        assert_eq!(found, (entry.sent.ticket.0, entry.version));
        latest.insert(entry.sent.ticket, entry);
    }
    let (runner, views, _) = Runner::open(&again.store).await.unwrap();
    let running = tokio::spawn(runner.run());
    views.wait_for(log.len() as u64, PATIENCE).await.unwrap();
    assert_clean(&again).await;
    rebuild::rebuild(&again.store, &projection::all(), &mut |_| {})
        .await
        .unwrap();
    assert_clean(&again).await;
    for (ticket, entry) in latest {
        let folded = again.desk.ticket(ticket).await.unwrap().unwrap();
        // Of an erased one the views keep nothing.
        let card = views.ticket(ticket).await.unwrap().map(|card| card.ticket);
        let kept = Some(folded.state.clone()).filter(|state| state.erased_at.is_none());
        assert_eq!(card, kept);
        assert!(folded.version > entry.version || folded.state == entry.state);
    }
    running.abort();
}

async fn assert_clean(hotline: &Hotline) {
    let verified = rebuild::verify(&hotline.store, &mut |_| {}).await.unwrap();
    let differences: Vec<_> = verified
        .differences
        .iter()
        .map(|d| (d.table, &d.key, &d.kind))
        .collect();
    assert_eq!(differences, []);
    assert!(verified.rows > 0);
}
