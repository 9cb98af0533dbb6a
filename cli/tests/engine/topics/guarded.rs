//! Brokers that ask who we are.

use std::fs;
use std::path::Path;

use quorate_broker::{Broker, Real};

use super::rig::{Running, following, refused, send_votes, wait_for_rows};
use crate::job::{Job, quorate, text};

/// The job that follows `topic` of the brokers at `address`, which it reaches as `more` says.
fn reaching(folder: &Path, topic: &str, address: &str, more: &str) -> Job {
    let job = following(folder, topic, topic, "");
    let file = fs::read_to_string(&job.file).unwrap();
    let file = file.replace(Broker::shared().address(), address);
    Job::written(folder, topic, &file.replace("[source.votes]", &format!("{more}\n[source.votes]")))
}

fn scram(real: &Real, folder: &Path, password: &str) -> String {
    fs::write(folder.join("word"), password).unwrap();
    format!(
        "[kafka.tls]\nca = \"{}\"\n[kafka.sasl]\nmechanism = \"scram-sha-512\"\nusername = \"{}\"\n\
         password = {{ file = \"word\" }}\n",
        real.fact("KAFKA_CA"),
        real.fact("KAFKA_SCRAM512_USER")
    )
}

#[test]
fn a_password_under_tls_lets_us_in_and_is_shown_nowhere() {
    let Some(real) = Broker::real("passwords under TLS") else { return };
    let folder = tempfile::tempdir().unwrap();
    send_votes(&Broker::shared().topic("guarded", 1), 0, 0..5);
    let password = real.fact("KAFKA_SCRAM_PASSWORD");
    let how = scram(real, folder.path(), password);
    let job = reaching(folder.path(), "guarded", real.fact("KAFKA_SASL_SSL"), &how);
    let running = Running::of(&job);
    wait_for_rows(&job, &[("guarded/0", 5)]);
    let mut said = running.stop();
    for command in ["plan", "validate"] {
        let output = quorate(&[command, job.file.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        said.push_str(&text(&output.stdout));
        said.push_str(&text(&output.stderr));
    }
    assert!(said.contains("1 partition, first 5 rows: all good"), "{said}");
    assert!(!said.contains(password), "{said}");
    for file in walk(&folder.path().join("store-guarded")) {
        let bytes = fs::read(&file).unwrap();
        assert!(!text(&bytes).contains(password), "{}", file.display());
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_certificate_lets_us_in_and_a_strangers_does_not() {
    let Some(real) = Broker::real("certificates") else { return };
    let folder = tempfile::tempdir().unwrap();
    send_votes(&Broker::shared().topic("mutual", 1), 0, 0..5);
    let how = |whose: &str| {
        format!(
            "[kafka.tls]\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n",
            real.fact("KAFKA_CA"),
            real.fact(&format!("KAFKA_{whose}_CERTIFICATE")),
            real.fact(&format!("KAFKA_{whose}_KEY"))
        )
    };
    let address = real.fact("KAFKA_SSL");
    let job = reaching(folder.path(), "mutual", address, &how("CLIENT"));
    let running = Running::of(&job);
    wait_for_rows(&job, &[("mutual/0", 5)]);
    running.stop();
    let stranger = reaching(folder.path(), "mutual", address, &how("STRANGER"));
    let said = refused(&stranger);
    assert!(said.contains("check [kafka.tls]"), "{said}");
}

#[test]
fn a_wrong_password_stops_the_job_and_says_what_to_check() {
    let Some(real) = Broker::real("a wrong password") else { return };
    let folder = tempfile::tempdir().unwrap();
    Broker::shared().topic("wrong", 1);
    let how = scram(real, folder.path(), "not the password");
    let job = reaching(folder.path(), "wrong", real.fact("KAFKA_SASL_SSL"), &how);
    let said = refused(&job);
    assert!(said.contains("check [kafka.sasl]") && !said.contains("not the password"), "{said}");
    fs::remove_file(folder.path().join("word")).unwrap();
    let said = refused(&job);
    assert!(said.contains("word cannot be read"), "{said}");
}
