//! What machines ask of a running job over HTTP.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | every metric, as Prometheus reads them |
//! | `/healthz` | 200 while the workers' loops turn, 503 when one hangs: then a restart helps |
//! | `/readyz` | 200 while the run reads and commits; 503 when it does not yet, or not any more, and why |
//!
//! 1. It answers on a thread of its own: an engine that is busy, or hangs, is asked all the same.
//! 2. It only reads. Nobody can change anything here, and nothing secret is told; it is for the network of those who
//!    operate the job, and not for the world's.
//! 3. Connections are few, and end when nothing comes.

mod answer;
mod connections;
mod endpoint;
mod error;

pub use endpoint::Endpoint;
pub use error::Error;
