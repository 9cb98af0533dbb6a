use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::thread::JoinHandle;

use quorate_runtime::metrics::Metrics;
use tokio::sync::oneshot;

use crate::answer::router;
use crate::connections::Bounded;
use crate::error::Error;

/// An address where a job is asked. Dropped, it is closed.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Answers on `address` (`HOST:PORT`; port 0 takes any that is free) with what `metrics` tells.
    ///
    /// # Errors
    /// If that is no address, or is in use.
    pub fn open(address: &str, metrics: Metrics) -> Result<Endpoint, Error> {
        let listener = listen(address)?;
        let local = listener.local_addr().and_then(|local| {
            listener.set_nonblocking(true)?;
            Ok(local)
        });
        let failed = |source| Error::Listen { address: address.to_owned(), source };
        let local = local.map_err(failed)?;
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let tokio = tokio.map_err(Error::Thread)?;
        let (close, closed) = oneshot::channel();
        let thread = std::thread::Builder::new().name("endpoint".to_owned());
        let answering = move || tokio.block_on(answer(listener, metrics, closed));
        let thread = thread.spawn(answering).map_err(Error::Thread)?;
        Ok(Endpoint { address: local, close: Some(close), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(close) = self.close.take() {
            let _ = close.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Before anything else is done: who cannot be asked should not start.
fn listen(address: &str) -> Result<TcpListener, Error> {
    let given = || address.to_owned();
    let resolved: Vec<SocketAddr> = match address.to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(source) => return Err(Error::Address { address: given(), source }),
    };
    TcpListener::bind(resolved.as_slice()).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => Error::InUse { address: given() },
        _ => Error::Listen { address: given(), source },
    })
}

/// Answers until it is closed. Whoever is just being answered is not waited for.
async fn answer(listener: TcpListener, metrics: Metrics, closed: oneshot::Receiver<()>) {
    let served = async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(Bounded::new(listener), router(metrics)).await
    };
    let outcome: Option<io::Result<()>> = tokio::select! {
        served = served => Some(served),
        _ = closed => None,
    };
    if let Some(Err(error)) = outcome {
        tracing::error!(%error, "the endpoint answers no more");
    }
}
