//! Who is asking. What they may read is decided in [`crate::rights`].

use crate::app::App;
use crate::error::{Code, fault};
use crate::oidc::{Oidc, Refused};
use async_graphql::{Context, Error};
use docket_core::{Desk, DeskError};
use docket_domain::Timestamp;
use docket_domain::people::{Actor, Role};
use std::sync::Arc;

/// What somebody came with.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A session's access token.
    Session(Arc<str>),
    /// A token of the identity provider.
    Provider,
}

/// A session's token was sent that is over, or none.
#[derive(Clone, Debug)]
pub struct TokenOver(pub Arc<str>);

/// Why nobody knows who somebody is.
#[derive(Debug)]
pub enum Unknown {
    /// A provider's token that is not taken.
    Refused(Refused),
    /// A fault.
    Fault(DeskError),
}

impl<E: Into<DeskError>> From<E> for Unknown {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// A logged-in account.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The account as the giver of commands.
    pub actor: Actor,
    /// Until when what it came with is good.
    pub until: Timestamp,
    /// What it came with.
    pub credential: Credential,
    /// Whether its password has expired: then it may change it, and nothing else.
    pub must_change_password: bool,
}

/// The account behind a bearer token; `None` for a token that is unknown or over. Whether it is a session's or a
/// provider's its form tells: sessions' have no dots.
pub async fn viewer_of(app: &App, token: &str) -> Result<Option<Viewer>, Unknown> {
    if let Some(oidc) = &app.oidc
        && token.contains('.')
    {
        return of_provider(&app.desk, oidc, token).await.map(Some);
    }
    let Some((account, until)) = app.store.ops.session(token).await? else {
        return Ok(None);
    };
    let Some(actor) = app.desk.actor(account).await? else {
        return Ok(None);
    };
    Ok(Some(Viewer {
        actor,
        until,
        credential: Credential::Session(token.into()),
        must_change_password: app.desk.must_change_password(account).await?,
    }))
}

/// Whoever a provider vouches for needs no password of Docket's, so that its age is nothing to them.
async fn of_provider(desk: &Desk, oidc: &Oidc, token: &str) -> Result<Viewer, Unknown> {
    let taken = oidc.take(desk, token).await?;
    let (account, until) = taken.map_err(Unknown::Refused)?;
    let actor = desk.actor(account).await?;
    Ok(Viewer {
        actor: actor.ok_or(Unknown::Refused(Refused::Deactivated))?,
        until,
        credential: Credential::Provider,
        must_change_password: false,
    })
}

/// The viewer of a request, or the error that says there is none, or that it has to change its password first.
pub fn viewer<'c>(context: &Context<'c>) -> Result<&'c Viewer, Error> {
    let viewer = viewer_at_the_door(context)?;
    if viewer.must_change_password {
        return Err(fault(Code::PasswordExpired));
    }
    Ok(viewer)
}

/// The viewer, whatever the age of its password: for what it takes to change it.
pub fn viewer_at_the_door<'c>(context: &Context<'c>) -> Result<&'c Viewer, Error> {
    context
        .data_opt::<Viewer>()
        .ok_or_else(|| fault(Code::Unauthenticated))
}

/// The viewer, if one of their roles is among these.
pub fn viewer_with<'c>(context: &Context<'c>, roles: &[Role]) -> Result<&'c Viewer, Error> {
    let viewer = viewer(context)?;
    if viewer.actor.has_any(roles) {
        Ok(viewer)
    } else {
        Err(fault(Code::Forbidden))
    }
}

/// The viewer, if they keep accounts: everybody's, or those of their department. Whose exactly, the domain says.
pub fn keeper<'c>(context: &Context<'c>) -> Result<&'c Viewer, Error> {
    let viewer = viewer(context)?;
    let leads = viewer.actor.leads_department().is_some();
    if leads || viewer.actor.has(Role::Administrator) {
        Ok(viewer)
    } else {
        Err(fault(Code::Forbidden))
    }
}
