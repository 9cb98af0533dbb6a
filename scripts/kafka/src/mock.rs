//! librdkafka's own broker, in this process.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rdkafka::mocking::MockCluster;

use crate::client_of;
use crate::topic::Topic;

/// What is wanted of it, and where to say that it is done.
type Wanted = (Wish, SyncSender<()>);

#[derive(Debug)]
enum Wish {
    /// A topic of so many partitions.
    Topic(String, i32),
    /// Nobody leads a partition, or the only broker does.
    Lead(String, i32, Leader),
}

/// Who leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// Nobody, as while a broker starts.
    None,
    /// The broker.
    Broker,
}

/// A broker that lives in a thread of this process, since only that thread may touch it.
#[derive(Debug)]
pub struct Mock {
    address: String,
    wanted: SyncSender<Wanted>,
}

impl Mock {
    /// Starts one.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start() -> Mock {
        let (wanted, asked) = sync_channel::<Wanted>(1);
        let (tell, told) = sync_channel(1);
        thread::spawn(move || {
            let cluster = MockCluster::new(1).expect("the mock broker starts");
            tell.send(cluster.bootstrap_servers()).expect("whoever started it waits");
            for (wish, done) in asked {
                match wish {
                    Wish::Topic(name, partitions) => {
                        cluster.create_topic(&name, partitions, 1).expect("a topic is made once");
                    }
                    Wish::Lead(topic, partition, leader) => {
                        let broker = (leader == Leader::Broker).then_some(1);
                        cluster.partition_leader(&topic, partition, broker).expect("it is there");
                    }
                }
                // Whoever asked may be gone.
                let _ = done.send(());
            }
        });
        Mock { address: told.recv().expect("the mock broker says where it is"), wanted }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A topic of so many partitions, made now.
    pub fn topic(&self, name: &str, partitions: i32) -> Topic {
        self.ask(Wish::Topic(name.to_owned(), partitions));
        Topic::of(name, partitions, client_of(&self.address))
    }

    /// From now on this leads a partition.
    pub fn lead(&self, topic: &str, partition: i32, leader: Leader) {
        self.ask(Wish::Lead(topic.to_owned(), partition, leader));
    }

    fn ask(&self, wish: Wish) {
        let (done, seen) = sync_channel(1);
        self.wanted.send((wish, done)).expect("the mock broker runs");
        seen.recv().expect("it is done");
    }
}
