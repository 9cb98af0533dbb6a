//! A Kafka broker for tests: a real one where there are Java and Maven, librdkafka's own otherwise.
//!
//! ```text
//!  Broker::shared() ──┬─ QUORATE_KAFKA names a folder of scripts/kafka/start.sh ──► Real: that one
//!                     ├─ QUORATE_KAFKA=mock ──────────────────────────────────────► Mock: in this process
//!                     ├─ Java 17 and Maven (or jars in the cache) ───────────────► Real: one for this test program
//!                     └─ neither ────────────────────────────────────────────────► Mock: in this process
//! ```
//!
//! 1. A suite that runs on both asks for [`Broker::shared`] and names its topics uniquely; one that needs what only a
//!    real broker has (TLS, passwords, `read_committed`, restarts) asks for [`Broker::real`] or [`Real::own`], and says
//!    that it was skipped where there is none.
//! 2. A broker ends with the program that started it, however that ends: it is told by a pipe that closes.
//!
//! Cost: a real broker takes six seconds to start and some 200 MB, the other one nothing.

mod message;
mod mock;
mod real;
mod topic;
mod transaction;
mod writer;

use std::sync::OnceLock;

use rdkafka::ClientConfig;

pub use message::{Isolation, Message};
pub use mock::{Leader, Mock};
pub use real::{Absent, Login, Machine, Real};
pub use topic::{Row, Topic};
pub use transaction::Transaction;
pub use writer::Writer;

/// Which broker this is.
#[derive(Debug)]
pub enum Broker {
    /// Apache Kafka.
    Real(Box<Real>),
    /// librdkafka's own: one process, no security, transactions that hide nothing.
    Mock(Mock),
}

impl Broker {
    /// The broker of this test program, started when it is first asked for. It says which one it is.
    pub fn shared() -> &'static Broker {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| match Real::shared() {
            Ok(real) => {
                println!("kafka: the real one, {}", real.fact("KAFKA_VERSION"));
                Broker::Real(Box::new(real))
            }
            Err(Absent(reason)) => {
                println!("kafka: the mock of librdkafka, since there is no real one: {reason}");
                Broker::Mock(Mock::start())
            }
        })
    }

    /// The broker of this test program if it is a real one; else it is said that `suite` is skipped.
    pub fn real(suite: &str) -> Option<&'static Real> {
        match Broker::shared() {
            Broker::Real(real) => Some(real),
            Broker::Mock(_) => {
                println!("SKIPPED: {suite}: needs a real Kafka");
                None
            }
        }
    }

    /// Where it listens without any security.
    pub fn address(&self) -> &str {
        match self {
            Broker::Real(real) => real.fact("KAFKA_PLAINTEXT"),
            Broker::Mock(mock) => mock.address(),
        }
    }

    /// A topic of so many partitions, made now.
    pub fn topic(&self, name: &str, partitions: i32) -> Topic {
        match self {
            Broker::Real(real) => real.topic(name, partitions),
            Broker::Mock(mock) => mock.topic(name, partitions),
        }
    }

    /// Settings of a client without any security.
    pub fn client(&self) -> ClientConfig {
        client_of(self.address())
    }
}

/// Settings of a client of the broker there.
fn client_of(address: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", address);
    client
}
