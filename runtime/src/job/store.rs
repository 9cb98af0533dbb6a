//! `store`: where a job's log and tables are.

use std::path::{Component, Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

use super::finding::plain;
use super::section::{Findings, Given, Wrong};
use super::shape::{Reader, Shape};
use super::value;

const DEFAULT: &str = "./quorate-data";

/// A path or a URL whose scheme this build knows.
pub(super) fn reader() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<String, Wrong>> {
    Reader::new(Shape::Text(value::FILLED), read)
}

fn read(value: &Spanned<DeValue<'_>>) -> Result<String, Wrong> {
    const FORMS: &str = "write a path, file:///path or s3://bucket/prefix";
    let text = value::filled(value)?;
    if text.starts_with("~/") {
        return Err(Wrong::new(
            "`~` is the shell's and is not expanded here",
            "write the whole path",
        ));
    }
    if text.contains('\0') {
        return Err(Wrong::new("a path has no NUL in it", FORMS));
    }
    match text.split_once("://") {
        None => Ok(text.to_owned()),
        Some(("memory", "")) => Ok(text.to_owned()),
        Some(("memory", _)) => Err(Wrong::new("a store in memory has no path", "write memory://")),
        Some(("file", rest)) if rest.starts_with('/') => Ok(text.to_owned()),
        Some(("file", _)) => Err(Wrong::new(
            "a file:// URL needs a whole path",
            "write file:///path, or a plain path",
        )),
        Some(("s3", rest)) if !rest.is_empty() && !rest.starts_with('/') => Ok(text.to_owned()),
        Some(("s3", _)) => Err(Wrong::new("names no bucket", "write s3://bucket/prefix")),
        Some((scheme @ ("gs" | "az" | "abfs" | "abfss"), _)) => {
            Err(Wrong::new(format!("{scheme}:// is not built in yet"), FORMS))
        }
        Some((scheme, _)) => Err(Wrong::new(format!("{}:// is not a store", plain(scheme)), FORMS)),
    }
}

/// The path or URL to open, no longer relative to the job file.
pub(super) fn resolve(given: Given<String>, folder: &Path, found: &mut Findings<'_>) -> String {
    let span = given.as_ref().map(Spanned::span);
    let store = given.map_or_else(|| DEFAULT.to_owned(), Spanned::into_inner);
    if store.starts_with("memory:") {
        let message = "a store in memory is gone when the run ends";
        found.warn(
            span.as_ref(),
            "store",
            message,
            "fine for a trial; write a path to keep the tables",
        );
    }
    if store.contains("://") {
        return store;
    }
    // Without the `./` that people write, since it is shown again and again.
    let path: PathBuf =
        folder.join(&store).components().filter(|part| *part != Component::CurDir).collect();
    match path.to_str() {
        // What is left of `.` is nothing.
        Some("") => ".".to_owned(),
        Some(path) => path.to_owned(),
        None => {
            let message = format!("the folder {} has a name that is not UTF-8", folder.display());
            found.error(
                span.as_ref(),
                "store",
                message,
                "rename it, or write the store's whole path",
            );
            store
        }
    }
}
