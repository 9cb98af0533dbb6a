//! Topics of Kafka: how brokers are reached, and how partitions are read.
//!
//! ```text
//! Connection ─► TopicSource ── survey: which partitions there are, from where to where
//!  (settings,        │
//!   secrets)         └── Consumer, one a worker ── TopicReader, one a partition ── Cut ──► (inlet)
//! ```
//!
//! 1. **Positions are the log's.** Partitions are assigned by us, at the offset to go on from; a consumer group is told
//!    after a commit how far that is, for those who watch its lag, and is never asked.
//! 2. **Each partition has a queue of its own**, so that the one that lies behind can be read first, and what is not read
//!    is not fetched: the client holds so many bytes of a partition and no more.
//! 3. **What was read is known again**: beside its position a partition keeps a digest of the message before it, so that
//!    a topic that was deleted and made anew is not taken for the old one.
//! 4. **Rows that are gone are never passed over in silence**: the job says what is to happen then.

mod connection;
mod consumer;
mod judge;
mod mark;
mod message;
pub mod publish;
mod reader;
mod schema;
mod secret;
mod spec;
mod topics;

pub use connection::{Connection, Identity, Mechanism, OWN_PROPERTIES, Sasl, Tls};
pub use mark::TopicMark;
pub use reader::TopicReader;
pub use schema::{Encoding, Login, RegistrySpec};
pub use secret::Secret;
pub use spec::{Gone, Isolation, Start, Tombstones, TopicPattern, TopicSpec};
pub use topics::{Lag, TopicEntry, TopicSource, TopicSurvey};
