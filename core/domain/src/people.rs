//! Who acts: roles, and the place in the organisation an account acts for.

use crate::ids::{AccountId, DepartmentId, UnitId};
use crate::organisation::Office;
use serde::{Deserialize, Serialize};

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $zh:literal;)+) => {
        /// What an account may do at all (DOMAIN §6). Which tickets it may touch follows from its place.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Role { $($(#[$doc])* $name,)+ }

        impl Role {
            /// Every role, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name, as stored.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The Chinese term.
            #[must_use]
            pub const fn name_zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)+ }
            }

            /// The role of a stable name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|role| role.name() == name)
            }
        }
    };
}

roles! {
    /// Takes calls and letters at the hotline centre.
    Operator = "operator", "话务员";
    /// Hands tickets to departments.
    Dispatcher = "dispatcher", "派单员";
    /// Calls citizens back after the answer.
    CallBack = "call_back", "回访员";
    /// Urges and supervises.
    Supervisor = "supervisor", "督办员";
    /// The hotline office: reviews answers, has tickets handled anew, closes.
    Office = "office", "热线办";
    /// The joint meeting (联席会议): rules on disputed tickets.
    JointMeeting = "joint_meeting", "联席会议";
    /// Works a department's or unit's tickets.
    Clerk = "clerk", "经办";
    /// Leads a department or unit.
    Leader = "leader", "领导";
    /// A citizen with an account: sees and rates own tickets.
    Citizen = "citizen", "市民";
    /// Reads and replays everything, personal data masked; writes nothing.
    Auditor = "auditor", "审计员";
    /// Sees aggregates only: no ticket, no personal data.
    Analyst = "analyst", "分析员";
    /// Keeps accounts and configuration; no business writes.
    Administrator = "administrator", "管理员";
}

/// Where a role sits. One account sits at one desk, so that no right of one role undoes another's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskKind {
    /// The hotline centre.
    Centre,
    /// A department or unit.
    Office,
    /// A citizen.
    Citizen,
    /// Audit.
    Audit,
    /// Analysis.
    Analysis,
    /// Administration.
    Administration,
}

impl Role {
    /// The roles of what no account does, only Docket itself.
    pub const NOBODY: &'static [Self] = &[];

    /// Where the role sits.
    #[must_use]
    pub const fn desk(self) -> DeskKind {
        match self {
            Self::Operator
            | Self::Dispatcher
            | Self::CallBack
            | Self::Supervisor
            | Self::Office
            | Self::JointMeeting => DeskKind::Centre,
            Self::Clerk | Self::Leader => DeskKind::Office,
            Self::Citizen => DeskKind::Citizen,
            Self::Auditor => DeskKind::Audit,
            Self::Analyst => DeskKind::Analysis,
            Self::Administrator => DeskKind::Administration,
        }
    }
}

/// The account that gives a command, with what decides its rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub account: AccountId,
    /// Its roles.
    pub roles: Vec<Role>,
    /// The level-1 department it belongs to, if any; that of its unit, if it has one.
    pub department: Option<DepartmentId>,
    /// The level-2 unit within that department, if any.
    pub unit: Option<UnitId>,
}

impl Actor {
    /// Docket itself: founding a store, timers. Has no business role.
    #[must_use]
    pub const fn system() -> Self {
        Self {
            account: AccountId::SYSTEM,
            roles: Vec::new(),
            department: None,
            unit: None,
        }
    }

    /// Whoever showed a ticket's number and query code: its citizen, as far as this one ticket goes. To be
    /// made only after both were checked, and used for no other ticket.
    #[must_use]
    pub fn bearer() -> Self {
        Self {
            account: AccountId::BEARER,
            roles: vec![Role::Citizen],
            department: None,
            unit: None,
        }
    }

    /// Whether the account has one of these roles.
    #[must_use]
    pub fn has_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Whether the account has this role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the account sits in the hotline centre.
    #[must_use]
    pub fn in_centre(&self) -> bool {
        self.roles
            .iter()
            .any(|role| role.desk() == DeskKind::Centre)
    }

    /// The office whose work the account does, if it does any's.
    #[must_use]
    pub fn office(&self) -> Option<Office> {
        Office::of(self.department, self.unit).filter(|_| self.in_office())
    }

    /// Whether the account works in a department or unit.
    #[must_use]
    pub fn in_office(&self) -> bool {
        self.has_any(&[Role::Clerk, Role::Leader])
    }
}
