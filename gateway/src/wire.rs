//! A connection's bytes, and how many of them are of messages that are not whole. A client that takes nothing of what it is
//! sent is let go after a while; and whoever owns the connection gets it back where a request had begun to come and did not come to its end, to say so.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes of messages that are not whole, of all connections together, beyond which a connection that sends more of one is cut
/// off.
pub const UNFINISHED_BYTES_MAX: u64 = 64 << 20;
/// Bytes that may be read before whoever takes messages looks at them.
const READ_AHEAD: u64 = 32 << 10;
/// What a control frame of a client has beside its payload: two bytes of head, four of mask.
const CONTROL_FRAME_BYTES: u64 = 6;

/// What has come of messages that are not whole, as far as whoever takes messages tells what it took.
#[derive(Clone, Default)]
pub struct Inflow(Arc<Flow>);

#[derive(Default)]
struct Flow {
    is_counted: AtomicBool,
    unfinished: AtomicU64,
    /// Of all connections together.
    all: Arc<AtomicU64>,
}

impl Drop for Flow {
    fn drop(&mut self) {
        let left = *self.unfinished.get_mut();
        self.all.fetch_sub(left, Ordering::Relaxed);
    }
}

impl Inflow {
    /// Of one of several connections, with what all of them have.
    #[must_use]
    pub fn among(all: &Arc<AtomicU64>) -> Self {
        Self(Arc::new(Flow {
            is_counted: AtomicBool::default(),
            unfinished: AtomicU64::default(),
            all: all.clone(),
        }))
    }

    /// From here on messages come.
    pub fn begin(&self) {
        self.0.is_counted.store(true, Ordering::Relaxed);
    }

    /// A message was taken, and whatever there was before it.
    pub fn took_message(&self) {
        self.took(u64::MAX);
    }

    /// A control frame was taken: it may stand between the pieces of a message.
    pub fn took_control(&self, payload: usize) {
        self.took(CONTROL_FRAME_BYTES + payload as u64);
    }

    /// How many bytes wait for the rest of their message.
    #[must_use]
    pub fn unfinished(&self) -> u64 {
        self.0.unfinished.load(Ordering::Relaxed)
    }

    fn took(&self, most: u64) {
        let flow = &self.0;
        let less = |unfinished: u64| Some(unfinished.saturating_sub(most));
        let before = flow
            .unfinished
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let took = before.unwrap_or_else(|before| before).min(most);
        flow.all.fetch_sub(took, Ordering::Relaxed);
    }

    /// Counts what came: whether it may.
    fn came(&self, bytes: usize) -> bool {
        let flow = &self.0;
        if bytes == 0 || !flow.is_counted.load(Ordering::Relaxed) {
            return true;
        }
        let bytes = bytes as u64;
        let own = flow.unfinished.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = flow.all.fetch_add(bytes, Ordering::Relaxed) + bytes;
        own <= READ_AHEAD || all <= UNFINISHED_BYTES_MAX
    }
}

/// A connection's bytes, and what is held while they may come.
pub struct Wire<I, H> {
    io: Option<I>,
    inflow: Inflow,
    back: Option<oneshot::Sender<I>>,
    /// Whether something came since something was last sent.
    heard: bool,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    _held: H,
}

impl<I, H> Wire<I, H> {
    /// Over a connection; what is given second gives it back.
    pub fn new(io: I, patience: Duration, inflow: Inflow, held: H) -> (Self, oneshot::Receiver<I>) {
        let (back, receiver) = oneshot::channel();
        let wire = Self {
            io: Some(io),
            inflow,
            back: Some(back),
            heard: false,
            patience,
            stalled: None,
            _held: held,
        };
        (wire, receiver)
    }
}

impl<I, H> Drop for Wire<I, H> {
    fn drop(&mut self) {
        if self.heard
            && let (Some(io), Some(back)) = (self.io.take(), self.back.take())
        {
            let _ = back.send(io);
        }
    }
}

impl<I: Unpin, H: Unpin> Wire<I, H> {
    fn io(&mut self) -> Pin<&mut I> {
        Pin::new(self.io.as_mut().expect("it is there until it is dropped"))
    }

