//! Connections: how many there are, and how slow they may be. Within one HTTP/1.1 is spoken, and whatever it is upgraded to.
//!
//! A connection over the limits is told so by a code, and closed; over those there is a small number beyond which
//! connections are closed unheard.

use crate::address::Peer;
use crate::admission::{Counted, Counts, Full};
use crate::drain::Drain;
use crate::error::{Code, Language};
use crate::settings::Limits;
use crate::wire::{Inflow, Wire};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::Listener;
use docket_core::ops::network;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tower_service::Service as _;

/// Connections over the limits that are told so at one time.
const TOLD_MAX: usize = 64;
/// How long one of those may take to ask.
const TOLD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client that was too slow with its request may take to be told.
const FAREWELL: Duration = Duration::from_secs(2);
/// What a client is given beside the time to take a message: to be told that it was too slow, where its protocol lets one.
const GRACE: Duration = Duration::from_secs(10);
/// What `Retry-After` says, in seconds.
const RETRY_AFTER: &str = "5";
/// Answered whatever there is: whoever asks decides whether this process lives.
const NEVER_SHED: [&str; 2] = ["/livez", "/readyz"];
/// What a client is told whose request did not come in time, nor the language it wishes for.
const TOO_LATE: &[u8] = "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n\
    content-length: 113\r\n\r\n\
    {\"errors\":[{\"message\":\"请求传输超时 / the request took too long to come\",\"extensions\":{\"code\":\"TIMEOUT\"}}]}"
    .as_bytes();

/// The limits of a listener.
#[derive(Clone)]
pub struct Connections {
    limits: Limits,
    proxies: Arc<[IpAddr]>,
    places: Arc<Semaphore>,
    told: Arc<Semaphore>,
    addresses: Arc<Counts<IpAddr>>,
    /// Bytes of messages that are not whole.
    unfinished: Arc<AtomicU64>,
}

/// What a connection holds while it is open.
type Held = (OwnedSemaphorePermit, Option<Counted<IpAddr>>);

impl Connections {
    /// None yet. Many come through each of these proxies, and through those on this machine.
    #[must_use]
    pub fn new(limits: Limits, proxies: &[IpAddr]) -> Self {
        Self {
            limits,
            proxies: proxies.into(),
            places: Arc::new(Semaphore::new(limits.connections_max)),
            told: Arc::new(Semaphore::new(TOLD_MAX)),
            addresses: Arc::new(Counts::new(limits.connections_address_max)),
            unfinished: Arc::default(),
        }
    }

    /// A place, and why it is only to be told that there is none.
    fn place(&self, address: IpAddr) -> Option<(Held, Option<Full>)> {
        let address = address.to_canonical();
        let full = match self.places.clone().try_acquire_owned() {
            Ok(place) if address.is_loopback() || self.proxies.contains(&address) => {
                return Some(((place, None), None));
            }
            Ok(place) => match self.addresses.enter(network(address)) {
                Ok(counted) => return Some(((place, Some(counted)), None)),
                Err(full) => full,
            },
            Err(_) => Full::Overloaded,
        };
        let place = self.told.clone().try_acquire_owned().ok()?;
        Some(((place, None), Some(full)))
    }

    /// Takes connections until the door is shut. Each holds the drain until it is over.
    pub async fn take<L>(&self, mut listener: L, router: Router, drain: &Drain)
    where
        L: Listener<Addr = SocketAddr>,
    {
        let closing = drain.closing();
        tokio::pin!(closing);
        loop {
            let (io, address) = tokio::select! {
                biased;
                () = &mut closing => return,
                accepted = listener.accept() => accepted,
            };
            let Some((held, full)) = self.place(address.ip()) else {
                continue;
            };
            let inflow = Inflow::among(&self.unfinished);
            let connection = Connection {
                router: router.clone(),
                address,
                full,
                drain: drain.clone(),
                inflow: inflow.clone(),
                head_bytes_max: self.limits.head_bytes_max,
            };
            let wire = Wire::new(io, self.limits.send_timeout + GRACE, inflow, held);
            let patience = match full {
                None => self.limits.header_timeout,
                Some(_) => self.limits.header_timeout.min(TOLD_TIMEOUT),
            };
            tokio::spawn(connection.serve(wire, patience));
        }
    }
}

struct Connection {
    router: Router,
    address: SocketAddr,
    full: Option<Full>,
    drain: Drain,
    inflow: Inflow,
    head_bytes_max: usize,
}

