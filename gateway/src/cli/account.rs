//! `docket account`: accounts from the command line, the first administrator above all, and a new password for
//! whoever is shut out.

mod import;

use super::{Failed, StoreArgs};
use crate::app::Founding;
use clap::{Args, Subcommand};
use docket_core::Desk;
use docket_core::desk::{NewAccount, Options, Password};
use docket_domain::organisation::Organisation;
use docket_domain::people::{Actor, Role};
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

/// Keeps accounts.
#[derive(Subcommand)]
pub enum Account {
    /// Creates an account. The password is read from the first line of standard input.
    Create(Create),
    /// Gives an account a new password and ends its sessions. The password is read from the first line of
    /// standard input.
    ResetPassword(ResetPassword),
    /// Creates accounts in bulk, from a CSV file. A server may run. Run again, it adds nothing twice.
    Import(import::Import),
}

/// An account to be given a new password.
#[derive(Args)]
pub struct ResetPassword {
    #[command(flatten)]
    store: StoreArgs,
    /// The login.
    login: String,
}

/// An account to be created.
#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    store: StoreArgs,
    /// The login.
    #[arg(long)]
    login: String,
    /// The person's name; by default the login.
    #[arg(long)]
    name: Option<String>,
    /// An administrator.
    #[arg(long)]
    admin: bool,
    /// Roles: operator, dispatcher, `call_back`, supervisor, office, `joint_meeting`, clerk, leader, citizen,
    /// auditor, analyst, administrator.
    #[arg(long = "role", value_parser = role)]
    roles: Vec<Role>,
    /// The department's name, for clerks and leaders.
    #[arg(long)]
    department: Option<String>,
    /// The unit's name within the department.
    #[arg(long)]
    unit: Option<String>,
}

fn role(text: &str) -> Result<Role, String> {
    Role::from_name(text).ok_or_else(|| {
        let names: Vec<_> = Role::ALL.iter().map(|r| r.name()).collect();
        format!("a role is one of {}", names.join(", "))
    })
}

impl Account {
    pub(super) async fn run(self) -> Result<ExitCode, Failed> {
        match self {
            Self::Create(create) => create.run().await,
            Self::ResetPassword(reset) => reset.run().await,
            Self::Import(import) => import.run().await,
        }
    }
}

impl ResetPassword {
    async fn run(self) -> Result<ExitCode, Failed> {
        let store = self.store.open().await?;
        let desk = Desk::new(&store);
        let Some(id) = desk.account_of(&self.login).await? else {
            return Err(format!("there is no account {}", self.login).into());
        };
        let password = Password::Clear(read_password()?);
        let outcome = desk
            .reset_password(&Actor::system(), id, password, &Options::default())
            .await?;
        println!("new password for account:{id}");
        if outcome.state.deactivated {
            println!("it is deactivated still: an administrator reactivates it");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(self) -> Result<ExitCode, Failed> {
        // The first account may come before the first server: this makes the store, if it is not there.
        let mut options = self.store.options()?;
        options.purpose = self.store.purpose();
        let store = docket_core::Store::open(options).await?;
        let desk = Desk::new(&store);
        let founding = Founding::default();
        desk.found(&founding.name, &founding.pack, &founding.holidays)
            .await?;
        let organisation = desk.organisation().await?;
        let new = self.account(&organisation)?;
        let password = Password::Clear(read_password()?);
        let outcome = desk
            .create_account(&Actor::system(), new, password, &Options::default())
            .await?;
        println!("created account:{}", outcome.id);
        Ok(ExitCode::SUCCESS)
    }

    fn account(&self, organisation: &Organisation) -> Result<NewAccount, Failed> {
        let mut roles = self.roles.clone();
        if self.admin {
            roles.push(Role::Administrator);
        }
        let department = match &self.department {
            None => None,
            Some(name) => {
                let found = organisation.departments.iter().find(|d| d.name == *name);
                Some(found.ok_or_else(|| format!("there is no department {name}"))?)
            }
        };
        let unit = match (&self.unit, department) {
            (None, _) => None,
            (Some(_), None) => return Err("name the unit's department".into()),
            (Some(name), Some(department)) => {
                let found = department.units.iter().find(|u| u.name == *name);
                Some(
                    found
                        .ok_or_else(|| format!("{} has no unit {name}", department.name))?
                        .id,
                )
            }
        };
        Ok(NewAccount {
            login: self.login.clone(),
            name: self.name.clone().unwrap_or_else(|| self.login.clone()),
            roles,
            department: department.map(|d| d.id),
            unit,
            ..NewAccount::default()
        })
    }
}

fn read_password() -> Result<String, Failed> {
    if std::io::stdin().is_terminal() {
        eprint!("password (shown as you type): ");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
