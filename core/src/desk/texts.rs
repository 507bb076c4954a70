//! Texts as they are kept: cleaned before they are measured, sealed or compared.

use super::Caller;
use docket_domain::ids::{EventId, KeyId};
use docket_domain::{Reason, Refusal, Sealed, text};
use uuid::Uuid;

/// A text as it is kept; refused where it holds what no form, list or paper can show.
pub(super) fn kept(
    action: &'static str,
    field: &'static str,
    text: &str,
) -> Result<String, Refusal> {
    text::clean(text).map_err(|control| {
        Refusal::new(action, "any", Reason::ControlCharacter)
            .at(field)
            .because(text::code_point(control))
    })
}

/// What stands for a text where a decision looks at its length alone, and nothing is kept of it.
pub(super) fn measured(text: &str) -> Sealed {
    Sealed {
        key: KeyId(Uuid::nil()),
        event: EventId(Uuid::nil()),
        chars: u32::try_from(text.chars().count()).unwrap_or(u32::MAX),
        sealed_box: String::new(),
    }
}

/// A caller's texts as they are kept; one that shows nothing is none.
pub(super) fn kept_caller(action: &'static str, caller: Caller) -> Result<Caller, Refusal> {
    let seen = |field, text: Option<String>| {
        let text = text.map(|text| kept(action, field, &text)).transpose()?;
        Ok::<_, Refusal>(text.filter(|text| !text.is_empty()))
    };
    Ok(Caller {
        name: seen("caller.name", caller.name)?,
        sex: seen("caller.sex", caller.sex)?,
        phone: seen("caller.phone", caller.phone)?,
        email: seen("caller.email", caller.email)?,
        company: seen("caller.company", caller.company)?,
    })
}
