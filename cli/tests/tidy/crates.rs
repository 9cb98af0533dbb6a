//! The workspace's crates as `cargo metadata` tells them: names, folders and direct dependencies.
//!
//! With `--no-deps` nothing is resolved, so it needs neither the network nor a lock file.

use std::process::Command;

use serde_json::Value;

use crate::tree::checkout;

/// A member of the workspace.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Relative to the checkout.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A direct dependency, under the name it has in the registry whatever it is renamed to.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// For tests and benches alone.
    pub(crate) is_dev: bool,
}

/// Asks cargo, the one that runs this test.
pub(crate) fn of_workspace() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(checkout())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let root = text(&metadata, "workspace_root");
    list(&metadata, "packages").iter().map(|package| read(package, root)).collect()
}

fn read(package: &Value, root: &str) -> Crate {
    let manifest = text(package, "manifest_path");
    let folder = manifest.strip_prefix(root).expect("a member is below the root");
    let dependency = |dependency: &Value| Dependency {
        name: text(dependency, "name").into(),
        is_dev: dependency["kind"] == "dev",
    };
    Crate {
        name: text(package, "name").into(),
        folder: folder.trim_start_matches('/').trim_end_matches("/Cargo.toml").into(),
        dependencies: list(package, "dependencies").iter().map(dependency).collect(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("cargo metadata has a text `{key}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("cargo metadata has a list `{key}`"))
}

#[test]
fn this_crate_is_found_with_its_folder_and_dependencies() {
    let crates = of_workspace();
    let here = crates.iter().find(|found| found.name == "quorate").expect("the binary is a member");
    assert_eq!(here.folder, "cli");
    assert!(here.dependencies.iter().any(|dependency| dependency.name == "serde_json"));
}
