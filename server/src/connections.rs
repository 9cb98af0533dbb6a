//! Connections that are few and do not stay for ever: the run needs its file descriptors more than whoever asks.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// So many at once; more wait until one ends.
const CONNECTIONS: usize = 64;

/// Who has sent nothing for so long is let go. Longer than scrapes are apart, most of the time.
const QUIET: Duration = Duration::from_secs(75);

/// A listener of which so many connections are open at once.
pub(crate) struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
    quiet: Duration,
}

impl Bounded {
    pub(crate) fn new(listener: TcpListener) -> Bounded {
        Bounded { listener, free: Arc::new(Semaphore::new(CONNECTIONS)), quiet: QUIET }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Nobody closes the semaphore; without a permit nobody is let in.
        let held = Arc::clone(&self.free).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let quiet = Box::pin(sleep(self.quiet));
        (Connection { stream, quiet, patience: self.quiet, _held: held }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One of them.
pub(crate) struct Connection {
    stream: TcpStream,
    quiet: Pin<Box<Sleep>>,
    patience: Duration,
    _held: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            let until = Instant::now() + self.patience;
            self.quiet.as_mut().reset(until);
            return Poll::Ready(read);
        }
        ready!(self.quiet.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn bounded(connections: usize, quiet: Duration) -> (Bounded, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Bounded { listener, free: Arc::new(Semaphore::new(connections)), quiet }, address)
    }

    #[tokio::test]
    async fn one_more_connection_waits_until_another_has_ended() {
        let (mut bounded, address) = bounded(1, QUIET).await;
        let (_first, _second) = (
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        );
        let (held, _) = bounded.accept().await;
        let short = Duration::from_millis(50);
        assert!(tokio::time::timeout(short, bounded.accept()).await.is_err());
        drop(held);
        assert!(tokio::time::timeout(Duration::from_secs(5), bounded.accept()).await.is_ok());
    }

    #[tokio::test]
    async fn who_sends_nothing_is_let_go() {
        let (mut bounded, address) = bounded(1, Duration::from_millis(50)).await;
        let _quiet = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = bounded.accept().await;
        let read = connection.read_u8().await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