    /// A write that waits for the client waits only so long.
    fn patiently<T>(&mut self, cx: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let until = Instant::now() + self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl<I: AsyncRead + Unpin, H: Unpin> AsyncRead for Wire<I, H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = self.io().poll_read(cx, buffer);
        let came = buffer.filled().len() - before;
        self.heard |= came > 0;
        if self.inflow.came(came) {
            read
        } else {
            Poll::Ready(Err(Error::from(ErrorKind::QuotaExceeded)))
        }
    }
}

impl<I: AsyncWrite + Unpin, H: Unpin> AsyncWrite for Wire<I, H> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.heard = false;
        let written = self.io().poll_write(cx, bytes);
        self.patiently(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.heard = false;
        let written = self.io().poll_write_vectored(cx, slices);
        self.patiently(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = self.io().poll_flush(cx);
        self.patiently(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let shut = self.io().poll_shutdown(cx);
        self.patiently(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test]
    async fn whoever_takes_nothing_is_let_go() {
        let (mut client, server) = duplex(16);
        let (mut wire, _back) = Wire::new(server, Duration::from_millis(20), Inflow::default(), ());
        let error = wire.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // Whoever takes a little has all of the time again.
        client.read_exact(&mut [0; 16]).await.unwrap();
        wire.write_all(&[0; 16]).await.unwrap();
    }

    #[tokio::test]
    async fn it_comes_back_only_where_something_had_begun_to_come() {
        let patience = Duration::from_secs(1);
        let (_client, server) = duplex(16);
        let (wire, back) = Wire::new(server, patience, Inflow::default(), ());
        drop(wire);
        assert!(back.await.is_err(), "nothing came");
        let (mut client, server) = duplex(16);
        let (mut wire, back) = Wire::new(server, patience, Inflow::default(), ());
        client.write_all(b"GET").await.unwrap();
        wire.read_exact(&mut [0; 3]).await.unwrap();
        drop(wire);
        back.await.unwrap().write_all(b"408").await.unwrap();
        let (mut client, server) = duplex(16);
        let (mut wire, back) = Wire::new(server, patience, Inflow::default(), ());
        client.write_all(b"GET").await.unwrap();
        wire.read_exact(&mut [0; 3]).await.unwrap();
        wire.write_all(b"200").await.unwrap();
        drop(wire);
        assert!(back.await.is_err(), "it was answered");
    }

    #[tokio::test]
    async fn what_waits_for_the_rest_of_its_message_is_bounded_for_all_together() {
        let all = Arc::new(AtomicU64::new(0));
        let (one, other) = (Inflow::among(&all), Inflow::among(&all));
        assert!(one.came(1_000), "no messages yet");
        assert_eq!(one.unfinished(), 0);
        one.begin();
        other.begin();
        assert!(one.came(1_000) && other.came(70));
        one.took_control(4);
        assert_eq!(one.unfinished(), 990);
        one.took_message();
        assert_eq!((one.unfinished(), other.unfinished()), (0, 70));
        let half = usize::try_from(UNFINISHED_BYTES_MAX / 2).unwrap();
        assert!(one.came(half));
        assert!(!other.came(half), "both together are over it");
        drop(other);
        assert!(one.came(100), "what it held is free again");
        // Whoever sends little is not cut off for others.
        let third = Inflow::among(&all);
        third.begin();
        assert!(!one.came(half));
        assert!(third.came(100));
        drop((one, third));
        assert_eq!(all.load(Ordering::Relaxed), 0);

        let (mut client, server) = duplex(16);
        let inflow = Inflow::among(&all);
        inflow.begin();
        all.store(UNFINISHED_BYTES_MAX, Ordering::Relaxed);
        inflow.came(usize::try_from(READ_AHEAD).unwrap());
        let (mut wire, _back) = Wire::new(server, Duration::from_secs(1), inflow, ());
        client.write_all(b"more").await.unwrap();
        let error = wire.read_exact(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    }
}
