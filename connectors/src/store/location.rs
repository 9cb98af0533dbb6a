use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::path;
use super::problem::Operation;
use crate::error::Error;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// In this process.
    Memory,
    /// In this directory, given from the root.
    Local(PathBuf),
    /// In this bucket, below this prefix.
    S3 { bucket: String, prefix: String },
}

impl Location {
    pub(super) fn parse(text: &str) -> Result<Location, Error> {
        let bad =
            |reason: &str| Error::Location { location: text.to_owned(), reason: reason.to_owned() };
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text {
                "" => Err(bad(
                    "it is empty: give a directory or an address such as s3://bucket/prefix",
                )),
                path => Ok(Location::Local(
                    std::path::absolute(path).map_err(|error| bad(&error.to_string()))?,
                )),
            };
        };
        match scheme {
            "memory" if rest.is_empty() => Ok(Location::Memory),
            "memory" => Err(bad("a store in memory has no name: use memory://")),
            "file" => match Url::parse(text).ok().and_then(|url| url.to_file_path().ok()) {
                Some(path) => Ok(Location::Local(path)),
                None => Err(bad("file:// takes a path from the root: file:///srv/quorate")),
            },
            "s3" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let prefix = prefix.trim_end_matches('/');
                let plain_bucket =
                    |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
                if bucket.is_empty() || !bucket.bytes().all(plain_bucket) {
                    return Err(bad("it names no bucket: use s3://bucket/prefix"));
                }
                if path::check(Operation::List, prefix).is_err() {
                    return Err(bad(
                        "the prefix may hold letters, digits and . _ - = + @ between single slashes",
                    ));
                }
                Ok(Location::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
            }
            "gs" | "gcs" | "az" | "azure" | "abfs" | "abfss" | "adl" => Err(bad(
                "stores on Google Cloud and Azure are not built in yet: use a directory, file://, memory:// or s3://",
            )),
            _ => Err(bad(
                "no store has this scheme: use a directory, file://, memory:// or s3://bucket/prefix",
            )),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Memory => f.write_str("memory://"),
            Location::Local(root) => write!(f, "{}", root.display()),
            Location::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Location::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match Location::parse(text) {
            Ok(location) => location.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(expected), "{text:?} gave {got:?}, not {expected:?}");
    }

    #[test]
    fn a_location_is_a_path_or_a_known_scheme() {
        check("/srv/q", "/srv/q");
        check("data/q", "/data/q");
        check("file:///srv/a%20b", "/srv/a b");
        check("memory://", "memory://");
        check("s3://bucket", "s3://bucket");
        check("s3://bucket/a/b/", "s3://bucket/a/b");
    }

    #[test]
    fn a_location_that_is_none_says_what_would_be() {
        check("", "give a directory");
        check("file://data", "from the root");
        check("memory://x", "has no name");
        check("s3:///x", "names no bucket");
        check("s3://b/a//b", "single slashes");
        check("s3://b/x?y=1", "prefix may hold");
        check("gs://b/x", "not built in yet");
        check("az://b/x", "not built in yet");
        check("http://x", "no store has this scheme");
    }
}
