//! One request and what becomes of it.

use std::io;
use std::sync::{Mutex, PoisonError};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::service::S3Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::plan::{Fault, Plan};
use crate::wire::{Request, kept_open};

/// What the pipe to the service holds.
const PIPE_BYTES: usize = 256 * 1024;

/// What the client is told.
pub(crate) enum Answer {
    Whole(Vec<u8>),
    /// Then the connection ends.
    Part(Vec<u8>),
    /// The connection ends.
    None,
}

/// Requests by operation, as they came over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Puts with a condition.
    pub create: u64,
    /// Other puts: of objects, and of parts of them.
    pub put: u64,
    /// An upload in parts begins, or is completed.
    pub post: u64,
    /// Objects or parts of them.
    pub get: u64,
    /// Objects asked about.
    pub head: u64,
    /// Listings.
    pub list: u64,
    /// Objects removed, and uploads given up.
    pub delete: u64,
    /// Those of all these that met a fault.
    pub faults: u64,
    /// Bytes of objects and parts that were sent to it.
    pub body_bytes: u64,
}

impl Seen {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.create + self.put + self.post + self.get + self.head + self.list + self.delete
    }
}

pub(crate) struct Exchange {
    service: S3Service,
    plan: Mutex<Plan>,
    noted: Mutex<Noted>,
    /// Conditional requests, one at a time.
    conditional: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Noted {
    seen: Seen,
    met: Vec<u64>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({:?})", self.plan)
    }
}

impl Exchange {
    pub(crate) fn new(service: S3Service, plan: Plan) -> Exchange {
        let (noted, conditional) = (Mutex::default(), tokio::sync::Mutex::default());
        Exchange { service, plan: Mutex::new(plan), noted, conditional }
    }

    /// From now on other things go wrong.
    pub(crate) fn turn(&self, plan: Plan) {
        // Rules count what they meet from where they begin.
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.met.clear();
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    pub(crate) fn seen(&self) -> Seen {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).seen
    }

    /// What becomes of a request.
    pub(crate) async fn answer(&self, request: Request) -> io::Result<Answer> {
        let fault = self.note(&request);
        match fault {
            Some(Fault::Refused(status)) => {
                return Ok(Answer::Whole(status_alone(status, &request)));
            }
            Some(Fault::Cut) => return Ok(Answer::None),
            Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
            Some(Fault::Denied(_) | Fault::Lost | Fault::Half) | None => {}
        }
        let answer = self.pass_on(&request).await?;
        Ok(match fault {
            Some(Fault::Denied(status)) => Answer::Whole(status_alone(status, &request)),
            Some(Fault::Lost) => Answer::None,
            Some(Fault::Half) => Answer::Part(answer[..answer.len() / 2].to_vec()),
            _ => Answer::Whole(kept_open(answer)),
        })
    }

    fn note(&self, request: &Request) -> Option<Fault> {
        let operation = operation(request);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let Noted { seen, met } = &mut *noted;
        let counter = match operation {
            "create" => &mut seen.create,
            "put" => &mut seen.put,
            "post" => &mut seen.post,
            "head" => &mut seen.head,
            "list" => &mut seen.list,
            "delete" => &mut seen.delete,
            _ => &mut seen.get,
        };
        *counter += 1;
        if matches!(operation, "create" | "put") {
            seen.body_bytes += request.body.len() as u64;
        }
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = plan.fault(operation, &request.target, met);
        seen.faults += u64::from(fault.is_some());
        fault
    }

    async fn pass_on(&self, request: &Request) -> io::Result<Vec<u8>> {
        let alone = match operation(request) {
            "create" => Some(self.conditional.lock().await),
            _ => None,
        };
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let service = self.service.clone();
        let serving = tokio::spawn(async move {
            let connection = Builder::new(TokioExecutor::new());
            // How it ended stands in what it wrote.
            let _ = connection.serve_connection(TokioIo::new(theirs), service).await;
        });
        let (mut reader, mut writer) = tokio::io::split(ours);
        let (bytes, mut answer) = (request.to_bytes(), Vec::new());
        let write = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        let (written, read) = tokio::join!(write, reader.read_to_end(&mut answer));
        // It may answer before it has read everything.
        let _ = written;
        read?;
        let _ = serving.await;
        drop(alone);
        Ok(answer)
    }
}

fn operation(request: &Request) -> &'static str {
    match request.method.as_str() {
        "PUT" if request.header("if-none-match").is_some() => "create",
        "PUT" => "put",
        // Several objects at once, as some clients remove a single one.
        "POST" if request.target.contains("?delete") => "delete",
        "POST" => "post",
        "HEAD" => "head",
        "DELETE" => "delete",
        _ if request.target.contains("list-type=2") => "list",
        _ => "get",
    }
}

fn status_alone(status: u16, request: &Request) -> Vec<u8> {
    const BODY: &str = "<Error><Code>Planned</Code><Message>a planned fault</Message></Error>";
    let body = if request.method == "HEAD" { "" } else { BODY };
    format!("HTTP/1.1 {status} Planned\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
