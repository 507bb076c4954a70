//! What is beside a ticket's plain way: put through, suspended, supervised, disputed and ruled on, handed on,
//! extended, ended unsolved, excluded, archived.

use super::{Fate, Play};
use crate::demo::id;
use crate::demo::stage::Stage;
use chrono::TimeDelta;
use docket_domain::ids::DepartmentId;
use docket_domain::ticket::actions::{
    archive, ask_exclusion, ask_extension, ask_termination, dispute, grant_extension, reassign,
    rule, supervise, suspend, terminate, transfer,
};
use docket_domain::ticket::{SupervisionLevel, TicketAction};

/// Put through to an emergency line at once.
pub(super) fn transferred(play: &mut Play<'_>) {
    let action = transfer::Transfer {
        line: "119".into(),
        text: Some("来电人称楼道有烟，已立即转接消防救援。".into()),
    };
    play.act(1, "operator", TicketAction::Transfer(action));
}

/// Once it is over.
pub(super) fn after_the_end(play: &mut Play<'_>, at: i64) {
    match play.fate {
        Fate::Archived => {
            let action = archive::Archive { class: None };
            play.act(at, "office", TicketAction::Archive(action));
        }
        Fate::ExclusionAsked => {
            let action = ask_exclusion::AskExclusion {
                ground: "FORCE_MAJEURE".into(),
                text: "办理期间连续暴雨，现场无法施工，附气象证明。".into(),
            };
            play.act(at, &play.leader(), TicketAction::AskExclusion(action));
        }
        _ => {}
    }
}

impl Stage<'_> {
    /// Signed, and then beside its plain way; whether its fate is there.
    pub(super) fn beside(&self, play: &mut Play<'_>) -> bool {
        let leader = play.leader();
        match play.fate {
            Fate::Suspended => {
                let action = suspend::Suspend {
                    ground: "APPRAISAL".into(),
                    expected_at: play.start + TimeDelta::days(45),
                    text: "已委托检测机构，等待检测报告。".into(),
                };
                play.act(400, "office", TicketAction::Suspend(action));
            }
            Fate::Supervised => {
                let action = supervise::Supervise {
                    level: SupervisionLevel::Yellow,
                    text: Some("多名市民就同一问题来电。".into()),
                };
                play.act(400, "supervisor", TicketAction::Supervise(action));
            }
            Fate::Disputed | Fate::Ruled => {
                let action = dispute::MarkDisputed {
                    text: Some("两部门均认为不属本单位职责。".into()),
                };
                play.act(400, "dispatcher", TicketAction::MarkDisputed(action));
                if play.fate == Fate::Ruled {
                    let action = rule::RuleOn {
                        lead: DepartmentId(id(&play.letter.department)),
                        assists: Vec::new(),
                        text: "经联席会议研究，由该部门主办，不得退回。".into(),
                    };
                    play.act(700, "joint-meeting", TicketAction::RuleOn(action));
                }
            }
            Fate::Reassigned => {
                let departments = &self.city.departments;
                let other = departments
                    .iter()
                    .find(|d| d.code != play.letter.department);
                if let Some(other) = other {
                    let action = reassign::Reassign {
                        lead: DepartmentId(id(&other.code)),
                        assists: Vec::new(),
                        instruction: Some("请核实后尽快办理。".into()),
                        text: "经核对，属该单位职责。".into(),
                    };
                    play.act(400, "dispatcher", TicketAction::Reassign(action));
                }
            }
            Fate::ExtensionAsked | Fate::ExtensionGranted => {
                let action = ask_extension::AskExtension {
                    days: 3,
                    text: "需要协调产权单位，已告知来电人。".into(),
                    caller_told: true,
                };
                play.act(400, &leader, TicketAction::AskExtension(action));
                if play.fate == Fate::ExtensionGranted {
                    let action = grant_extension::GrantExtension { days: None };
                    play.act(500, "dispatcher", TicketAction::GrantExtension(action));
                }
            }
            Fate::TerminationAsked | Fate::Terminated => {
                let action = ask_termination::AskTermination {
                    reason: "NO_BASIS".into(),
                    text: "诉求无政策依据，已多次解释。".into(),
                };
                play.act(400, &leader, TicketAction::AskTermination(action));
                if play.fate == Fate::Terminated {
                    let action = terminate::Terminate {
                        text: "您反映的事项目前没有政策依据，已向您说明，请谅解。".into(),
                    };
                    play.act(700, "office", TicketAction::Terminate(action));
                }
            }
            _ => return false,
        }
        true
    }
}
