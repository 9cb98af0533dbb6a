//! Who writes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RandomId;

/// Who wrote a record.
///
/// Two starts of the program may have the same place, the same process id (in a container it is always 1) and the
/// same clock. `instance` alone tells them apart; without it two of them could write the same claim byte for byte,
/// read it back, and both take it for their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The machine's name.
    pub host: String,
    /// The user it ran as.
    pub user: String,
    /// The working directory.
    pub directory: String,
    /// The process id. For people only.
    pub pid: u32,
    /// Drawn at random at each start of the program.
    pub instance: RandomId,
}

impl Owner {
    /// Whether both are starts in one place (host, user and directory): then the older one is taken to be gone, or
    /// to be meant to go, and the newer takes over without waiting.
    pub fn same_place(&self, other: &Owner) -> bool {
        (&self.host, &self.user, &self.directory) == (&other.host, &other.user, &other.directory)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{} (pid {})", self.user, self.host, self.directory, self.pid)
    }
}
