//! What the rendered manifest says of its pods.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

const RENDERED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/helm/rendered.json");

/// A probe over HTTP.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) path: String,
    pub(super) port: u64,
    pub(super) period: Duration,
    pub(super) timeout: Duration,
    pub(super) failures: u64,
}

/// A StatefulSet of one container.
#[derive(Clone, Debug)]
pub(super) struct StatefulSet {
    pub(super) replicas: usize,
    pub(super) grace_seconds: u64,
    pub(super) liveness: Probe,
    pub(super) readiness: Probe,
    /// The name of its headless service.
    service: String,
    /// Where its pods meet.
    port: u64,
    container: Value,
    volumes: Value,
}

/// What is there to be mounted: keys and values of secrets by their names, and the job.
pub(super) struct Mounted<'a> {
    pub(super) folder: &'a Path,
    pub(super) job: &'a str,
    pub(super) secrets: &'a [(&'a str, &'a [(&'a str, String)])],
}

impl Mounted<'_> {
    fn secret(&self, name: &str) -> &[(&str, String)] {
        let found = self.secrets.iter().find(|(secret, _)| *secret == name);
        found.unwrap_or_else(|| panic!("there is no secret {name}")).1
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn named<'a>(values: &'a Value, name: &str) -> &'a Value {
    let found = list(values).find(|value| value["name"] == name);
    found.unwrap_or_else(|| panic!("nothing is called {name} in {values}"))
}

impl StatefulSet {
    /// As it is kept in the repository.
    pub(super) fn read() -> StatefulSet {
        let rendered: Value = serde_json::from_str(&fs::read_to_string(RENDERED).unwrap()).unwrap();
        let (set, service) = (&rendered["StatefulSet"], &rendered["Service"]);
        let pod = &set["spec"]["template"]["spec"];
        let containers: Vec<&Value> = list(&pod["containers"]).collect();
        let [container] = containers[..] else { panic!("{} containers", containers.len()) };
        // Or no pod would have a name before it is ready, and none would ever be.
        let headless =
            (&service["spec"]["clusterIP"], &service["spec"]["publishNotReadyAddresses"]);
        assert_eq!(headless, (&"None".into(), &true.into()));
        assert_eq!(set["spec"]["serviceName"], service["metadata"]["name"]);
        assert_eq!(set["metadata"]["name"], service["metadata"]["name"], "pods are called so");
        StatefulSet {
            replicas: usize::try_from(set["spec"]["replicas"].as_u64().unwrap()).unwrap(),
            grace_seconds: pod["terminationGracePeriodSeconds"].as_u64().unwrap(),
            liveness: probe(container, "livenessProbe"),
            readiness: probe(container, "readinessProbe"),
            service: text(&service["metadata"]["name"]).to_owned(),
            port: named(&container["ports"], "cluster")["containerPort"].as_u64().unwrap(),
            container: container.clone(),
            volumes: pod["volumes"].clone(),
        }
    }

    /// The command of the pod `ordinal`, where `{}` in `addresses` stands for a pod's number.
    pub(super) fn command(
        &self,
        ordinal: usize,
        addresses: &str,
        mounted: &Mounted<'_>,
    ) -> Command {
        let address = addresses.replace("{}", &ordinal.to_string());
        let mounts = self.mount(ordinal, mounted);
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        command.env_clear().current_dir("/");
        let meeting = format!("{}:{}", self.service, self.port);
        let mut met = 0;
        for argument in list(&self.container["args"]) {
            let argument = text(argument);
            if argument == meeting {
                met += 1;
                command.arg(format!("{addresses}:{}", self.port));
            } else if let Some(port) = argument.strip_prefix("0.0.0.0:") {
                command.arg(format!("{address}:{port}"));
            } else {
                let at = mounts.iter().find(|(path, _)| argument.starts_with(path.as_str()));
                match at {
                    Some((path, folder)) => {
                        command.arg(argument.replace(path.as_str(), folder.to_str().unwrap()))
                    }
                    None => command.arg(argument),
                };
            }
        }
        assert_eq!(met, 1, "its pods meet at {meeting}");
        command.args(["--index", &ordinal.to_string()]);
        for secret in list(&self.container["envFrom"]) {
            let secret = mounted.secret(text(&secret["secretRef"]["name"]));
            command.envs(secret.iter().map(|(key, value)| (key, value)));
        }
        for variable in list(&self.container["env"]) {
            command.env(text(&variable["name"]), text(&variable["value"]));
        }
        command
    }

    /// Makes the volumes of a pod: where each is mounted, and the folder that stands for it.
    fn mount(&self, ordinal: usize, mounted: &Mounted<'_>) -> Vec<(String, PathBuf)> {
        let mount = |mount: &Value| {
            let name = text(&mount["name"]);
            let folder = mounted.folder.join(format!("pod-{ordinal}")).join(name);
            fs::create_dir_all(&folder).unwrap();
            let volume = named(&self.volumes, name);
            if volume["configMap"].is_object() {
                fs::write(folder.join("job.toml"), mounted.job).unwrap();
            } else {
                let secret = mounted.secret(text(&volume["secret"]["secretName"]));
                for item in list(&volume["secret"]["items"]) {
                    let found = secret.iter().find(|(key, _)| item["key"] == *key).unwrap();
                    fs::write(folder.join(text(&item["path"])), &found.1).unwrap();
                }
            }
            (text(&mount["mountPath"]).to_owned(), folder)
        };
        list(&self.container["volumeMounts"]).map(mount).collect()
    }
}

fn probe(container: &Value, kind: &str) -> Probe {
    let probe = &container[kind];
    let port = named(&container["ports"], text(&probe["httpGet"]["port"]));
    let seconds = |key: &str| Duration::from_secs(probe[key].as_u64().unwrap());
    Probe {
        path: text(&probe["httpGet"]["path"]).to_owned(),
        port: port["containerPort"].as_u64().unwrap(),
        period: seconds("periodSeconds"),
        timeout: seconds("timeoutSeconds"),
        failures: probe["failureThreshold"].as_u64().unwrap(),
    }
}
