//! librdkafka's own broker, in this process.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use rdkafka::mocking::MockCluster;

use crate::client_of;
use crate::topic::Topic;

/// A topic's name and partitions, and where to say that it is made.
type Wanted = (String, i32, SyncSender<()>);

/// A broker that lives in a thread of this process, since only that thread may touch it.
#[derive(Debug)]
pub struct Mock {
    address: String,
    wanted: SyncSender<Wanted>,
}

impl Mock {
    pub(crate) fn start() -> Mock {
        let (wanted, asked) = sync_channel::<Wanted>(1);
        let (tell, told) = sync_channel(1);
        thread::spawn(move || {
            let cluster = MockCluster::new(1).expect("the mock broker starts");
            tell.send(cluster.bootstrap_servers()).expect("whoever started it waits");
            for (name, partitions, made) in asked {
                cluster.create_topic(&name, partitions, 1).expect("a topic is made once");
                // Whoever asked may be gone.
                let _ = made.send(());
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
        let (made, seen) = sync_channel(1);
        self.wanted.send((name.to_owned(), partitions, made)).expect("the mock broker runs");
        seen.recv().expect("the topic is made");
        Topic::of(name, partitions, client_of(&self.address))
    }
}
