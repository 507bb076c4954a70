//! GraphQL over WebSocket, by the graphql-transport-ws protocol.
//!
//! One task a connection, and no queue: messages are read one at a time, and an operation's next result is
//! looked for when the one before has been written. A client that does not read holds up its own operations
//! and nothing else, and is let go by a code when it takes nothing for long.

mod message;

use super::Server;
use super::request::{Asker, Params, admit, bearer, deadline, note_refused, prepare};
use super::response::{Outcome, outcomes};
use crate::admission;
use crate::auth::{Unknown, viewer_of};
use crate::error::{Code, fault_because, nowhere, speak, system};
use crate::oidc::Refused;
use crate::wire::Inflow;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::response::Response;
use futures_util::stream::{self, AbortHandle, BoxStream, SelectAll, StreamExt as _};
use message::{Closing, Incoming, Outgoing, PROTOCOL};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

/// How long a client may take to send `connection_init`.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a client is pinged; one that was not heard of from one to the next is let go.
pub const HEARTBEAT: Duration = Duration::from_secs(12);
/// A write that took so long waited for the client to read.
const STALLED: Duration = Duration::from_secs(1);
/// A message is read up to so many times its limit, to be refused by its code; a larger one breaks the
/// connection.
const READ_BEYOND: usize = 2;
/// Bytes read at a time. What comes together with the end of a message, of the next one, is not counted as unfinished:
/// so much at the most. It is also what a quiet socket costs.
const READ_BUFFER: usize = 4 * 1024;
/// How long a client may take to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one that is too slow may take to be told so, behind what it has not taken yet.
const SLOW_CLOSE_TIMEOUT: Duration = Duration::from_secs(8);

/// Takes the connection over.
pub fn open(
    server: Arc<Server>,
    upgrade: WebSocketUpgrade,
    asker: &Asker,
    place: admission::Socket,
    inflow: Inflow,
) -> Response {
    // Tokens come by `connection_init`: a browser cannot set the header.
    let asker = Asker {
        token: None,
        ..asker.clone()
    };
    let read_max = server.app.limits.body_bytes_max * READ_BEYOND;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_message_size(read_max)
        .max_frame_size(read_max);
    let held = server.app.drain.hold();
    upgrade.on_upgrade(move |mut socket| async move {
        inflow.begin();
        let _held = (held, place);
        let closing = if socket.protocol().is_none() {
            Some(Closing::Subprotocol)
        } else {
            let mut connection = Connection::new(server, asker, inflow);
            connection.run(&mut socket).await.err().flatten()
        };
        let patience = match closing {
            Some(Closing::TooSlow) => SLOW_CLOSE_TIMEOUT,
            _ => CLOSE_TIMEOUT,
        };
        let _ = timeout(patience, close(&mut socket, closing)).await;
    })
}

