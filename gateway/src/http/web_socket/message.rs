//! The messages of graphql-transport-ws, and the codes it closes by. Knows nothing of sockets.

use crate::http::request::Params;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The subprotocol.
pub const PROTOCOL: &str = "graphql-transport-ws";

/// Longest reason in a close frame, in bytes (RFC 6455).
const REASON_BYTES_MAX: usize = 123;

/// Why a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The server stops.
    Stopping,
    /// Nothing heard in answer to pings.
    Unheard,
    /// The message is over the limit of bodies.
    TooBig,
    /// The store is out of reach.
    TryAgainLater,
    /// The client takes too little of what it is sent.
    TooSlow,
    /// A message that had begun, and whose rest does not come.
    NeverWhole,
    /// Not a message of the protocol; what is wrong with it.
    Invalid(&'static str),
    /// An operation before the connection was acknowledged.
    Unauthorized,
    /// The token is unknown or over.
    Forbidden,
    /// Another subprotocol, or none.
    Subprotocol,
    /// No `connection_init` came.
    InitialisationTimeout,
    /// An operation under an id that is in use.
    SubscriberExists(String),
    /// A second `connection_init`.
    InitialisedTwice,
}

impl Closing {
    /// Its code: RFC 6455's, or the protocol's.
    pub const fn code(&self) -> u16 {
        match self {
            Self::Stopping | Self::Unheard => 1001,
            Self::NeverWhole => 1008,
            Self::TooBig => 1009,
            Self::TryAgainLater | Self::TooSlow => 1013,
            Self::Invalid(_) => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::Subprotocol => 4406,
            Self::InitialisationTimeout => 4408,
            Self::SubscriberExists(_) => 4409,
            Self::InitialisedTwice => 4429,
        }
    }

    /// What the close frame says beside.
    pub fn reason(&self) -> String {
        let mut reason = match self {
            Self::Stopping => "The server is stopping".into(),
            Self::Unheard => "No answer to pings".into(),
            Self::NeverWhole => "The rest of a message did not come".into(),
            Self::TooBig => "Message too big".into(),
            Self::TryAgainLater => "Try again later".into(),
            Self::TooSlow => "Too slow to read".into(),
            Self::Invalid(what) => format!("Invalid message: {what}"),
            Self::Unauthorized => "Unauthorized".into(),
            Self::Forbidden => "Forbidden".into(),
            Self::Subprotocol => "Subprotocol not acceptable".into(),
            Self::InitialisationTimeout => "Connection initialisation timeout".into(),
            Self::SubscriberExists(id) => format!("Subscriber for {id} already exists"),
            Self::InitialisedTwice => "Too many initialisation requests".into(),
        };
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason
    }
}

/// What a client may say.
pub enum Incoming {
    /// Asks for the connection.
    ConnectionInit(Map<String, Value>),
    /// Asks for a pong with the same payload.
    Ping(Option<Value>),
    /// Answers a ping.
    Pong,
    /// Asks for an operation.
    Subscribe { id: String, params: Params },
    /// Wants no more of an operation.
    Complete { id: String },
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    payload: Option<Value>,
}

impl Incoming {
    /// Reads a message; what is wrong with it otherwise.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        if !text.trim_ascii_start().starts_with('{') {
            return Err("not a JSON object");
        }
        let raw: Raw = serde_json::from_str(text).map_err(|_| "not an object with a type")?;
        let id = raw.id.filter(|id| !id.is_empty()).ok_or("no id");
        let about = |payload: Option<Value>| match payload {
            None | Some(Value::Null) => Ok(None),
            Some(object @ Value::Object(_)) => Ok(Some(object)),
            Some(_) => Err("the payload is not an object"),
        };
        match raw.kind.as_str() {
            "connection_init" => match about(raw.payload)? {
                Some(Value::Object(payload)) => Ok(Self::ConnectionInit(payload)),
                _ => Ok(Self::ConnectionInit(Map::new())),
            },
            "ping" => about(raw.payload).map(Self::Ping),
            "pong" => about(raw.payload).map(|_| Self::Pong),
            "subscribe" => {
                let payload = about(raw.payload)?.ok_or("no payload")?;
                let params = Params::deserialize(payload);
                let params = params.ok().filter(Params::is_whole);
                let params = params.ok_or("the payload is not a request with a query")?;
                Ok(Self::Subscribe { id: id?, params })
            }
            "complete" => Ok(Self::Complete { id: id? }),
            _ => Err("a type that is not the client's"),
        }
    }
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outgoing<'m> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
    Next {
        id: &'m str,
        payload: &'m async_graphql::Response,
    },
    Error {
        id: &'m str,
        payload: Value,
    },
    Complete {
        id: &'m str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid(text: &str) -> bool {
        Incoming::read(text).is_err()
    }

    #[test]
    fn what_is_no_message_is_invalid() {
        for text in [
            "",
            "null",
            "[]",
            "\"ping\"",
            "{}",
            "{\"type\":1}",
            "[\"ping\",null,null]",
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{a}"}}"#,
            r#"{"type":"connection_init","payload":"token"}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":["{a}",null,null,null]}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert!(invalid(text), "{text}");
        }
    }

    #[test]
    fn what_may_be_left_out_may_be_null() {
        for text in [
            r#"{"type":"connection_init"}"#,
            r#" {"type":"connection_init","payload":null}"#,
            r#"{"type":"ping","payload":null}"#,
            r#"{"type":"pong","payload":{"a":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":null,
                "variables":null,"extensions":null}}"#,
            r#"{"type":"complete","id":"1"}"#,
        ] {
            assert!(!invalid(text), "{text}");
        }
    }

    #[test]
    fn a_reason_fits_its_frame() {
        let long = Closing::SubscriberExists("长".repeat(100)).reason();
        assert!(long.len() <= REASON_BYTES_MAX && long.starts_with("Subscriber for 长"));
    }
}
