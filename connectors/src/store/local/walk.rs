//! Reading: one file, or all below a directory.

use std::fs::{self, DirEntry, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use object_store::GetRange;

use super::TEMP_PREFIX;
use super::durable::is_absent;
use crate::store::Listed;
use crate::store::backend::Found;
use crate::store::problem::{Failure, Problem};

pub(super) fn read(
    root: &Path,
    path: &str,
    range: Option<GetRange>,
) -> Result<Option<Found>, Failure> {
    let mut file = match File::open(root.join(path)) {
        Err(error) if is_absent(&error) => return Ok(None),
        opened => opened?,
    };
    let Some(object) = listed(path, &file.metadata()?) else { return Ok(None) };
    let range = match range {
        None => 0..object.size,
        Some(range) => range
            .as_range(object.size)
            .map_err(|error| Failure::new(Problem::Other, error.to_string()))?,
    };
    let length = usize::try_from(range.end - range.start)
        .map_err(|error| Failure::new(Problem::Other, error))?;
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(range.start))?;
    file.read_exact(&mut bytes)?;
    Ok(Some(Found { object, from: range.start, bytes: bytes.into() }))
}

pub(super) fn head(root: &Path, path: &str) -> Result<Option<Listed>, Failure> {
    match fs::metadata(root.join(path)) {
        Err(error) if is_absent(&error) => Ok(None),
        metadata => Ok(listed(path, &metadata?)),
    }
}

pub(super) fn list(root: &Path, prefix: &str, after: &str) -> Result<Vec<Listed>, Failure> {
    let mut found = Vec::new();
    walk(root, prefix, &mut |path, entry| {
        if !is_temp(entry) && path > after {
            match fs::metadata(entry.path()) {
                // Removed since the directory was read.
                Err(error) if is_absent(&error) => {}
                metadata => found.extend(listed(path, &metadata?)),
            }
        }
        Ok(())
    })?;
    found.sort();
    Ok(found)
}

/// Removes temporary files that nobody has written to since `dead_before_ms`; counts them. What stands in the way
/// of sweeping must not stand in the way of the job, so failures are only logged.
pub(super) fn sweep(root: &Path, dead_before_ms: u64) -> u64 {
    let mut swept = 0;
    let walked = walk(root, "", &mut |_, entry| {
        if is_temp(entry)
            && entry.metadata().is_ok_and(|metadata| modified_ms(&metadata) < dead_before_ms)
        {
            swept += u64::from(fs::remove_file(entry.path()).is_ok());
        }
        Ok(())
    });
    if let Err(error) = walked {
        tracing::debug!(root = %root.display(), %error, "cannot look for half-written files");
    }
    swept
}

/// Visits every file below `directory` of `root`. Links to directories are not followed: they could lead in circles.
fn walk(
    root: &Path,
    directory: &str,
    visit: &mut impl FnMut(&str, &DirEntry) -> io::Result<()>,
) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(directory)) {
        Err(error) if is_absent(&error) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        // Not ours: the names of all objects are plain.
        let Some(name) = name.to_str() else { continue };
        let path =
            if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
        if entry.file_type()?.is_dir() {
            walk(root, &path, visit)?;
        } else {
            visit(&path, &entry)?;
        }
    }
    Ok(())
}

fn is_temp(entry: &DirEntry) -> bool {
    entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMP_PREFIX))
}

fn listed(path: &str, metadata: &Metadata) -> Option<Listed> {
    let (size, modified_ms) = (metadata.len(), modified_ms(metadata));
    metadata.is_file().then(|| Listed { path: path.to_owned(), size, modified_ms })
}

fn modified_ms(metadata: &Metadata) -> u64 {
    let age = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    age.map_or(0, |age| age.as_millis() as u64)
}
