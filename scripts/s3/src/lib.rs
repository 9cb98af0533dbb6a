//! A store that speaks S3 over real HTTP and fails by plan: what tests point the engine at.
//!
//! ```text
//! quorate ──TCP──▶ wire: requests as bytes ──▶ plan: which fault? ──▶ s3s, over a pipe ──▶ a directory
//!                    ▲                                                      │
//!                    └──────── the answer, another one, half of it, or none ┘
//! ```
//!
//! 1. What answers is `s3s` over `s3s-fs`: signatures are checked and `If-None-Match: *` is honoured. That one looks
//!    first and writes then, so conditional requests are let through one at a time.
//! 2. Faults happen on the wire, where they happen in life: a connection is cut after the write was done, an answer
//!    ends in its middle. The client cannot tell them from real ones.
//! 3. It listens on loopback unless told where else, and ends with the value that stands for it.
//!
//! *Cost*: a request is read whole before it is passed on, and so is its answer.

mod exchange;
mod plan;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use s3s::access::S3Access;
use s3s::auth::SimpleAuth;
use s3s::dto::PutObjectInput;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Request, S3Result};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use exchange::Exchange;
pub use exchange::Seen;
pub use plan::{Conditions, Fault, Plan};

/// The bucket that is there.
pub const BUCKET: &str = "bucket";

/// Whom it lets in.
const KEY_ID: &str = "quorate-test";
const SECRET: &str = "only-for-tests";

/// A running store; dropped, it is gone and its directory stays.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    exchange: Arc<Exchange>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the directory `root` on a port that is free.
    ///
    /// # Errors
    /// If the directory or the port cannot be had.
    pub fn start(root: &Path, plan: Plan) -> io::Result<Server> {
        Server::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), root, plan)
    }

    /// As [`Server::start`], at `address`: after a pause, or for another machine to find.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_at(address: SocketAddr, root: &Path, plan: Plan) -> io::Result<Server> {
        std::fs::create_dir_all(root.join(BUCKET))?;
        let exchange = Arc::new(Exchange::new(service(root, plan.conditions)?, plan));
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build()?;
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&exchange);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                // It was bound above: all that may fail here is to be told of it.
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = wire::serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
            // What is half done is cut off, as by a machine that goes away.
            runtime.shutdown_background();
        });
        Ok(Server { address, exchange, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a program must have in its environment to find it.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "nowhere-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
    }

    /// What it was asked so far.
    pub fn seen(&self) -> Seen {
        self.exchange.seen()
    }

    /// From now on other things go wrong: the weather turns. Whether conditions are honoured stays as it was.
    pub fn turn(&self, plan: Plan) {
        self.exchange.turn(plan);
    }

    /// Ends it once something else ends: the thread that serves.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn service(root: &Path, conditions: Conditions) -> io::Result<S3Service> {
    let files = FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
    if conditions == Conditions::Ignored {
        builder.set_access(Overwriting);
    }
    Ok(builder.build())
}

/// A store of before 2024: it knows nothing of conditions.
struct Overwriting;

#[async_trait::async_trait]
impl S3Access for Overwriting {
    async fn put_object(&self, request: &mut S3Request<PutObjectInput>) -> S3Result<()> {
        request.input.if_none_match = None;
        Ok(())
    }
}
