//! What must not be written down: a reference to it stands in its place until it is needed.

use std::fmt;
use std::fs;
use std::path::PathBuf;

/// Where a secret is found. It is read when a client is made, and kept nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// In this variable of the environment.
    Environment(String),
    /// In this file, without the line end behind it.
    File(PathBuf),
}

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    /// Why it is not there, in words that name the reference and never the content.
    pub fn reveal(&self) -> Result<String, String> {
        let found = match self {
            Secret::Environment(name) => variable(name),
            Secret::File(path) => fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
                .map_err(|error| format!("{self} cannot be read: {error}")),
        }?;
        if found.is_empty() { Err(format!("{self} is empty")) } else { Ok(found) }
    }
}

#[expect(clippy::disallowed_methods, reason = "a secret is named in the job file and never kept")]
fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => {
            format!("the environment variable {name} is not set where this runs")
        }
        std::env::VarError::NotUnicode(_) => {
            format!("the environment variable {name} is no text")
        }
    })
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Environment(name) => write!(f, "the environment variable {name}"),
            Secret::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_where_it_lies_and_shown_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("word");
        fs::write(&path, "open sesame\n").unwrap();
        let secret = Secret::File(path.clone());
        assert_eq!(secret.reveal().unwrap(), "open sesame");
        assert!(!format!("{secret:?} {secret}").contains("sesame"));
        fs::write(&path, "\n").unwrap();
        assert!(secret.reveal().unwrap_err().ends_with("is empty"));
        let none = Secret::Environment("QUORATE_NO_SUCH_SECRET".to_owned());
        assert!(none.reveal().unwrap_err().contains("QUORATE_NO_SUCH_SECRET is not set"));
    }
}
