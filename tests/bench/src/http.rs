//! Clients: a kept-alive HTTP/1.1 connection each, and the GraphQL documents a workbench sends.

use crate::Fallible;
use crate::city::PASSWORD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A session's `Authorization`.
pub type Token = HeaderValue;

/// A request that the server did not take: too much was under way.
#[derive(Debug)]
pub struct Shed;

impl std::fmt::Display for Shed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("503: more is under way than the server takes")
    }
}

impl std::error::Error for Shed {}

/// A connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    /// Connects to a server.
    pub async fn open(address: &str) -> Fallible<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Ends when the sender is dropped; what goes wrong is told to whoever sends.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: address.parse()?,
        })
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Fallible<Bytes> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::SERVICE_UNAVAILABLE => Err(Box::new(Shed)),
            _ => Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()),
        }
    }

    /// Gets a path.
    pub async fn get(&mut self, path: &str) -> Fallible<Bytes> {
        let request = Request::builder().uri(path).header(HOST, self.host.clone());
        self.send(request.body(Full::default())?).await
    }

    /// Sends a GraphQL request; the response's text, which must hold no error.
    pub async fn graphql(&mut self, token: Option<&Token>, body: String) -> Fallible<Bytes> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/graphql")
            .header(HOST, self.host.clone())
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        let body = self.send(request.body(Full::new(body.into()))?).await?;
        if std::str::from_utf8(&body)?.contains(r#""errors":"#) {
            return Err(String::from_utf8_lossy(&body).into());
        }
        Ok(body)
    }

    /// Subscribes by server-sent events, for which it is there alone from then on.
    pub async fn subscribe(mut self, token: &Token, subscription: &Document) -> Fallible<Events> {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/graphql")
            .header(HOST, self.host.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream")
            .header(AUTHORIZATION, token.clone())
            .body(Full::new(subscription.with(&json!({})).into()))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("a subscription: {}", response.status()).into());
        }
        Ok(Events {
            _connection: self,
            body: response.into_body(),
            read: Vec::new(),
        })
    }

    /// Does a mutation that must be taken; the response's text.
    pub async fn act(&mut self, token: &Token, mutation: &Mutation, input: &Value) -> Fallible<Bytes> {
        let body = self.graphql(Some(token), mutation.document.with(&json!({ "input": input }))).await?;
        // `TicketPayload` is never empty of it: a refusal would be listed here.
        if std::str::from_utf8(&body)?.contains(r#""userErrors":[]"#) {
            return Ok(body);
        }
        Err(String::from_utf8_lossy(&body).into())
    }

    /// A session.
    pub async fn log_in(&mut self, login: &str) -> Fallible<Token> {
        let document = Document::new(
            "mutation($input: LoginInput!) { login(input: $input) { token userErrors { code } } }",
        );
        let input = json!({ "input": { "login": login, "password": PASSWORD } });
        let body: Value = serde_json::from_slice(&self.graphql(None, document.with(&input)).await?)?;
        let token = body["data"]["login"]["token"].as_str();
        let token = token.ok_or_else(|| format!("no session: {body}"))?;
        Ok(format!("Bearer {token}").parse()?)
    }
}

/// The results of a subscription.
pub struct Events {
    // The stream ends with it.
    _connection: Connection,
    body: Incoming,
    read: Vec<u8>,
}

impl Events {
    /// The next result.
    pub async fn next(&mut self) -> Fallible<Value> {
        loop {
            while let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.read.drain(..end + 2).collect();
                let text = std::str::from_utf8(&event)?;
                let data = text.lines().find_map(|line| line.strip_prefix("data:"));
                if text.lines().any(|line| line == "event: next" || line == "event:next") {
                    return Ok(serde_json::from_str(data.ok_or("an event without data")?)?);
                }
            }
            let frame = self.body.frame().await.ok_or("a subscription has ended")??;
            self.read.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
    }
}

/// A GraphQL document, ready to be sent with variables.
pub struct Document(String);

impl Document {
    /// From its text.
    pub fn new(text: &str) -> Self {
        Self(Value::from(text).to_string())
    }

    /// With its variables.
    pub fn with(&self, variables: &Value) -> String {
        format!(r#"{{"query":{},"variables":{variables}}}"#, self.0)
    }
}

/// A mutation of one ticket.
pub struct Mutation {
    document: Document,
}

impl Mutation {
    /// By name; what a workbench asks of the ticket after it.
    pub fn new(name: &str) -> Self {
        let (first, rest) = name.split_at(1);
        let input = format!("{}{rest}Input", first.to_uppercase());
        Self {
            document: Document::new(&format!(
                "mutation($input: {input}!) {{ {name}(input: $input) {{ position \
                 userErrors {{ code path message }} \
                 ticket {{ id number state revision availableActions }} }} }}"
            )),
        }
    }
}

/// A page of 20 of an inbox as a workbench shows it: the counts of every tab, and of each row what the list has
/// columns for.
pub struct InboxPage(Document);

impl InboxPage {
    /// The document.
    pub fn new() -> Self {
        Self(Document::new(
            "query($tab: InboxTab!) { inbox(tab: $tab, first: 20) { totalCount counts { tab count } \
             pageInfo { hasNextPage endCursor } edges { cursor node { assignmentNo unviewed dueAt overdue tab \
             ticket { id number title state kind urgency receivedAt revision } } } } }",
        ))
    }

    /// Asks for a tab.
    pub fn of(&self, tab: &str) -> String {
        self.0.with(&json!({ "tab": tab }))
    }
}
