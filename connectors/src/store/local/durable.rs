//! Writing so that it is there after a crash of the machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::TempNames;
use crate::store::Creation;
use crate::store::problem::{Failure, Problem};

/// A temporary file, removed when it is dropped; renaming it away is fine.
struct Temp {
    path: PathBuf,
}

impl Drop for Temp {
    fn drop(&mut self) {
        // What cannot be removed now is swept when the store is next opened.
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) fn create(target: &Path, temps: &TempNames, bytes: &[u8]) -> Result<Creation, Failure> {
    let temp = write_temp(target, temps, bytes)?;
    let creation = match fs::hard_link(&temp.path, target) {
        Ok(()) => Creation::Created,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Creation::Exists,
        Err(error) => return Err(link_failure(error)),
    };
    match sync_directory(parent(target)) {
        Ok(()) => Ok(creation),
        // The object is there, but may be gone after a power cut. Only reading it later tells.
        Err(error) => {
            tracing::warn!(path = %target.display(), %error, "cannot sync the directory");
            Ok(Creation::Unknown)
        }
    }
}

pub(super) fn put(target: &Path, temps: &TempNames, bytes: &[u8]) -> Result<(), Failure> {
    let temp = write_temp(target, temps, bytes)?;
    fs::rename(&temp.path, target)?;
    Ok(sync_directory(parent(target))?)
}

/// Removes a file. Not synced: one that comes back after a power cut is removed again by whoever sweeps.
pub(super) fn delete(target: &Path) -> Result<(), Failure> {
    match fs::remove_file(target) {
        Err(error) if !is_absent(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Whether the error says that there is no such object.
pub(super) fn is_absent(error: &io::Error) -> bool {
    // A file in place of a directory: then there is nothing below it.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn write_temp(target: &Path, temps: &TempNames, bytes: &[u8]) -> Result<Temp, Failure> {
    let directory = parent(target);
    let (mut file, path) = loop {
        let path = directory.join(temps.next());
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => break (file, path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == ErrorKind::NotFound => make_directory(directory)?,
            Err(error) => return Err(error.into()),
        }
    };
    let temp = Temp { path };
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temp)
}

fn parent(target: &Path) -> &Path {
    target.parent().expect("an object lies below the store's root")
}

/// Makes a directory and those above it, so that they last.
fn make_directory(directory: &Path) -> Result<(), Failure> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_directory(above)?;
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        Err(_) if !directory.is_dir() => return Err(Problem::NotADirectory.into()),
        // Where another made it just now, it may not have been synced yet.
        _ => {}
    }
    Ok(above.map_or(Ok(()), sync_directory)?)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some network file systems cannot, because there is nothing to do.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

fn link_failure(error: io::Error) -> Failure {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        // EPERM, unlike EACCES, is what file systems without links answer.
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {
            Failure::new(Problem::NoHardLinks, error)
        }
        _ => error.into(),
    }
}
