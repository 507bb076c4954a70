//! What tickets have in common: by keyed hashes that lie beside the sealing keys.

use super::{Desk, DeskError};
use crate::vault::NewMark;
use docket_domain::ids::TicketId;

/// What two tickets may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The caller's phone or e-mail.
    Contact,
    /// The place in words, with region and topic.
    PlaceAndTopic,
}

impl Likeness {
    const fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::PlaceAndTopic => "place_and_topic",
        }
    }
}

impl Desk {
    /// The tickets that have something in common with one, the latest first; at most so many.
    pub async fn alike(
        &self,
        ticket: TicketId,
        most: u32,
    ) -> Result<Vec<(TicketId, Likeness)>, DeskError> {
        let found = self.vault.alike(ticket.0, most).await?;
        let alike = found.into_iter().filter_map(|(id, kind)| {
            let likenesses = [Likeness::Contact, Likeness::PlaceAndTopic];
            let likeness = likenesses.into_iter().find(|l| l.name() == kind)?;
            Some((TicketId(id), likeness))
        });
        Ok(alike.collect())
    }
}

/// What a ticket may be like others in.
pub(super) fn marks(
    id: TicketId,
    contact: Option<String>,
    (place, region): (Option<&str>, Option<&str>),
    topic: Option<&str>,
) -> Vec<NewMark> {
    let place = place.map(normal).filter(|p| !p.is_empty());
    let place_and_topic = place.zip(topic).map(|(place, topic)| {
        let region = region.unwrap_or_default();
        [topic, region, &place].join("\n")
    });
    let mark = |likeness: Likeness, value| NewMark {
        subject: id.0,
        kind: likeness.name(),
        value,
    };
    let contact = contact.map(|contact| mark(Likeness::Contact, contact));
    let place = place_and_topic.map(|place| mark(Likeness::PlaceAndTopic, place));
    contact.into_iter().chain(place).collect()
}

/// A text without blanks and capitals.
pub(super) fn normal(text: &str) -> String {
    let letters = text.chars().filter(|c| !c.is_whitespace());
    letters.flat_map(char::to_lowercase).collect()
}
