//! The files in which programs for S3 keep credentials: `~/.aws/credentials` and `~/.aws/config`.
//!
//! The library knows the environment, web identities and the roles of containers and machines, but not these. They
//! stand between: keys in the environment go before them, roles come after. They are read once, when a store is opened,
//! and nothing of them is ever said but the profile's name and the files'.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where to look, as the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// `AWS_PROFILE`, if somebody set it.
    pub(super) profile: Option<String>,
    pub(super) credentials: Option<PathBuf>,
    pub(super) config: Option<PathBuf>,
}

/// What a profile says.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) keys: Option<Keys>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    /// A role, and the file of the token by which it is had.
    pub(super) web_identity: Option<(String, String)>,
}

/// Keys, which are never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("keys", &self.keys).field("region", &self.region).finish()
    }
}

type Section = BTreeMap<String, String>;

impl Place {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the library reads its own variables, beside it"
    )]
    pub(super) fn of_environment() -> Place {
        let of = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let home = |file| of("HOME").map(|home| Path::new(&home).join(".aws").join(file));
        let file = |name, file| of(name).map(PathBuf::from).or_else(|| home(file));
        Place {
            profile: of("AWS_PROFILE"),
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: file("AWS_CONFIG_FILE", "config"),
        }
    }

    /// The profile that is meant: nothing where none is named and there is no default one.
    ///
    /// # Errors
    /// If a profile that is named is not there, or gets its keys in a way that is not built in.
    pub(super) fn read(&self) -> Result<Option<Profile>, String> {
        let name = self.profile.as_deref().unwrap_or("default");
        let (credentials, config) = (sections(&self.credentials)?, sections(&self.config)?);
        let in_config = match name {
            "default" => config.get(name).or_else(|| config.get("profile default")),
            name => config.get(&format!("profile {name}")),
        };
        let found: Vec<&Section> =
            [credentials.get(name), in_config].into_iter().flatten().collect();
        if found.is_empty() {
            return match &self.profile {
                None => Ok(None),
                Some(name) => Err(format!(
                    "there is no profile {name:?} in {self}: correct AWS_PROFILE, or add it"
                )),
            };
        }
        let of = |key: &str| found.iter().find_map(|section| section.get(key)).cloned();
        let keys = match (of("aws_access_key_id"), of("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Some(Keys { id, secret, token: of("aws_session_token") }),
            (None, None) => None,
            _ => {
                return Err(format!(
                    "profile {name:?} in {self} has one of aws_access_key_id and aws_secret_access_key: write both"
                ));
            }
        };
        let web_identity = of("role_arn").zip(of("web_identity_token_file"));
        let other = [
            "credential_process",
            "sso_session",
            "sso_start_url",
            "source_profile",
            "credential_source",
        ];
        if let Some(key) = other.into_iter().find(|key| of(key).is_some())
            && keys.is_none()
            && web_identity.is_none()
        {
            return Err(format!(
                "profile {name:?} in {self} gets its keys by {key}, which is not built in: run `eval \"$(aws configure \
                 export-credentials --profile {name} --format env)\"` first, or use a role of the machine"
            ));
        }
        let (region, endpoint) = (of("region"), of("endpoint_url"));
        Ok(Some(Profile { keys, region, endpoint, web_identity }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<String> = [&self.credentials, &self.config]
            .into_iter()
            .flatten()
            .map(|path| path.display().to_string())
            .collect();
        f.write_str(&files.join(" and "))
    }
}

/// The sections of a file; none, if it is not there.
fn sections(path: &Option<PathBuf>) -> Result<BTreeMap<String, Section>, String> {
    let Some(path) = path else {
        return Ok(BTreeMap::new());
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

fn parse(text: &str) -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut name = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = trimmed.strip_prefix('[').and_then(|line| line.split(']').next()) {
            // Any spaces between the words are one.
            name = Some(header.split_whitespace().collect::<Vec<_>>().join(" "));
            continue;
        }
        // What is indented belongs to the key above it: settings of one service.
        if let (Some(name), Some((key, value))) = (&name, trimmed.split_once('='))
            && !line.starts_with([' ', '\t'])
        {
            let section = sections.entry(name.clone()).or_default();
            section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
# of a person
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=abc/def+ghi=

[ team ]
aws_access_key_id = AKIATEAM
aws_secret_access_key = s
aws_session_token = t
[half]
aws_access_key_id = AKIAHALF
";
    const CONFIG: &str = "\
[default]
region = eu-central-1
s3 =
  max_concurrent_requests = 20
  region = nowhere
[profile  team]
endpoint_url = http://127.0.0.1:9000
; a comment
[profile login]
sso_session = corp
[profile pod]
role_arn = arn:aws:iam::1:role/x
web_identity_token_file = /var/run/token
";

    fn check(
        profile: Option<&str>,
        expected: Result<Option<(&str, &str)>, &str>,
    ) -> Option<Profile> {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let place = Place {
            profile: profile.map(str::to_owned),
            credentials: file("credentials", CREDENTIALS),
            config: file("config", CONFIG),
        };
        match (place.read(), expected) {
            (Ok(found), Ok(expected)) => {
                let keys = found.as_ref().and_then(|found| found.keys.clone());
                let keys = keys.as_ref().map(|keys| (keys.id.as_str(), keys.secret.as_str()));
                assert_eq!(keys, expected, "{profile:?}");
                found
            }
            (Err(said), Err(expected)) => {
                assert!(said.contains(expected), "{said} does not say {expected}");
                assert!(!said.contains("AKIA"), "keys are nobody's business: {said}");
                None
            }
            (got, expected) => panic!("{profile:?}: {got:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_profile_is_found_in_both_files() {
        let default = check(None, Ok(Some(("AKIADEFAULT", "abc/def+ghi=")))).unwrap();
        assert_eq!(default.region.as_deref(), Some("eu-central-1"));
        let team = check(Some("team"), Ok(Some(("AKIATEAM", "s")))).unwrap();
        assert_eq!(team.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(team.keys.unwrap().token.as_deref(), Some("t"));
        let pod = check(Some("pod"), Ok(None)).unwrap();
        assert_eq!(pod.web_identity.unwrap().1, "/var/run/token");
    }

    #[test]
    fn a_profile_that_cannot_be_used_says_why() {
        check(Some("nobody"), Err("no profile \"nobody\""));
        check(Some("half"), Err("write both"));
        check(Some("login"), Err("by sso_session, which is not built in"));
    }

    #[test]
    fn without_files_there_is_no_profile_and_keys_are_never_shown() {
        assert_eq!(Place::default().read(), Ok(None));
        let missing = Place { credentials: Some("/nonexistent/file".into()), ..Place::default() };
        assert_eq!(missing.read(), Ok(None));
        let keys = Keys { id: "AKIAX".into(), secret: "hidden".into(), token: None };
        let profile = Profile { keys: Some(keys), ..Profile::default() };
        assert!(!format!("{profile:?}").contains("hidden"));
    }
}
