//! Publishing to topics: what the log has made true, exactly once; and what is provisional, at once.
//!
//! ```text
//!  log         commit 7            commit 8
//!              decisions ×40       votes ×300
//!                  └───────┬───────────┘
//!  one transaction:  40 messages to panel.decisions, 300 to panel.votes,
//!                    1 to panel.quorate-progress: decisions up to 7, votes up to 8
//! ```
//!
//! 1. **One producer publishes for one log.** Its transactional id is made of the job and the log, so that whoever
//!    comes with it ends the one before: from then on nothing of that one can become visible ([`TopicOutlet::fence`]).
//! 2. **Progress is kept at the destination**, in a topic that is compacted, and changes in the transaction that
//!    brings the rows. So whoever reads only what is committed sees each row once, whatever died in between. It is read
//!    after fencing, when nobody can change it any more. (Offsets of a consumer group would expire after a week in
//!    which a table has no rows.)
//! 3. **A trouble costs a transaction, never a row.** Whatever goes wrong, the outlet is thrown away and a new one
//!    fences, asks how far its destination is, and goes on there.
//! 4. Messages carry the time at which they are sent. Their rows' event times may be years ago, and a topic's retention
//!    goes by the message's.
//! 5. **Provisional outcomes are on time or not at all**: they go out as they come, without waiting for a commit, and
//!    while brokers are away at most so many bytes of them wait ([`UpdateTopic`]).
//!
//! *Cost*: a message a row and one a transaction. *State*: what waits to be sent, bounded by
//! [`PublishSpec::buffer_bytes`], and the file that is being read.

mod advice;
mod ear;
mod message;
mod outlet;
mod position;
mod progress;
mod resend;
mod topics;
mod updates;

use std::collections::BTreeMap;

use quorate_schemas::table::Table;
use rdkafka::ClientConfig;

pub use outlet::TopicOutlet;
pub use progress::{Progress, Told};
pub use resend::{Letter, send_again};
pub use topics::{TopicFound, look_for};
pub use updates::UpdateTopic;

use super::connection::Connection;
use crate::error::Error;

/// Which tables go to which topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishSpec {
    /// The brokers.
    pub connection: Connection,
    /// Each table's topic; none of two tables.
    pub topics: BTreeMap<Table, String>,
    /// The topic of provisional outcomes.
    pub updates: Option<String>,
    /// The topic that says how far the others are.
    pub progress: String,
    /// So much may wait to be sent.
    pub buffer_bytes: u64,
}

impl PublishSpec {
    /// Every topic that has to be there already.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.topics.values().chain(&self.updates).map(String::as_str)
    }

    /// Whether what the settings refer to is there: secrets and files. No broker is asked.
    ///
    /// # Errors
    /// [`Error::Kafka`] if it is not.
    pub fn check(&self) -> Result<(), Error> {
        self.connection.config().map(|_| ())
    }

    /// What both producers have in common.
    fn producer(&self, job: &str) -> Result<ClientConfig, Error> {
        let mut config = self.connection.config()?;
        config.set("client.id", format!("quorate-{job}"));
        config.set("enable.idempotence", "true");
        config.set("queue.buffering.max.kbytes", (self.buffer_bytes / 1024).max(1).to_string());
        // What a topic takes is for its broker to say: it says so of the message, and keeps the others.
        preset(&mut config, "message.max.bytes", "1000000000");
        preset(&mut config, "compression.type", "zstd");
        preset(&mut config, "socket.nagle.disable", "true");
        Ok(config)
    }
}

/// Sets what the job has not.
fn preset(config: &mut ClientConfig, key: &str, value: &str) {
    if config.get(key).is_none() {
        config.set(key, value);
    }
}