impl Connection {
    async fn serve<I>(self, (wire, back): (Wire<I, Held>, oneshot::Receiver<I>), patience: Duration)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let _held = self.drain.hold();
        let closing = self.drain.closing();
        tokio::pin!(closing);
        let service = service_fn(|request: Request<Incoming>| self.answer(request));
        let too_late = {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience)
                .max_buf_size(self.head_bytes_max)
                .serve_connection(TokioIo::new(wire), service)
                .with_upgrades();
            let mut connection = pin!(connection);
            let over = tokio::select! {
                over = connection.as_mut() => over,
                () = &mut closing => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            over.is_err_and(|error| error.is_timeout())
        };
        // The connection gives it back when it is dropped, if a request had begun to come.
        if too_late && let Ok(mut io) = back.await {
            let _ = tokio::time::timeout(FAREWELL, async {
                io.write_all(TOO_LATE).await?;
                io.shutdown().await
            })
            .await;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let mut request = request.map(Body::new);
        let peer = ConnectInfo(Peer::new(self.address));
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(self.inflow.clone());
        let language = Language::of(request.headers());
        if head_bytes(&request) > self.head_bytes_max {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Ok(last(
                (status, told(Code::TooLarge, language)).into_response(),
            ));
        }
        let Some(full) = self.full else {
            let response = self.router.clone().call(request).await?;
            return Ok(if self.drain.has_begun() {
                last(response)
            } else {
                response
            });
        };
        Ok(last(if NEVER_SHED.contains(&request.uri().path()) {
            self.router.clone().call(request).await?
        } else {
            refused(full, language)
        }))
    }
}

/// Says that nothing more is taken on this connection, unless it becomes another.
fn last(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

fn refused(full: Full, language: Language) -> Response {
    let (status, code) = match full {
        Full::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, Code::Overloaded),
        Full::TooMany => (StatusCode::TOO_MANY_REQUESTS, Code::TooManyAtOnce),
    };
    let headers = [(header::RETRY_AFTER, RETRY_AFTER)];
    (status, headers, told(code, language)).into_response()
}

fn told(code: Code, language: Language) -> axum::Json<serde_json::Value> {
    axum::Json(serde_json::json!({
        "errors": [{ "message": language.pick(code.zh(), code.en()), "extensions": { "code": code.code() } }]
    }))
}

/// Of a request's target and headers, as they were sent. One that is larger by far is not read as far as this.
fn head_bytes<B>(request: &Request<B>) -> usize {
    const AROUND: usize = ": \r\n".len();
    let target = request.uri().path_and_query();
    let target = target.map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter();
    let header =
        |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + AROUND;
    target + headers.map(header).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_too_late_is_as_long_as_it_says() {
        let text = std::str::from_utf8(TOO_LATE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            body["errors"][0]["extensions"]["code"],
            Code::Timeout.code()
        );
    }

    #[test]
    fn a_proxy_is_not_counted_as_one_address() {
        let limits = Limits {
            connections_max: 6,
            connections_address_max: 1,
            ..Limits::default()
        };
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let connections = Connections::new(limits, &[address("10.0.0.1")]);
        let place = |text: &str| connections.place(address(text)).unwrap();
        let held = [
            place("127.0.0.1"),
            place("::1"),
            place("10.0.0.1"),
            place("10.0.0.1"),
        ];
        assert!(held.iter().all(|(_, full)| full.is_none()));
        let one = place("192.0.2.1");
        assert_eq!(one.1, None);
        assert_eq!(place("::ffff:192.0.2.1").1, Some(Full::TooMany));
        let two = place("2001:db8::1");
        assert_eq!(two.1, None);
        assert_eq!(place("192.0.2.2").1, Some(Full::Overloaded), "none is left");
        drop(held);
        assert_eq!(place("2001:db8::2").1, Some(Full::TooMany), "a /64 is one");
        drop((one, two));
        assert_eq!(place("2001:db8::2").1, None);
        let told: Vec<_> = (0..TOLD_MAX)
            .map(|_| connections.told.clone().try_acquire_owned())
            .collect();
        let all: Vec<_> = (0..6).map(|_| place("127.0.0.1")).collect();
        assert!(
            connections.place(address("127.0.0.1")).is_none(),
            "closed unheard"
        );
        drop((told, all));
    }
}
