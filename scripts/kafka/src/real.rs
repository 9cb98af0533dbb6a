//! Apache Kafka, by the scripts beside this.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::thread::sleep;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;

use crate::client_of;
use crate::topic::Topic;

const SCRIPTS: &str = env!("CARGO_MANIFEST_DIR");
/// What `QUORATE_KAFKA` says where no real broker shall be started.
const MOCK: &str = "mock";
const PATIENCE: Duration = Duration::from_secs(30);
const NAP: Duration = Duration::from_millis(10);

/// Why there is no real broker here.
#[derive(Clone, Debug)]
pub struct Absent(pub String);

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a client gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// TLS, with a client's certificate.
    Certificate,
    /// A password, mechanism PLAIN, unencrypted.
    Plain,
    /// SCRAM-SHA-256 under TLS.
    Scram256,
    /// SCRAM-SHA-512 under TLS.
    Scram512,
}

/// Where a broker runs.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What a command begins with that is to run there, such as `ip netns exec NAME`; nothing for this machine.
    pub enter: Vec<String>,
    /// Its address, as its clients know it.
    pub address: String,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine { enter: Vec::new(), address: "127.0.0.1".to_owned() }
    }
}

/// An Apache Kafka broker.
#[derive(Debug)]
pub struct Real {
    folder: PathBuf,
    machine: Machine,
    facts: BTreeMap<String, String>,
    /// What ends it, if it was started here.
    attached: Option<Child>,
    /// Its folder, if it is to be removed with it.
    _kept: Option<TempDir>,
}

impl Real {
    /// The one that `QUORATE_KAFKA` names, or one for this program.
    pub(crate) fn shared() -> Result<Real, Absent> {
        let given = asked();
        if given.as_deref() == Some(MOCK.as_ref()) {
            return Err(Absent("QUORATE_KAFKA asks for none".to_owned()));
        }
        if let Some(folder) = given {
            let folder = PathBuf::from(folder);
            let (facts, machine) = (facts(&folder), Machine::default());
            return Ok(Real { facts, folder, machine, attached: None, _kept: None });
        }
        // Whoever asks for it first keeps it to the end of the program, where nothing is dropped: its script removes it.
        let folder = folder().keep();
        let script = "\"$0/start.sh\" \"$1\" --attached; code=$?; rm -rf \"$1\"; exit $code";
        let mut command = Command::new("bash");
        command.args(["-c", script, SCRIPTS]).arg(&folder);
        let attached = Some(attach(command)?);
        let (facts, machine) = (facts(&folder), Machine::default());
        Ok(Real { facts, folder, machine, attached, _kept: None })
    }

