//! What an answer of the service means.
//!
//! | answer to a conditional put | meaning |
//! |---|---|
//! | 200 | created |
//! | 412 | exists |
//! | 409 | unknown: S3 saw two at once; there may be no object |
//! | 400, 401, 403, 404, 429, no connection | refused before anything happened |
//! | no credentials to be had | never sent |
//! | 5xx, a broken connection, no answer | unknown |

use std::error::Error as StdError;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

use crate::store::Creation;
use crate::store::problem::{Failure, Problem};

/// What became of a creation that was answered by `error`.
pub(super) fn after_create(error: Error) -> Result<Creation, Failure> {
    if let Error::AlreadyExists { source, .. } = &error {
        // The library makes one error of 412, which it has seen as a precondition, and of 409.
        return Ok(if status(source.as_ref()) == Some(409) {
            Creation::Unknown
        } else {
            Creation::Exists
        });
    }
    let refused = match status(&error) {
        Some(status) => (400..500).contains(&status) && status != 408,
        None => match &error {
            // Never sent.
            Error::Generic { source, .. } if wants_credentials(source.as_ref()) => true,
            Error::Generic { source, .. } => {
                transport(source.as_ref()) == Some(HttpErrorKind::Connect)
            }
            _ => true,
        },
    };
    if refused {
        return Err(failure(error));
    }
    tracing::warn!(%error, "no certain answer to a creation: the object may exist");
    Ok(Creation::Unknown)
}

/// Why an operation failed that got `error` for an answer.
pub(super) fn failure(error: Error) -> Failure {
    let problem = match &error {
        Error::PermissionDenied { .. } => Problem::Denied,
        Error::Unauthenticated { .. } => Problem::Unauthenticated,
        Error::InvalidPath { .. } => Problem::BadPath,
        // An object that is absent has been dealt with, so it is what would hold it.
        Error::NotFound { .. } => Problem::NoBucket,
        Error::Generic { source, .. } if wants_credentials(source.as_ref()) => {
            Problem::Unauthenticated
        }
        Error::Generic { source, .. } => match status(&error) {
            Some(429 | 408 | 500..=599) => Problem::Unreachable,
            Some(_) => Problem::Other,
            None => match transport(source.as_ref()) {
                Some(HttpErrorKind::Timeout) => Problem::TimedOut,
                Some(_) => Problem::Unreachable,
                None => Problem::Other,
            },
        },
        _ => Problem::Other,
    };
    Failure::new(problem, error)
}

/// The status of the response, if there was one. The library's type for it is private, but not its text.
fn status(error: &(dyn StdError + 'static)) -> Option<u16> {
    const MARK: &str = "status code: ";
    causes(error).find_map(|cause| {
        let text = cause.to_string();
        let digits = text.split_once(MARK)?.1.get(..3)?;
        digits.parse().ok()
    })
}

/// How the connection failed, if it did.
fn transport(error: &(dyn StdError + 'static)) -> Option<HttpErrorKind> {
    causes(error).find_map(|cause| cause.downcast_ref::<HttpError>()).map(HttpError::kind)
}

/// Whether it was the machine's role that could not be asked for, which is where the library looks
/// last for credentials. On a machine without one the address is not there.
fn wants_credentials(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string().contains("http://169.254.169.254/"))
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
