//! Objects as files below a directory.
//!
//! ```text
//! create:  temporary file ─► write ─► fsync ─► link(path)   ─► fsync directory ─► unlink temporary
//! put:     temporary file ─► write ─► fsync ─► rename(path) ─► fsync directory
//! ```
//!
//! 1. A file gets its name when its bytes are on the disk, so no crash shows half a file.
//! 2. `link` fails if the name is taken: that is what makes a creation exclusive, between processes too.
//! 3. A creation is reported when the directory is on the disk; so is *exists*, since whoever hears that will build
//!    on the other's object.
//! 4. Directories are made when they are needed, each one's parent synced before anything is put into it.
//! 5. What crashed writers leave are temporary files. Listings don't show them, and opening the store removes those
//!    that are an hour old.
//!
//! (`object_store` 0.13 stages and links too, but never syncs.) All of it blocks, on tokio's threads for that.

mod durable;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use object_store::GetRange;

use super::backend::Found;
use super::problem::{Failure, Problem};
use super::{Creation, Listed};

/// How the names of temporary files begin.
pub(super) const TEMP_PREFIX: &str = ".quorate-";

/// A temporary file that was not written to for this long has no writer any more.
const DEAD_AFTER_MS: u64 = 60 * 60 * 1_000;

/// A store in a directory.
pub(super) struct Local {
    root: Arc<Path>,
    temps: Arc<TempNames>,
}

/// Names for temporary files that no living process uses: the process's id tells two on one machine apart, the time
/// of opening two lives of one id (in a container it is always 1), a number two writes. Where machines share a disk
/// and all of that meets, opening exclusively fails and the next name is taken.
struct TempNames {
    stem: String,
}

impl TempNames {
    fn next(&self) -> PathBuf {
        // One row of numbers for all stores of the process, since two may be opened within a millisecond.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        PathBuf::from(format!("{}-{}", self.stem, NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Local {
    /// The store at `root`, which need not exist.
    pub(super) async fn open(root: &Path) -> Result<Local, Failure> {
        let root: Arc<Path> = Arc::from(root);
        let sweep = root.clone();
        blocking(move || {
            if sweep.exists() && !sweep.is_dir() {
                return Err(Problem::NotADirectory.into());
            }
            let dead_before_ms = super::memory::wall_ms().saturating_sub(DEAD_AFTER_MS);
            let swept = walk::sweep(&sweep, dead_before_ms);
            if swept > 0 {
                tracing::info!(store = %sweep.display(), swept, "removed what crashed writers left half written");
            }
            Ok(())
        })
        .await?;
        let stem = format!("{TEMP_PREFIX}{}-{}", std::process::id(), super::memory::wall_ms());
        Ok(Local { root, temps: Arc::new(TempNames { stem }) })
    }

    pub(super) async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation, Failure> {
        let (target, temps) = (self.root.join(path), self.temps.clone());
        blocking(move || durable::create(&target, &temps, &bytes)).await
    }

    pub(super) async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Failure> {
        let (target, temps) = (self.root.join(path), self.temps.clone());
        blocking(move || durable::put(&target, &temps, &bytes)).await
    }

    pub(super) async fn read(
        &self,
        path: &str,
        range: Option<GetRange>,
    ) -> Result<Option<Found>, Failure> {
        let (root, path) = (self.root.clone(), path.to_owned());
        blocking(move || walk::read(&root, &path, range)).await
    }

    pub(super) async fn head(&self, path: &str) -> Result<Option<Listed>, Failure> {
        let (root, path) = (self.root.clone(), path.to_owned());
        blocking(move || walk::head(&root, &path)).await
    }

    pub(super) async fn list(&self, prefix: &str, after: &str) -> Result<Vec<Listed>, Failure> {
        let (root, prefix, after) = (self.root.clone(), prefix.to_owned(), after.to_owned());
        blocking(move || walk::list(&root, &prefix, &after)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        let target = self.root.join(path);
        blocking(move || durable::delete(&target)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::new(Problem::Other, error)),
    }
}
