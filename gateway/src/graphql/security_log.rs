//! The security log, for auditors: who was let in and who was not.

use super::common::{app, cursor, cursor_parts};
use super::paging::{PageArgs, PageInfo, Paging, connection, page_size};
use crate::auth::viewer_with;
use crate::error::{Code, fault, system};
use crate::rights::READS_LOGS;
use async_graphql::{Context, Enum, Error, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use docket_core::ops::{SecurityEntry, SecurityKind as Kind};

/// Most rows one page returns.
const PAGE_MAX: u32 = 500;
/// Rows of a page where the client does not say.
const PAGE_USUAL: u32 = 100;

/// What happened at a door.
#[derive(Enum, Copy, Clone, PartialEq, Eq, Debug)]
#[graphql(remote = "Kind")]
pub enum SecurityKind {
    /// A login with the right password.
    Login,
    /// A login or password that was wrong.
    LoginRefused,
    /// A try at a login that is locked after wrong passwords.
    LoginLocked,
    /// The right password of an account that is deactivated.
    LoginDeactivated,
    /// A try without the captcha it needed.
    CaptchaMissed,
    /// A try from an address that is held up after too many without a captcha.
    HeldUp,
    /// A session that its person ended.
    Logout,
    /// A refresh token used twice: its session was ended.
    TokenReused,
    /// A wrong old password, of somebody logged in.
    PasswordRefused,
    /// A password recovered by the answer to its question.
    Recovery,
    /// A wrong answer to a question for recovery, or of a login that does not exist.
    RecoveryRefused,
    /// A try to recover while that is locked.
    RecoveryLocked,
    /// A wrong query code of a ticket's number.
    QueryCodeRefused,
    /// A try at a ticket's number that is locked after wrong query codes.
    QueryCodeLocked,
    /// A token of the identity provider that was not taken.
    BearerRefused,
    /// Requests over a rate. Noted once a minute of an account or address.
    RateLimited,
}

/// What happened so often within an hour: of one kind, concerning one subject, from one address.
#[derive(SimpleObject)]
pub struct SecurityLogEntry {
    /// What.
    kind: SecurityKind,
    /// The hour it is counted in, by its beginning.
    hour: DateTime<Utc>,
    /// The global id of the account it concerns; or `unknown:` and a keyed hash of what was typed, where that names none;
    /// or nothing.
    subject: String,
    /// Where it came from: an IPv4 address, the /64 of an IPv6 address; or nothing, where it is not known or there were
    /// too many.
    address: String,
    /// How often.
    count: u64,
    /// When first within the hour.
    first_at: DateTime<Utc>,
    /// When last.
    last_at: DateTime<Utc>,
}

connection! {
    /// A page of the security log.
    SecurityLogConnection,
    /// A row of the security log, with its cursor.
    SecurityLogEdge of SecurityLogEntry
}

/// Which rows of the security log.
#[derive(InputObject, Default)]
pub struct SecurityLogFilter {
    /// Only of this kind.
    kind: Option<SecurityKind>,
}

/// Queries of the security log.
#[derive(Default)]
pub struct SecurityQuery;

#[Object]
impl SecurityQuery {
    /// Logins, refusals and locks by the hour, the newest first (auditors). It holds no password, no token, and no login
    /// that names no account; rows are kept for half a year.
    #[graphql(
        complexity = "500 + page_size(first, last, PAGE_USUAL, PAGE_MAX) as usize * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "arguments of a GraphQL field")]
    async fn security_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Rows wanted from the newest on, 1 to 500; 100 if neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows wanted from the oldest back, 1 to 500.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which.")] filter: Option<SecurityLogFilter>,
        #[graphql(desc = "Only of this kind.", deprecation = "Give it in `filter`.")] kind: Option<
            SecurityKind,
        >,
    ) -> Result<SecurityLogConnection, Error> {
        viewer_with(context, READS_LOGS)?;
        let args = PageArgs {
            first,
            after,
            last,
            before,
        };
        let paging = Paging::of(context, &args, (PAGE_USUAL, PAGE_MAX), entry_at)?;
        let filtered = filter.and_then(|filter| filter.kind);
        let kind = filtered.or(kind).map(Kind::from);
        let desk = &app(context)?.desk;
        let load = |span| async move {
            let read = desk.security_log(kind, &span).await;
            read.map_err(|e| system(&e))
        };
        let page = paging.read(SecurityEntry::clone, load).await?;
        let page_info = page.info(cursor_at);
        let edge = |entry: SecurityEntry| {
            let cursor = cursor_at(&entry);
            row(entry).map(|node| SecurityLogEdge { cursor, node })
        };
        Ok(SecurityLogConnection {
            edges: page.rows.into_iter().filter_map(edge).collect(),
            page_info,
        })
    }
}

fn row(entry: SecurityEntry) -> Option<SecurityLogEntry> {
    Some(SecurityLogEntry {
        // Of a later Docket, where there is none.
        kind: Kind::from_name(&entry.kind)?.into(),
        hour: entry.hour,
        subject: entry.subject,
        address: entry.address,
        count: entry.count,
        first_at: entry.first_at,
        last_at: entry.last_at,
    })
}

fn cursor_at(entry: &SecurityEntry) -> String {
    let hour = entry.hour.timestamp_micros().to_string();
    let (kind, subject, address) = (&entry.kind, &entry.subject, &entry.address);
    let parts = [hour, kind.clone(), subject.clone(), address.clone()];
    cursor("security", &parts)
}

fn entry_at(after: &str) -> Result<SecurityEntry, Error> {
    let [hour, kind, subject, address] = cursor_parts::<4>("security", after)?;
    let hour = hour.parse().ok().and_then(DateTime::from_timestamp_micros);
    let hour = hour.ok_or_else(|| fault(Code::BadCursor))?;
    Ok(SecurityEntry {
        hour,
        kind,
        subject,
        address,
        count: 0,
        first_at: hour,
        last_at: hour,
    })
}
