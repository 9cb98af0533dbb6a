//! Whoever does not belong to a cluster changes nothing in it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::crew::{Crew, Member, addresses, wait_for};
use super::{CUT, comes_right, fleet};
use crate::job::{Job, generate, quorate, text};

fn usual(_: usize, command: &mut Command) {
    command.args(["--workers", "1", "--silence", "2"]);
}

/// Says `bytes` to whoever listens; gives how many bytes come back before the connection is closed.
fn said_to(address: &str, bytes: &[u8]) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut back = Vec::new();
    // Closed with bytes of ours unread: a reset.
    let _ = stream.read_to_end(&mut back);
    back.len()
}

#[test]
fn strangers_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "4000", "8");
    let job = Job::variant(folder.path(), "visited", &[CUT]);
    let hosts = addresses(4);
    let start = |index, name: &str| Member::start(&job, &hosts, index, name, &usual);
    let mut crew = Crew { members: (0..3).map(|index| start(index, "")).collect() };
    wait_for("process 3 to be missed", || crew.members[2].has_said("(process 3)").then_some(()));
    // One says nothing for as long as this test takes.
    let silent = TcpStream::connect(&hosts[0]).unwrap();
    assert_eq!(said_to(&hosts[0], b"GET / HTTP/1.1\r\nHost: quorate\r\n\r\n"), 0);
    assert_eq!(said_to(&hosts[0], &[0xff; 4096]), 0);
    // One does not know the secret; one has another job; one thinks that there are two processes.
    let wrong = |index: usize, name: &str, secret: &str, hosts: &[String], job: &Job| {
        Member::start(job, hosts, index, name, &|index, command| {
            usual(index, command);
            command.env("QUORATE_CLUSTER_SECRET", secret);
            // It is not met: its address is another's.
            command.args(["--bind", "127.0.0.1:0"]);
        })
    };
    let guesses = wrong(3, "guesses", "another secret of some length", &hosts, &job);
    let other = Job::variant(folder.path(), "other", &[("quorum = \"2/3\"", "quorum = \"3/5\"")]);
    let mistaken = wrong(3, "mistaken", super::crew::SECRET, &hosts, &other);
    let two = wrong(1, "two", super::crew::SECRET, &hosts[..2], &job);
    // One is there already.
    let second = wrong(2, "second", super::crew::SECRET, &hosts, &job);
    wait_for("four to be refused", || {
        let refused = guesses.has_said("its secret is not ours")
            && mistaken.has_said("other settings")
            && two.has_said("it knows of 4 processes")
            && second.has_said("process 2 is there already");
        refused.then_some(())
    });
    let said = crew.members[0].all();
    for line in ["its secret is not ours", "other settings", "this is not how our processes speak"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    drop((guesses, mistaken, two, second));
    crew.members.push(start(3, ""));
    assert!(crew.commits_more(1), "{}", crew.all());
    // Nor while it runs.
    said_to(&hosts[0], b"anything that is longer than the header of a frame");
    comes_right(&mut crew, &job, &expected, "strangers came by");
    assert!(!crew.all().contains("starting again"), "{}", crew.all());
    drop(silent);
}

#[test]
fn a_cluster_that_anybody_could_join_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "20"]);
    let job = folder.path().join("job.toml");
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = quorate(&["worker", job.to_str().unwrap()]).args(arguments).output().unwrap();
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(code), "{said}");
    };
    let away = ["--hosts", "10.0.0.1:1,10.0.0.2:2", "--index", "0"];
    check(&away, 2, "anybody could pass for a process of this cluster");
    check(&["--hosts", "a", "--index", "0"], 2, "is no HOST:PORT");
    check(&["--hosts", "127.0.0.1:1", "--index", "1"], 2, "no process 1 among 1");
    check(&["--index", "1"], 2, "--hosts");
    fs::write(folder.path().join("short"), "short\n").unwrap();
    let short = folder.path().join("short");
    let short = [&away[..], &["--secret-file", short.to_str().unwrap()]].concat();
    check(&short, 2, "it must have at least 16");
}

/// Certificates of one authority for this machine, and one of another.
fn certificates(folder: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join(format!("{name}-ca.pem")), certificate.pem()).unwrap();
        Issuer::new(params, key)
    };
    let issue = |name: &str, issuer: &Issuer<'_, KeyPair>| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    };
    let ours = authority("our");
    (0..3).for_each(|index| issue(&format!("node-{index}"), &ours));
    issue("false", &authority("false"));
}

#[test]
fn processes_speak_tls_and_only_with_certificates_of_their_authority() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "300", "9");
    certificates(folder.path());
    let job = Job::variant(folder.path(), "tls", &[CUT]);
    let hosts = addresses(3);
    let start = |index: usize, name: &str| {
        let file = |end: &str| folder.path().join(format!("{name}.{end}"));
        Member::start(&job, &hosts, index, &format!("{name}-"), &|index, command| {
            usual(index, command);
            command.env_remove("QUORATE_CLUSTER_SECRET");
            command.arg("--tls-ca").arg(folder.path().join("our-ca.pem"));
            command.arg("--tls-cert").arg(file("pem")).arg("--tls-key").arg(file("key"));
        })
    };
    let mut crew = Crew { members: vec![start(0, "node-0"), start(1, "node-1")] };
    let false_one = start(2, "false");
    // What is not TLS is told so by TLS itself, in an alert of seven bytes.
    wait_for("process 0 to listen", || TcpStream::connect(&hosts[0]).ok());
    assert!(said_to(&hosts[0], b"GET / HTTP/1.1\r\n\r\n") <= 7);
    wait_for("the certificate to be refused", || {
        crew.members[0].has_said("was not let in: invalid peer certificate").then_some(())
    });
    drop(false_one);
    crew.members.push(start(2, "node-2"));
    comes_right(&mut crew, &job, &expected, "TLS");
}
