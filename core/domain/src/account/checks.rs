//! What the fields of an account have to be, one by one.

use super::{MOBILE_CHARS_MAX, NAME_CHARS_MAX, SMS_QUOTA_MAX};
use crate::ids::{DepartmentId, UnitId};
use crate::organisation::Organisation;
use crate::people::{DeskKind, Role};
use crate::refusal::{Detail, No, Reason, ensure};
use crate::sealed::Sealed;

pub(super) fn check_text(field: &'static str, text: &Sealed) -> Result<(), No> {
    check_length(field, text.chars, NAME_CHARS_MAX)
}

pub(super) fn check_length(field: &'static str, chars: u32, most: u32) -> Result<(), No> {
    if chars == 0 {
        return Err(No::at(Reason::Required, field));
    }
    if chars > most {
        let detail = Detail::at_most_characters(most);
        return Err(No::at(Reason::TooLong, field).detailed(detail));
    }
    Ok(())
}

pub(super) fn check_mobile(mobile: Option<&Sealed>) -> Result<(), No> {
    mobile.map_or(Ok(()), |mobile| {
        check_length("mobile", mobile.chars, MOBILE_CHARS_MAX)
    })
}

pub(super) fn check_quota(sms_quota: u32) -> Result<(), No> {
    let detail = || {
        (
            format!("每月至多{SMS_QUOTA_MAX}条"),
            format!("at most {SMS_QUOTA_MAX} a month"),
        )
    };
    let no = No::at(Reason::InvalidValue, "smsQuota").detailed(detail());
    ensure(sms_quota <= SMS_QUOTA_MAX, no)
}

/// Roles as they were named, each once.
pub(super) fn once_each(named: Vec<Role>) -> Vec<Role> {
    let mut roles = Vec::with_capacity(Role::ALL.len());
    for role in named {
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    roles
}

/// One account sits at one desk.
pub(super) fn check_roles(roles: &[Role]) -> Result<(), No> {
    let Some(first) = roles.first() else {
        return Err(No::at(Reason::Required, "roles"));
    };
    if roles.iter().any(|role| role.desk() != first.desk()) {
        let detail = (
            "须同属一处：热线中心、承办单位、市民、审计、分析或系统管理",
            "one desk's: centre, office, citizen, audit, analysis or administration",
        );
        return Err(No::at(Reason::InvalidValue, "roles").detailed(detail));
    }
    Ok(())
}

/// Clerks and leaders belong to an office; nobody else does (DOMAIN §6).
pub(super) fn check_office(
    roles: &[Role],
    department: Option<DepartmentId>,
    unit: Option<UnitId>,
    organisation: &Organisation,
) -> Result<(), No> {
    let office_role = roles.iter().any(|role| role.desk() == DeskKind::Office);
    let Some(department) = department else {
        return match (office_role, unit) {
            (true, _) => Err(No::at(Reason::Required, "departmentId")),
            (false, Some(_)) => Err(No::at(Reason::UnknownOffice, "unitId")),
            (false, None) => Ok(()),
        };
    };
    if !office_role {
        let detail = (
            "只有经办和领导隶属部门",
            "only clerks and leaders have a department",
        );
        return Err(No::at(Reason::InvalidValue, "departmentId").detailed(detail));
    }
    if organisation.department(department).is_none() {
        return Err(No::at(Reason::UnknownOffice, "departmentId"));
    }
    match unit {
        Some(unit) if !organisation.is_under(unit, department) => {
            Err(No::at(Reason::UnknownOffice, "unitId"))
        }
        _ => Ok(()),
    }
}
