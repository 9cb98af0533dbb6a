//! Places in rows: a key, a column, or the end of a path.

use super::json::{self, Found, Segment, describe};
use super::refusal::Refusal;
use crate::error::Error;

/// How deep a path may reach.
const SEGMENTS_MAX: usize = 32;

/// Where something is in a row.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// At the top.
    Key(usize),
    /// Below a top-level key; or at the top, under a key that has the dots in it.
    Below { top: usize, rest: Vec<Segment>, dotted: usize },
}

impl Place {
    /// What stands here.
    #[inline]
    pub(crate) fn of<'a>(&self, found: &Found<'a>) -> Result<Option<&'a str>, Refusal> {
        match self {
            Place::Key(at) => Ok(found[*at]),
            Place::Below { top, rest, dotted } => match found[*dotted] {
                None => Ok(found[*top].map(|top| json::below(top, rest)).transpose()?.flatten()),
                dotted => Ok(dotted),
            },
        }
    }

    /// The key or column that is it, where no path leads to it.
    pub(crate) fn key(&self) -> usize {
        match self {
            Place::Key(at) | Place::Below { dotted: at, .. } => *at,
        }
    }

    /// Whether it may be there where these keys or columns are.
    pub(crate) fn is_among(&self, found: &[bool]) -> bool {
        match self {
            Place::Key(at) => found[*at],
            Place::Below { top, dotted, .. } => found[*top] || found[*dotted],
        }
    }
}

/// The steps of a path.
pub(super) fn segments(what: &str, path: &str) -> Result<Vec<Segment>, Error> {
    if path.split('.').any(str::is_empty) {
        let problem = format!(
            "`{}` is no path: write keys joined by dots, as in \"question.id\"",
            describe(path)
        );
        return Err(wrong(what, problem));
    }
    let segments: Vec<Segment> = path.split('.').map(Segment::new).collect();
    if segments.len() > SEGMENTS_MAX {
        return Err(wrong(what, format!("reaches deeper than {SEGMENTS_MAX} keys")));
    }
    Ok(segments)
}

/// What is wrong with a map, at one of its fields or at `each`.
pub(super) fn wrong(field: &str, problem: String) -> Error {
    Error::Map { field: field.to_owned(), problem }
}
