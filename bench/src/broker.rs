//! A Kafka broker of the project's own scripts, filled with votes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::util::Timeout;

use crate::engine::cpu_s_of;

/// The topic of votes.
pub(crate) const TOPIC: &str = "votes";
/// Its partitions.
pub(crate) const PARTITIONS: i32 = 6;
const PATIENCE: Duration = Duration::from_mins(1);

/// A broker that runs until it is dropped.
pub(crate) struct Broker {
    folder: PathBuf,
    id: u32,
    /// Where it listens.
    pub(crate) address: String,
}

impl Broker {
    /// Starts one in `folder`; what its topics held before, they hold.
    ///
    /// # Errors
    /// If it doesn't start: without Java or Maven, for instance.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Broker> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let started = Command::new(script("start.sh")).arg(&folder).status()?;
        ensure!(started.success(), "the broker doesn't start: {started}");
        let said = fs::read_to_string(folder.join("kafka.env"))?;
        let said: BTreeMap<&str, &str> =
            said.lines().filter_map(|line| line.split_once('=')).collect();
        let of = |name: &str| said.get(name).with_context(|| format!("kafka.env has no {name}"));
        let (id, address) = (of("KAFKA_PID")?.parse()?, (*of("KAFKA_PLAINTEXT")?).to_owned());
        Ok(Broker { folder, id, address })
    }

    /// The CPU it has used so far, in seconds.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s_of(self.id)
    }

    /// Fills the topic with the lines of `file`, in turn over its partitions, if it is not there yet.
    ///
    /// # Errors
    /// If the broker doesn't take them.
    pub(crate) fn fill(&self, file: &Path) -> anyhow::Result<()> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address).set("linger.ms", "50");
        let admin: AdminClient<DefaultClientContext> = config.create()?;
        let topic = NewTopic::new(TOPIC, PARTITIONS, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = now(admin.create_topics([&topic], &options))?;
        match made.as_slice() {
            [Ok(_)] => {}
            [Err((_, RDKafkaErrorCode::TopicAlreadyExists))] => return Ok(()),
            other => bail!("the topic can't be made: {other:?}"),
        }
        let producer: ThreadedProducer<_> =
            config.set("queue.buffering.max.messages", "1000000").create()?;
        let mut lines = BufReader::with_capacity(1 << 20, fs::File::open(file)?);
        let (mut line, mut partition) = (Vec::new(), 0);
        while lines.read_until(b'\n', &mut line)? > 0 {
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(TOPIC).partition(partition).payload(line.trim_ascii_end());
            while let Err((error, again)) = producer.send(record) {
                let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                ensure!(error == full, "a vote is not taken: {error}");
                std::thread::sleep(Duration::from_millis(10));
                record = again;
            }
            partition = (partition + 1) % PARTITIONS;
            line.clear();
        }
        Ok(producer.flush(Timeout::After(PATIENCE))?)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = Command::new(script("stop.sh")).arg(&self.folder).status();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka").join(name)
}

/// What a future yields that another thread brings forward.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(found) = future.as_mut().poll(&mut context) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Takes every message that the topic holds now, and adds up their lengths.
///
/// # Errors
/// If the broker doesn't give them.
pub(crate) fn consume(address: &str) -> anyhow::Result<()> {
    let mut config = ClientConfig::new();
    // As the engine sets it: nothing is committed, the ends of partitions are told.
    config
        .set("bootstrap.servers", address)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create()?;
    let mut from = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        from.add_partition_offset(TOPIC, partition, Offset::Beginning)?;
    }
    consumer.assign(&from)?;
    let (mut messages, mut bytes, mut open) = (0u64, 0, PARTITIONS);
    while open > 0 {
        match consumer.poll(PATIENCE).context("the broker is silent")? {
            Ok(message) => {
                messages += 1;
                bytes += message.payload_len();
            }
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => return Err(error.into()),
        }
    }
    println!("{messages} messages, {bytes} bytes");
    Ok(())
}
