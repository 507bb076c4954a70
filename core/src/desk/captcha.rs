//! Captchas: which there are, and what is written on them.
//!
//! A captcha's id carries all there is to know of it: until when it is good, and a tag that only this store's keys
//! make. What is written on it follows from the id by a keyed hash. So nothing is kept of one until it is used.

use super::Desk;
use crate::clock::random_bytes;
use crate::ops::{Answered, CAPTCHA_LASTS, Visit, network};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use docket_domain::Timestamp;
use docket_domain::account::normal_answer;
use docket_domain::ids::CommandId;
use std::net::IpAddr;

/// Digits on a captcha.
pub const CAPTCHA_DIGITS: usize = 5;
/// Bytes of an id: randomness, its end in microseconds, and a tag over both.
const RANDOM: usize = 16;
const SIGNED: usize = RANDOM + 8;
const TAG: usize = 16;

/// A captcha to be shown.
#[derive(Clone, Debug)]
pub struct Captcha {
    /// To be sent back with the answer.
    pub id: String,
    /// What is to be read on it.
    pub digits: [u8; CAPTCHA_DIGITS],
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A captcha as somebody solved it.
#[derive(Clone, Debug)]
pub struct Solved {
    /// Its id.
    pub id: String,
    /// What they read.
    pub answer: String,
}

/// Who stands at the door, as far as they are known before they are let in.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// A captcha they solved.
    pub captcha: Option<Solved>,
    /// Where they come from; all of whom it is not known are one.
    pub address: Option<IpAddr>,
    /// What they call their command, to send it again.
    pub command: Option<CommandId>,
}

impl Desk {
    /// A new captcha, good for one try.
    #[must_use]
    pub fn captcha(&self) -> Captcha {
        let expires_at = self.clock.now() + CAPTCHA_LASTS;
        let mut id = random_bytes::<RANDOM>().to_vec();
        id.extend(expires_at.timestamp_micros().to_be_bytes());
        let tag = self.vault.keyed_hash("captcha", &id);
        let digits = self.captcha_digits(&id);
        id.extend(&tag[..TAG]);
        Captcha {
            id: URL_SAFE_NO_PAD.encode(id),
            digits,
            expires_at,
        }
    }

    /// What is written on a captcha of this store's, whether it is good still or not; for tests of the door.
    #[must_use]
    pub fn captcha_text(&self, id: &str) -> Option<String> {
        let (signed, _) = self.captcha_of(id)?;
        let digits = self.captcha_digits(&signed);
        Some(digits.iter().map(|d| char::from(b'0' + d)).collect())
    }

    /// A visitor as the ops store counts them: no address is kept.
    pub(super) fn visit(&self, visitor: &Visitor) -> Visit {
        let captcha = visitor.captcha.as_ref();
        let address = match visitor.address.map(network) {
            Some(IpAddr::V4(v4)) => v4.octets().to_vec(),
            Some(IpAddr::V6(v6)) => v6.octets()[..8].to_vec(),
            None => Vec::new(),
        };
        Visit {
            captcha: captcha.and_then(|solved| self.answered(solved)),
            from: self.vault.keyed_hash("address", &address),
        }
    }

    /// A captcha with whether it was read right; `None` of one that is not this store's.
    fn answered(&self, solved: &Solved) -> Option<Answered> {
        let (id, until) = self.captcha_of(&solved.id)?;
        let right = self.captcha_text(&solved.id)? == normal_answer(&solved.answer);
        Some(Answered { id, until, right })
    }

    fn captcha_of(&self, id: &str) -> Option<(Vec<u8>, Timestamp)> {
        let mut signed = URL_SAFE_NO_PAD.decode(id).ok()?;
        if signed.len() != SIGNED + TAG {
            return None;
        }
        let tag = signed.split_off(SIGNED);
        if tag != self.vault.keyed_hash("captcha", &signed)[..TAG] {
            return None;
        }
        let until = signed[RANDOM..].try_into().ok().map(i64::from_be_bytes)?;
        Some((signed, Timestamp::from_timestamp_micros(until)?))
    }

    fn captcha_digits(&self, signed: &[u8]) -> [u8; CAPTCHA_DIGITS] {
        let hash = self.vault.keyed_hash("captcha_digits", signed);
        std::array::from_fn(|n| hash[n] % 10)
    }
}
