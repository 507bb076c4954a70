//! Whatever has a global id, found by it: at most what the account may see through the type's own query.

use super::account::Account;
use super::common::{Position, app, local_id, wait_for};
use super::notice::{self, Notice};
use super::organisation::{Department, Unit, organisation};
use super::phrasebook::{self, Phrase};
use super::ticket::{Attachment, Siblings, Ticket};
use crate::auth::viewer;
use crate::error::{Code, fault_because, system, view_fault};
use async_graphql::{Context, Error, ID, Interface, Object};
use docket_domain::ids::{
    AccountId, AttachmentId, DepartmentId, NoticeId, PhraseId, TicketId, UnitId,
};
use docket_projections::card::Card;
use futures_util::future::try_join_all;
use std::collections::HashMap;

/// Most ids asked for at one time.
pub const NODES_MAX: usize = 100;

/// Whatever has a global id.
#[derive(Interface, Clone)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id."))]
pub enum Node {
    /// An account.
    Account(Account),
    /// A file of a ticket.
    Attachment(Attachment),
    /// A level-1 department.
    Department(Department),
    /// A notice.
    Notice(Notice),
    /// A text of the phrasebook.
    Phrase(Phrase),
    /// A ticket.
    Ticket(Ticket),
    /// A level-2 unit.
    Unit(Unit),
}

/// What a global id names.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Account(AccountId),
    Attachment(AttachmentId),
    Department(DepartmentId),
    Notice(NoticeId),
    Phrase(PhraseId),
    Ticket(TicketId),
    Unit(UnitId),
}

impl Named {
    fn of(id: &ID) -> Result<Self, Error> {
        Ok(match id.split_once(':').map(|(kind, _)| kind) {
            Some("account") => Self::Account(local_id("account", id)?),
            Some("attachment") => Self::Attachment(local_id("attachment", id)?),
            Some("department") => Self::Department(local_id("department", id)?),
            Some("notice") => Self::Notice(local_id("notice", id)?),
            Some("phrase") => Self::Phrase(local_id("phrase", id)?),
            Some("ticket") => Self::Ticket(local_id("ticket", id)?),
            Some("unit") => Self::Unit(local_id("unit", id)?),
            _ => {
                let detail = (
                    "全局编号由类型名、“:”和 UUID 组成",
                    "a global id is the name of a type, \":\" and a UUID",
                );
                return Err(fault_because(Code::BadRequest, detail));
            }
        })
    }
}

/// Queries by global id.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Whatever has this global id. Null where there is nothing, or nothing that the account may know of: accounts are
    /// found by whoever keeps them, by their own person and by the colleagues of their office; phrases in the
    /// phrasebook of one's place. To read one's own writes ask `nodes`, which waits for a position.
    #[graphql(complexity = "10 + child_complexity")]
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<Node>, Error> {
        // No argument more: Relay's compiler takes no other form for what it fetches again.
        let found = find(context, &[id], None).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// Whatever has these global ids, at most 100, in their order: null where `node` gives null. Of each type all are read at
    /// one time.
    #[graphql(complexity = "10 + ids.len().min(NODES_MAX) * child_complexity")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Their global ids.")] ids: Vec<ID>,
        #[graphql(desc = "Wait, at most 5 s, until the views have come this far.")]
        min_position: Option<Position>,
    ) -> Result<Vec<Option<Node>>, Error> {
        find(context, &ids, min_position).await
    }
}