/// Closes by a code, or answers the client's close, and reads on until the client is gone: with bytes unread,
/// the system would break the connection and might lose the code.
async fn close(socket: &mut WebSocket, closing: Option<Closing>) {
    if let Some(closing) = closing {
        let frame = CloseFrame {
            code: closing.code(),
            reason: closing.reason().into(),
        };
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.recv().await {}
}

/// Why a connection is over: by a code of ours, or since the client is gone.
type Over = Option<Closing>;

/// What an operation came to, and at last `None`: it is complete.
type Step = Option<Outcome>;

struct Connection {
    server: Arc<Server>,
    asker: Asker,
    acknowledged: bool,
    heard: bool,
    inflow: Inflow,
    /// Since when the beginning of a message waits for its rest, as far as was looked.
    unfinished_since: Option<Instant>,
    operations: SelectAll<BoxStream<'static, (Arc<str>, Step)>>,
    active: HashMap<Arc<str>, AbortHandle>,
}

impl Connection {
    fn new(server: Arc<Server>, asker: Asker, inflow: Inflow) -> Self {
        Self {
            server,
            asker,
            acknowledged: false,
            heard: true,
            inflow,
            unfinished_since: None,
            operations: SelectAll::new(),
            active: HashMap::new(),
        }
    }

    /// Until it is over.
    async fn run(&mut self, socket: &mut WebSocket) -> Result<(), Over> {
        let stopping = self.server.app.drain.closing();
        tokio::pin!(stopping);
        let patience = Instant::now() + INIT_TIMEOUT;
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Before subscriptions that end with it say that they are complete.
                biased;
                () = &mut stopping => return self.finish(socket).await,
                () = sleep_until(patience), if !self.acknowledged => {
                    return Err(Some(Closing::InitialisationTimeout));
                }
                _ = heartbeat.tick() => {
                    if !std::mem::take(&mut self.heard) {
                        return Err(Some(Closing::Unheard));
                    }
                    if self.waits_too_long() {
                        return Err(Some(Closing::NeverWhole));
                    }
                    let patience = self.server.app.limits.send_timeout;
                    send(socket, Message::Ping(axum::body::Bytes::new()), patience).await?;
                }
                message = socket.recv() => {
                    // Broken, or closed by the client.
                    let Some(Ok(message)) = message else { return Err(None) };
                    self.heard = true;
                    if let Message::Ping(payload) | Message::Pong(payload) = &message {
                        self.inflow.took_control(payload.len());
                    } else {
                        self.inflow.took_message();
                        self.unfinished_since = None;
                    }
                    if let ControlFlow::Break(()) = self.take(socket, message).await? {
                        return Ok(());
                    }
                }
                Some((id, step)) = self.operations.next(), if !self.operations.is_empty() => {
                    // It may have begun to stop since that was asked above.
                    if step.is_none() && self.server.app.drain.is_closing() {
                        return self.finish(socket).await;
                    }
                    self.push(socket, &id, step).await?;
                }
            }
        }
    }

    /// Whether the rest of a message does not come for longer than a request may take, while its client is there. Looked at
    /// with each heartbeat.
    fn waits_too_long(&mut self) -> bool {
        if self.inflow.unfinished() == 0 {
            self.unfinished_since = None;
            return false;
        }
        let most = self.server.app.limits.request_timeout;
        let since = self.unfinished_since.get_or_insert_with(Instant::now);
        since.elapsed() >= most
    }

    /// The server stops: what has begun is answered, and nothing is said to be complete, so that clients
    /// come back for their subscriptions.
    async fn finish(&mut self, socket: &mut WebSocket) -> Result<(), Over> {
        while let Some((id, step)) = self.operations.next().await {
            if step.is_some() {
                self.push(socket, &id, step).await?;
            }
        }
        Err(Some(Closing::Stopping))
    }

    async fn take(
        &mut self,
        socket: &mut WebSocket,
        message: Message,
    ) -> Result<ControlFlow<()>, Over> {
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(ControlFlow::Continue(())),
            Message::Close(_) => return Ok(ControlFlow::Break(())),
            Message::Binary(_) => return Err(Some(Closing::Invalid("not text"))),
        };
        if text.len() > self.server.app.limits.body_bytes_max {
            return Err(Some(Closing::TooBig));
        }
        let message = Incoming::read(&text).map_err(|what| Some(Closing::Invalid(what)))?;
        match message {
            Incoming::ConnectionInit(payload) => self.initialise(socket, &payload).await?,
            Incoming::Ping(payload) => self.say(socket, &Outgoing::Pong { payload }).await?,
            Incoming::Pong => {}
            Incoming::Subscribe { id, params } => self.subscribe(socket, id, params).await?,
            Incoming::Complete { id } => {
                if let Some(operation) = self.active.remove(id.as_str()) {
                    operation.abort();
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A connection without a token is nobody's; one with a token that is not valid is none.
    async fn initialise(
        &mut self,
        socket: &mut WebSocket,
        payload: &Map<String, Value>,
    ) -> Result<(), Over> {
        if self.acknowledged {
            return Err(Some(Closing::InitialisedTwice));
        }
        let mut keys = ["Authorization", "authorization"].iter();
        let header = keys.find_map(|key| payload.get(*key).and_then(Value::as_str));
        if let Some(token) = header.and_then(bearer) {
            let app = &self.server.app;
            if !app.health.is_good() {
                return Err(Some(Closing::TryAgainLater));
            }
            let found = viewer_of(app, token);
            match timeout(app.limits.request_timeout, found).await {
                Ok(Ok(Some(_))) => self.asker.token = Some(token.into()),
                Ok(Ok(None)) => return Err(Some(Closing::Forbidden)),
                Ok(Err(Unknown::Refused(Refused::ProviderDown))) => {
                    return Err(Some(Closing::TryAgainLater));
                }
                Ok(Err(Unknown::Refused(refused))) => {
                    let address = self.asker.address.map(|address| address.0);
                    let noting = note_refused(app, refused, address);
                    let _ = timeout(app.limits.request_timeout, noting).await;
                    return Err(Some(Closing::Forbidden));
                }
                Ok(Err(Unknown::Fault(error))) => {
                    let _ = system(&error);
                    return Err(Some(Closing::TryAgainLater));
                }
                Err(_) => return Err(Some(Closing::TryAgainLater)),
            }
        }
        self.acknowledged = true;
        self.say(socket, &Outgoing::ConnectionAck).await
    }

    async fn subscribe(
        &mut self,
        socket: &mut WebSocket,
        id: String,
        params: Params,
    ) -> Result<(), Over> {
        if !self.acknowledged {
            return Err(Some(Closing::Unauthorized));
        }
        if self.active.contains_key(id.as_str()) {
            return Err(Some(Closing::SubscriberExists(id)));
        }
        let most = self.server.app.limits.socket_operations_max;
        if self.active.len() >= most {
            let detail = (
                format!("一个连接同时至多{most}项操作"),
                format!("at most {most} operations of a connection at a time"),
            );
            let mut error = nowhere(fault_because(Code::TooManyAtOnce, detail));
            speak(self.asker.language, &mut error);
            let payload = json!([error]);
            return self
                .say(socket, &Outgoing::Error { id: &id, payload })
                .await;
        }
        let id: Arc<str> = id.into();
        let steps = steps(self.server.clone(), self.asker.clone(), params);
        let (steps, abort) = stream::abortable(steps);
        self.active.insert(id.clone(), abort);
        self.operations
            .push(steps.map(move |step| (id.clone(), step)).boxed());
        Ok(())
    }

    async fn push(
        &mut self,
        socket: &mut WebSocket,
        id: &Arc<str>,
        step: Step,
    ) -> Result<(), Over> {
        let message = match &step {
            Some(Outcome::Executed(payload)) => Outgoing::Next { id, payload },
            Some(Outcome::Failed(errors)) => Outgoing::Error {
                id,
                payload: json!(errors),
            },
            None => Outgoing::Complete { id },
        };
        // After `error` as after `complete` the id is free again.
        if !matches!(message, Outgoing::Next { .. })
            && let Some(operation) = self.active.remove(id)
        {
            operation.abort();
        }
        self.say(socket, &message).await
    }

    async fn say(&mut self, socket: &mut WebSocket, message: &Outgoing<'_>) -> Result<(), Over> {
        let text = serde_json::to_string(message).unwrap_or_default();
        let patience = self.server.app.limits.send_timeout;
        let began = Instant::now();
        send(socket, Message::text(text), patience).await?;
        // Its pong lies behind what it had not read, and it has read.
        self.heard |= began.elapsed() > STALLED;
        Ok(())
    }
}

/// An operation from its request to its end.
fn steps(server: Arc<Server>, asker: Asker, params: Params) -> BoxStream<'static, Step> {
    let prepared = async move {
        let language = asker.language;
        let deadline = deadline(&server);
        let admitted = admit(&server, &asker, deadline).await;
        let prepared = match admitted {
            Ok(()) => prepare(&server, &asker, params, deadline).await,
            Err(bad) => Err(bad),
        };
        match prepared {
            Ok(prepared) => outcomes(server, prepared),
            Err(bad) => stream::once(async move { bad.outcome(language) }).boxed(),
        }
    };
    let outcomes = stream::once(prepared).flatten().map(Some);
    outcomes.chain(stream::once(async { None })).boxed()
}

async fn send(socket: &mut WebSocket, message: Message, patience: Duration) -> Result<(), Over> {
    match timeout(patience, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(Closing::TooSlow)),
    }
}
