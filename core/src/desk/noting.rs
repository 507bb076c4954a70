//! What happens at the doors, noted in the security log.

use super::{Desk, DeskError};
use crate::ops::{OpsError, SecurityEntry, SecurityKind, Subject};
use crate::span::Span;
use docket_domain::ids::AccountId;
use std::net::IpAddr;

impl Desk {
    /// Notes what became of a try to log in; what is no answer of the door's is not noted.
    pub(super) async fn note_login<T>(
        &self,
        outcome: &Result<T, DeskError>,
        subject: Subject,
        address: Option<IpAddr>,
    ) -> Result<(), DeskError> {
        let kind = match outcome {
            Ok(_) => SecurityKind::Login,
            Err(DeskError::Deactivated) => SecurityKind::LoginDeactivated,
            Err(DeskError::Ops(OpsError::WrongCredentials)) => SecurityKind::LoginRefused,
            Err(DeskError::Ops(OpsError::Locked)) => SecurityKind::LoginLocked,
            Err(DeskError::Ops(OpsError::CaptchaRequired)) => SecurityKind::CaptchaMissed,
            Err(DeskError::Ops(OpsError::TooManyTries)) => SecurityKind::HeldUp,
            Err(_) => return Ok(()),
        };
        Ok(self.ops.note(kind, subject, address, 1).await?)
    }

    /// Notes what became of a try to recover a password.
    pub(super) async fn note_recovery<T>(
        &self,
        outcome: &Result<T, OpsError>,
        subject: Subject,
        address: Option<IpAddr>,
    ) -> Result<(), DeskError> {
        let kind = match outcome {
            Ok(_) => SecurityKind::Recovery,
            Err(OpsError::WrongAnswer) => SecurityKind::RecoveryRefused,
            Err(OpsError::Locked) => SecurityKind::RecoveryLocked,
            Err(OpsError::CaptchaRequired) => SecurityKind::CaptchaMissed,
            Err(OpsError::TooManyTries) => SecurityKind::HeldUp,
            Err(_) => return Ok(()),
        };
        Ok(self.ops.note(kind, subject, address, 1).await?)
    }

    /// Whom a login concerns: its account, or, where there is none, a keyed hash of what was typed.
    pub(super) fn subject_of(&self, login: &str, account: Option<AccountId>) -> Subject {
        account.map_or_else(
            || Subject::Unknown(self.login_door("security_log", login)),
            Subject::Account,
        )
    }

    /// Notes what the gateway saw so often: of an account, or of nobody in particular.
    pub async fn note(
        &self,
        kind: SecurityKind,
        account: Option<AccountId>,
        address: Option<IpAddr>,
        times: u32,
    ) -> Result<(), DeskError> {
        let subject = account.map_or(Subject::Nobody, Subject::Account);
        Ok(self.ops.note(kind, subject, address, times).await?)
    }

    /// A stretch of the security log, the newest hours first.
    pub async fn security_log(
        &self,
        kind: Option<SecurityKind>,
        span: &Span<SecurityEntry>,
    ) -> Result<Vec<SecurityEntry>, DeskError> {
        Ok(self.ops.security_log(kind, span).await?)
    }
}