async fn find(
    context: &Context<'_>,
    ids: &[ID],
    min_position: Option<Position>,
) -> Result<Vec<Option<Node>>, Error> {
    viewer(context)?;
    if ids.len() > NODES_MAX {
        let detail = (
            format!("一次至多{NODES_MAX}个编号"),
            format!("at most {NODES_MAX} ids at a time"),
        );
        return Err(fault_because(Code::TooLarge, detail));
    }
    let named: Vec<Named> = ids.iter().map(Named::of).collect::<Result<_, _>>()?;
    wait_for(context, min_position).await?;
    let found = Found::of(context, &named).await?;
    let organisation = organisation(context).await?;
    let siblings = Siblings::of(found.tickets.values());
    let node = |named: &Named| match *named {
        Named::Account(id) => found.accounts.get(&id).cloned().map(Node::Account),
        Named::Attachment(id) => found.files.get(&id).cloned().map(Node::Attachment),
        Named::Department(id) => Department::new(&organisation, id).map(Node::Department),
        Named::Notice(id) => found.notices.get(&id).cloned().map(Node::Notice),
        Named::Phrase(id) => found.phrases.get(&id).cloned().map(Node::Phrase),
        Named::Ticket(id) => {
            let card = found.tickets.get(&id).cloned();
            card.map(|card| Node::Ticket(Ticket::among(card, &siblings)))
        }
        Named::Unit(id) => Unit::new(&organisation, id).map(Node::Unit),
    };
    Ok(named.iter().map(node).collect())
}

/// What the viewer may see of what was asked for, read type by type.
struct Found {
    accounts: HashMap<AccountId, Account>,
    files: HashMap<AttachmentId, Attachment>,
    notices: HashMap<NoticeId, Notice>,
    phrases: HashMap<PhraseId, Phrase>,
    tickets: HashMap<TicketId, Card>,
}

impl Found {
    async fn of(context: &Context<'_>, named: &[Named]) -> Result<Self, Error> {
        let mut tickets = Vec::new();
        let mut files = Vec::new();
        let mut accounts = Vec::new();
        let mut notices = Vec::new();
        let mut phrases = false;
        for named in named {
            match named {
                Named::Account(id) => accounts.push(*id),
                Named::Attachment(id) => files.push(*id),
                Named::Notice(id) => notices.push(*id),
                Named::Ticket(id) => tickets.push(*id),
                Named::Phrase(_) => phrases = true,
                // The whole tree is in memory.
                Named::Department(_) | Named::Unit(_) => {}
            }
        }
        let places = app(context)?.desk.tickets_of_files(&files).await;
        let places = places.map_err(|error| system(&error))?;
        tickets.extend(places.iter().map(|(_, ticket)| *ticket));
        let tickets = visible(context, tickets).await?;
        let actor = &viewer(context)?.actor;
        let file = |(id, ticket): (AttachmentId, TicketId)| {
            let card = tickets.get(&ticket)?;
            let file = card.ticket.attachment(id)?;
            let shown = card.ticket.shows_file_to(file, actor);
            shown.then(|| (id, Attachment::new(card.clone().into(), file.clone())))
        };
        let files = places.into_iter().filter_map(file).collect();
        // Asked for at the same time, the journal gathers them into one statement.
        let accounts = try_join_all(accounts.into_iter().map(|id| Account::seen(context, id)));
        let accounts = accounts.await?.into_iter().flatten();
        let notices = if notices.is_empty() {
            Vec::new()
        } else {
            notice::seen(context, notices).await?
        };
        let phrases = if phrases {
            phrasebook::seen(context).await?
        } else {
            Vec::new()
        };
        Ok(Self {
            accounts: accounts.map(|account| (account.key(), account)).collect(),
            files,
            notices: notices.into_iter().map(|n| (n.key(), n)).collect(),
            phrases: phrases.into_iter().map(|p| (p.key(), p)).collect(),
            tickets,
        })
    }
}

/// The tickets that the viewer may see, by one question.
async fn visible(
    context: &Context<'_>,
    mut ids: Vec<TicketId>,
) -> Result<HashMap<TicketId, Card>, Error> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let actor = &viewer(context)?.actor;
    let cards = app(context)?.views.tickets(&ids).await;
    let cards = cards.map_err(|error| view_fault(&error))?;
    let seen = cards
        .into_iter()
        .filter(|card| card.ticket.is_visible_to(actor));
    Ok(seen.map(|card| (card.id, card)).collect())
}
