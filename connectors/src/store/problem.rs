use std::fmt;
use std::io::{self, ErrorKind};

use crate::error::Cause;

/// What was tried on a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// To open the store.
    Open,
    /// To create an object that is not there.
    Create,
    /// To write an object, whatever was there.
    Put,
    /// To read an object or a part of it.
    Get,
    /// To ask for an object's size and age.
    Head,
    /// To list objects.
    List,
    /// To remove an object.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Open => "open",
            Operation::Create => "create",
            Operation::Put => "write",
            Operation::Get => "read",
            Operation::Head => "look up",
            Operation::List => "list",
            Operation::Delete => "delete",
        })
    }
}

/// What is in the way of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The disk or the quota is full.
    #[error("no space is left")]
    NoSpace,
    /// The operating system or the service refuses.
    #[error("permission denied")]
    Denied,
    /// The service does not know who asks.
    #[error("the credentials were not accepted")]
    Unauthenticated,
    /// The file system is mounted for reading only.
    #[error("the file system is read-only")]
    ReadOnly,
    /// A file stands where a directory should be.
    #[error("a part of the path is a file and not a directory")]
    NotADirectory,
    /// A directory stands where an object should be.
    #[error("there is a directory of this name")]
    IsADirectory,
    /// The file system cannot link, by which objects are created.
    #[error("the file system has no hard links")]
    NoHardLinks,
    /// The process has too many files open.
    #[error("too many files are open")]
    TooManyFiles,
    /// The bucket is not there.
    #[error("the bucket does not exist")]
    NoBucket,
    /// The path has a form that not every store can hold.
    #[error("the path is not a plain relative one")]
    BadPath,
    /// No answer within the deadline.
    #[error("no answer within the deadline")]
    TimedOut,
    /// The service could not be reached, or says that it is overloaded or broken.
    #[error("the store is out of reach or overloaded")]
    Unreachable,
    /// Something else; the source says what.
    #[error("the store refused")]
    Other,
}

impl Problem {
    /// Whether it may pass by itself, or by what an operator does to the machine while the job waits.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Problem::NoSpace | Problem::TooManyFiles | Problem::TimedOut | Problem::Unreachable
        )
    }

    /// Whether trying again within seconds makes sense. A full disk is not emptied as fast as that.
    pub(super) fn passes_soon(self) -> bool {
        matches!(self, Problem::TimedOut | Problem::Unreachable)
    }

    /// What a person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Problem::NoSpace => "free space or raise the quota; the job waits and tries again",
            Problem::Denied => {
                "give the user that runs the job the right to read, write and delete here"
            }
            Problem::Unauthenticated => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's role"
            }
            Problem::ReadOnly => "mount it for writing, or choose another store",
            Problem::NotADirectory => "move that file away, or choose another store",
            Problem::IsADirectory => "move that directory away, or choose another store",
            Problem::NoHardLinks => {
                "use a file system that has them (ext4, xfs, btrfs, zfs, apfs, nfs), or s3://"
            }
            Problem::TooManyFiles => "raise the limit of open files (`ulimit -n`)",
            Problem::NoBucket => "create the bucket, or correct the store's address",
            Problem::BadPath => {
                "use letters, digits and any of . _ - = + @ in names, separated by /"
            }
            Problem::TimedOut | Problem::Unreachable => {
                "check the network and the service; the job tries again"
            }
            Problem::Other => "see the cause",
        }
    }
}

/// Why one attempt failed: without effect, or with one that repeating it does not change.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    pub(super) source: Option<Cause>,
}

impl Failure {
    pub(super) fn new(problem: Problem, source: impl Into<Cause>) -> Failure {
        Failure { problem, source: Some(source.into()) }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure { problem, source: None }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let problem = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Problem::NoSpace,
            ErrorKind::PermissionDenied => Problem::Denied,
            ErrorKind::ReadOnlyFilesystem => Problem::ReadOnly,
            ErrorKind::NotADirectory => Problem::NotADirectory,
            ErrorKind::IsADirectory => Problem::IsADirectory,
            ErrorKind::TimedOut => Problem::TimedOut,
            ErrorKind::InvalidFilename => Problem::BadPath,
            _ => match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => Problem::TooManyFiles,
                _ => Problem::Other,
            },
        };
        Failure::new(problem, error)
    }
}
