//! A connection's bytes. A client that takes nothing of what it is sent is let go after a while; and whoever owns the
//! connection gets it back where a request had begun to come and did not come to its end, to say so.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

/// A connection's bytes, and what is held while they may come.
pub struct Wire<I, H> {
    io: Option<I>,
    back: Option<oneshot::Sender<I>>,
    /// Whether something came since something was last sent.
    heard: bool,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    _held: H,
}

impl<I, H> Wire<I, H> {
    /// Over a connection; what is given second gives it back.
    pub fn new(io: I, patience: Duration, held: H) -> (Self, oneshot::Receiver<I>) {
        let (back, receiver) = oneshot::channel();
        let wire = Self {
            io: Some(io),
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
        self.heard |= buffer.filled().len() > before;
        read
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
        let (mut wire, _back) = Wire::new(server, Duration::from_millis(20), ());
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
        let (wire, back) = Wire::new(server, patience, ());
        drop(wire);
        assert!(back.await.is_err(), "nothing came");
        let (mut client, server) = duplex(16);
        let (mut wire, back) = Wire::new(server, patience, ());
        client.write_all(b"GET").await.unwrap();
        wire.read_exact(&mut [0; 3]).await.unwrap();
        drop(wire);
        back.await.unwrap().write_all(b"408").await.unwrap();
        let (mut client, server) = duplex(16);
        let (mut wire, back) = Wire::new(server, patience, ());
        client.write_all(b"GET").await.unwrap();
        wire.read_exact(&mut [0; 3]).await.unwrap();
        wire.write_all(b"200").await.unwrap();
        drop(wire);
        assert!(back.await.is_err(), "it was answered");
    }
}
