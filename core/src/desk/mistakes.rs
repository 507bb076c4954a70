//! Every mistake of an account that is not created: creating one stops at the first.

use super::accounts::{check_answer, check_login, check_mobile};
use super::texts::{kept, measured};
use super::{Desk, DeskError, NewAccount, Password};
use docket_domain::Refusal;
use docket_domain::account as domain;
use docket_domain::people::Actor;

impl Desk {
    /// What is wrong with an account as it would be created, at most one mistake a field; nothing where only the store can
    /// tell, as of a login that is taken.
    pub async fn account_mistakes(
        &self,
        actor: &Actor,
        new: &NewAccount,
        password: Option<&Password>,
    ) -> Result<Vec<DeskError>, DeskError> {
        let (mobile, recovery) = (new.mobile.as_deref(), new.recovery.as_ref());
        let of_texts = [
            check_login(&new.login),
            kept("create_account", "name", &new.name).map(|_| ()),
            mobile.map_or(Ok(()), |mobile| check_mobile("create_account", mobile)),
            recovery.map_or(Ok(()), |recovery| check_answer(&recovery.answer)),
        ];
        let mut refusals: Vec<Refusal> = of_texts.into_iter().filter_map(Result::err).collect();
        let organisation = self.organisation().await?;
        let login = new.login.trim();
        let as_decided = domain::NewAccount {
            login: measured(login),
            name: measured(&kept("create_account", "name", &new.name).unwrap_or_default()),
            roles: new.roles.clone(),
            department: new.department,
            unit: new.unit,
            mobile: mobile.map(|mobile| measured(mobile.trim())),
            sms_quota: new.sms_quota,
            lacks_prefix: self.lacking_prefix(new.department, login).await?,
        };
        for refusal in domain::mistakes(actor, &as_decided, &organisation) {
            let told = |before: &Refusal| before.field.is_some() && before.field == refusal.field;
            if !refusals.iter().any(told) {
                refusals.push(refusal);
            }
        }
        let mut mistakes: Vec<DeskError> = refusals.into_iter().map(DeskError::from).collect();
        if let Some(password) = password {
            match self.check_password(password).await {
                Ok(()) => {}
                Err(unfit @ DeskError::UnfitPassword(_)) => mistakes.push(unfit),
                Err(error) => return Err(error),
            }
        }
        Ok(mistakes)
    }
}