    /// Whether there can be one: fetches its jars, the first time.
    ///
    /// # Errors
    /// As [`own`](Real::own).
    pub fn is_there() -> Result<(), Absent> {
        if asked().as_deref() == Some(MOCK.as_ref()) {
            return Err(Absent("QUORATE_KAFKA asks for none".to_owned()));
        }
        let output = Command::new("bash").arg(format!("{SCRIPTS}/jars.sh")).output();
        let output = output.map_err(|error| Absent(format!("bash: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(Absent(complaint.trim().trim_start_matches("SKIPPED: ").to_owned()))
    }

    /// A broker that nobody else uses, for tests that stop it. It ends when it is dropped.
    ///
    /// # Errors
    /// If there is no Java, or no Maven to fetch the broker with.
    pub fn own() -> Result<Real, Absent> {
        Real::own_on(Machine::default())
    }

    /// As [`own`](Real::own), on `machine`.
    ///
    /// # Errors
    /// As [`own`](Real::own).
    pub fn own_on(machine: Machine) -> Result<Real, Absent> {
        if asked().as_deref() == Some(MOCK.as_ref()) {
            return Err(Absent("QUORATE_KAFKA asks for none".to_owned()));
        }
        let folder = folder();
        let path = folder.path().to_owned();
        let attached = attach(start(&path, &machine))?;
        Ok(Real {
            facts: facts(&path),
            folder: path,
            machine,
            attached: Some(attached),
            _kept: Some(folder),
        })
    }

    /// What its script says of it: a line of `kafka.env`.
    ///
    /// # Panics
    /// If there is no such line.
    pub fn fact(&self, name: &str) -> &str {
        let found = self.facts.get(name);
        found.unwrap_or_else(|| panic!("kafka.env says nothing of {name}"))
    }

    /// Settings of a client that gets in by `login`.
    pub fn client(&self, login: Login) -> ClientConfig {
        let mut client = client_of(match login {
            Login::Certificate => self.fact("KAFKA_SSL"),
            Login::Plain => self.fact("KAFKA_SASL_PLAINTEXT"),
            Login::Scram256 | Login::Scram512 => self.fact("KAFKA_SASL_SSL"),
        });
        if login != Login::Plain {
            client.set("ssl.ca.location", self.fact("KAFKA_CA"));
        }
        let sasl = match login {
            Login::Certificate => {
                client
                    .set("security.protocol", "SSL")
                    .set("ssl.certificate.location", self.fact("KAFKA_CLIENT_CERTIFICATE"))
                    .set("ssl.key.location", self.fact("KAFKA_CLIENT_KEY"));
                return client;
            }
            Login::Plain => ["SASL_PLAINTEXT", "PLAIN", "KAFKA_PLAIN_USER", "KAFKA_PLAIN_PASSWORD"],
            Login::Scram256 => {
                ["SASL_SSL", "SCRAM-SHA-256", "KAFKA_SCRAM256_USER", "KAFKA_SCRAM_PASSWORD"]
            }
            Login::Scram512 => {
                ["SASL_SSL", "SCRAM-SHA-512", "KAFKA_SCRAM512_USER", "KAFKA_SCRAM_PASSWORD"]
            }
        };
        let [protocol, mechanism, user, password] = sasl;
        client
            .set("security.protocol", protocol)
            .set("sasl.mechanism", mechanism)
            .set("sasl.username", self.fact(user))
            .set("sasl.password", self.fact(password));
        client
    }

    /// A topic of so many partitions, made now.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn topic(&self, name: &str, partitions: i32) -> Topic {
        self.topic_with(name, partitions, &[])
    }

    /// A topic with settings of its own, made now.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Topic {
        let client = client_of(self.fact("KAFKA_PLAINTEXT"));
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        topic.config = settings.to_vec();
        let made = answer(admin(&client).create_topics([&topic], &options()));
        assert!(matches!(made.as_deref(), Ok([Ok(_)])), "{name}: {made:?}");
        Topic::of(name, partitions, client)
    }

    /// Removes a topic.
    ///
    /// # Panics
    /// If it cannot be removed.
    pub fn remove_topic(&self, name: &str) {
        let client = client_of(self.fact("KAFKA_PLAINTEXT"));
        let removed = answer(admin(&client).delete_topics(&[name], &options()));
        assert!(matches!(removed.as_deref(), Ok([Ok(_)])), "{name}: {removed:?}");
    }

    /// Gives a topic so many partitions in all.
    ///
    /// # Panics
    /// If it has more already.
    pub fn add_partitions(&self, name: &str, partitions: usize) {
        let client = client_of(self.fact("KAFKA_PLAINTEXT"));
        let wanted = rdkafka::admin::NewPartitions::new(name, partitions);
        let added = answer(admin(&client).create_partitions([&wanted], &options()));
        assert!(matches!(added.as_deref(), Ok([Ok(_)])), "{name}: {added:?}");
    }

    /// Deletes what a partition has before an offset, as age or size would.
    ///
    /// # Panics
    /// If it cannot be deleted.
    pub fn delete_records(&self, name: &str, partition: i32, before: i64) {
        let client = client_of(self.fact("KAFKA_PLAINTEXT"));
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(name, partition, Offset::Offset(before))
            .expect("an offset that there is");
        let deleted = answer(admin(&client).delete_records(&offsets, &options()));
        assert!(deleted.is_ok(), "{name}: {deleted:?}");
    }

    /// Kills the broker, as a crash would. Only of one's [`own`](Real::own).
    pub fn kill(&mut self) {
        let _ = stop(&self.folder).arg("--kill").status();
        self.end();
    }

    /// Asks the broker to end. Only of one's [`own`](Real::own).
    pub fn stop(&mut self) {
        let _ = stop(&self.folder).status();
        self.end();
    }

    /// Starts it again after it was stopped or killed: the same addresses, the same topics.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start(&mut self) {
        assert!(self.attached.is_none(), "it is running");
        self.attached =
            Some(attach(start(&self.folder, &self.machine)).expect("it has run before"));
    }

    /// The number of its program, which is another one after each start. Only of one's [`own`](Real::own).
    ///
    /// # Panics
    /// If it is not running.
    pub fn pid(&self) -> u32 {
        let text = fs::read_to_string(self.folder.join("kafka.pid")).expect("it is running");
        text.trim().parse().expect("its script wrote a number")
    }

    fn end(&mut self) {
        if let Some(mut attached) = self.attached.take() {
            drop(attached.stdin.take());
            let _ = attached.wait();
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.end();
    }
}

/// What `QUORATE_KAFKA` says.
#[expect(clippy::disallowed_methods, reason = "tests have no other edge than this")]
fn asked() -> Option<std::ffi::OsString> {
    std::env::var_os("QUORATE_KAFKA")
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("quorate-kafka-").tempdir().expect("a folder of its own")
}

fn start(folder: &Path, machine: &Machine) -> Command {
    let mut command = match machine.enter.split_first() {
        None => Command::new("bash"),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg("bash");
            command
        }
    };
    command.arg(format!("{SCRIPTS}/start.sh")).arg(folder);
    command.args(["--attached", "--host", &machine.address]);
    command
}

fn stop(folder: &Path) -> Command {
    let mut command = Command::new("bash");
    command.arg(format!("{SCRIPTS}/stop.sh")).arg(folder);
    command
}

/// Starts a script that says when the broker is ready, and ends it when its standard input is closed.
fn attach(mut command: Command) -> Result<Child, Absent> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Absent(format!("bash: {error}")))?;
    let mut said = String::new();
    if let Some(out) = child.stdout.take() {
        let _ = BufReader::new(out).read_line(&mut said);
    }
    if said.starts_with("kafka: ready") {
        return Ok(child);
    }
    let ended = child.wait_with_output().map_err(|error| Absent(error.to_string()))?;
    let complaint = String::from_utf8_lossy(&ended.stderr);
    Err(Absent(complaint.trim().trim_start_matches("SKIPPED: ").to_owned()))
}

fn facts(folder: &Path) -> BTreeMap<String, String> {
    let path = folder.join("kafka.env");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

fn admin(client: &ClientConfig) -> AdminClient<DefaultClientContext> {
    client.create().expect("an admin client")
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE))
}

/// Waits for what a thread of librdkafka answers; nothing here needs more of an executor.
fn answer<T>(question: impl Future<Output = T>) -> T {
    let mut question = pin!(question);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match question.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => sleep(NAP),
        }
    }
}
