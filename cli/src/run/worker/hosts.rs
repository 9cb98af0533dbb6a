//! Where a worker learns who is in its cluster: a list, a file, or the names of a headless service.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use quorate_runtime::cluster::{Hosts, of_service, ordinal};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Membership {
    #[command(flatten)]
    who: Who,
    /// How many pods there are
    #[arg(long, value_name = "N", conflicts_with_all = ["hosts", "hosts_file"])]
    count: Option<usize>,
    /// Which of the hosts this one is, from 0 [default: the number at the end of this machine's name, as in panel-2]
    #[arg(long, value_name = "I")]
    index: Option<usize>,
}

#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// Every process of the cluster, this one too, in the same order everywhere
    #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',')]
    hosts: Vec<String>,
    /// A file with one HOST:PORT a line; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    hosts_file: Option<PathBuf>,
    /// The pods of a headless service: NAME-0.NAME:PORT and so on, or any name with {} in place of the number
    #[arg(long, value_name = "NAME:PORT", requires = "count")]
    hosts_dns: Option<String>,
}

impl Membership {
    pub(super) fn read(&self) -> anyhow::Result<Hosts> {
        let entries = match (&self.who.hosts_file, &self.who.hosts_dns) {
            (Some(file), _) => {
                let text = fs::read_to_string(file);
                let text = text.with_context(|| format!("the hosts {}", file.display()))?;
                text.lines().map(|line| line.split('#').next().unwrap_or(line).to_owned()).collect()
            }
            (None, Some(service)) => of_service(service, self.count.unwrap_or(0)),
            (None, None) => self.who.hosts.clone(),
        };
        let index = match self.index {
            Some(index) => index,
            None => ordinal(&quorate_runtime::cluster::machine())?,
        };
        Ok(Hosts::new(entries.iter().map(String::as_str), index)?)
    }
}
