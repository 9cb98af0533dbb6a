//! A row that is many records: its members, each of which is one.
//!
//! ```text
//! {"question_id": 7, "preds": {"gpt": "B", "yi": null}}     each = "preds"          two members: gpt, yi
//! {"id": 7, "answers": [{"by": "gpt", "says": "B"}]}        each = "answers"        one: 0
//! question_id,gpt,yi                                        each = ["gpt", "yi"]    or all other columns: each = "*"
//! ```
//!
//! 1. A row gives one record or refusal for each member. Where its members cannot be found, are none, or are more than
//!    [`MEMBERS_MAX`], it is refused as a whole: one refusal.
//! 2. What is wrong with one member is wrong with no other.
//! 3. Of members with equal keys the last one counts, as with any keys. A named key that a row of JSON does not have says
//!    nothing, and is no member; a column is always there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quorate_schemas::table::RejectReason::{
    self, InvalidJson, MissingField, OutOfRange, WrongType,
};

use super::json::{self, Found, describe};
use super::map::{Each, MEMBER};
use super::place::{Place, wrong};
use super::plan::Plan;
use super::refusal::Refusal;
use crate::error::Error;

/// The most members that a row may have.
pub const MEMBERS_MAX: usize = 10_000;

/// Where a row's members are.
#[derive(Clone, Debug)]
pub(crate) enum Members {
    /// In the object or list at a path.
    Within { path: Box<str>, place: Place },
    /// At the top or at the end of a path, under these names.
    Named(Vec<Named>),
    /// At the top: all that no field is taken from.
    Rest,
}

/// A member that the job names.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    name: Box<str>,
    /// The name, written as rows of the source are.
    key: Box<str>,
    place: Place,
}

/// One member of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// Its key, as it is written; of a list's element its place.
    pub(crate) key: Cow<'a, str>,
    /// Its value, as it is written.
    pub(crate) raw: &'a str,
    /// What it is a member of.
    within: Option<&'a str>,
}

impl Member<'_> {
    /// Its own part of the row: what a reject of it keeps.
    pub(crate) fn written(&self) -> String {
        match self.key.starts_with('"') {
            true => format!("{}:{}", self.key, self.raw),
            false => self.raw.to_owned(),
        }
    }

    /// Its name for a message.
    pub(crate) fn name(&self) -> String {
        let key = self.key.trim_matches('"');
        match self.within {
            Some(within) => describe(&format!("{within}.{key}")),
            None => describe(key),
        }
    }
}

impl Members {
    /// Members as `each` says, in the rows that `plan` reads.
    pub(crate) fn new(each: &Each, plan: &mut Plan) -> Result<Members, Error> {
        let bad = |problem: &str| Err(wrong("each", problem.to_owned()));
        Ok(match each {
            Each::Of(all) if all == MEMBER => Members::Rest,
            Each::Of(path) => {
                Members::Within { path: path.as_str().into(), place: plan.row_place("each", path)? }
            }
            Each::Named(names) if names.is_empty() => return bad("names nothing"),
            Each::Named(names) if names.len() > MEMBERS_MAX => {
                return bad(&format!("names more than {MEMBERS_MAX} members"));
            }
            Each::Named(names) => {
                let mut named: Vec<Named> = Vec::with_capacity(names.len());
                for name in names {
                    let place = plan.row_place("each", name)?;
                    named.push(Named {
                        name: name.as_str().into(),
                        key: plan.written(name).into(),
                        place,
                    });
                }
                let mut sorted: Vec<&String> = names.iter().collect();
                sorted.sort();
                if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                    return bad(&format!("names `{}` twice", describe(pair[0])));
                }
                Members::Named(named)
            }
        })
    }

    /// Where the members are that the job names.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        let (within, named) = match self {
            Members::Within { place, .. } => (Some(place), [].as_slice()),
            Members::Named(named) => (None, named.as_slice()),
            Members::Rest => (None, [].as_slice()),
        };
        within.into_iter().chain(named.iter().map(|named| &named.place))
    }

    /// The members of a row of JSON whose fields were found; `keys` are those that fields are taken from.
    pub(crate) fn of_json<'a>(
        &'a self,
        text: &'a str,
        found: &Found<'a>,
        keys: &[Box<str>],
    ) -> Result<Vec<Member<'a>>, Refusal> {
        let members = match self {
            Members::Within { path, place } => return within(path, place.of(found)?),
            Members::Named(named) => {
                let mut members = Vec::with_capacity(named.len());
                for Named { key, place, .. } in named {
                    if let Some(raw) = place.of(found)? {
                        members.push(Member { key: Cow::Borrowed(key), raw, within: None });
                    }
                }
                members
            }
            Members::Rest => {
                let all = json::members(text, MEMBERS_MAX + keys.len()).map_err(too_many)?;
                let mut members = last_of_each(&all)?;
                members.retain(|(name, _)| !keys.iter().any(|key| **key == **name));
                if members.len() > MEMBERS_MAX {
                    return Err(many());
                }
                let member = |(_, at): (_, usize)| {
                    let (key, raw) = all[at];
                    Member { key: Cow::Borrowed(key), raw, within: None }
                };
                members.into_iter().map(member).collect()
            }
        };
        some(members, || self.nowhere())
    }

    /// The members of a row of cells, of which the last are those of `columns`.
    pub(crate) fn of_cells<'a>(
        &'a self,
        found: &Found<'a>,
        columns: &'a [Box<str>],
    ) -> Result<Vec<Member<'a>>, Refusal> {
        let member = |key: &'a str, cell: Option<&'a str>| Member {
            key: Cow::Borrowed(key),
            raw: cell.unwrap_or_default(),
            within: None,
        };
        let members = match self {
            Members::Within { path, place } => {
                let cell = found[place.key()].map(str::trim).filter(|cell| !cell.is_empty());
                return within(path, cell);
            }
            Members::Named(named) => {
                named.iter().map(|one| member(&one.name, found[one.place.key()])).collect()
            }
            Members::Rest => {
                let cells = &found[found.len() - columns.len()..];
                columns.iter().zip(cells).map(|(name, cell)| member(name, *cell)).collect()
            }
        };
        some(members, || self.nowhere())
    }

    /// Why a row without members is none.
    fn nowhere(&self) -> String {
        match self {
            Members::Within { path, .. } => format!("`{path}` has no members"),
            Members::Named(_) => "has none of the keys that `each` names".to_owned(),
            Members::Rest => "has nothing beside what fields are taken from".to_owned(),
        }
    }
}

/// The members of the object or list `raw`, which stands at `path`.
fn within<'a>(path: &'a str, raw: Option<&'a str>) -> Result<Vec<Member<'a>>, Refusal> {
    let refuse = |reason: RejectReason, what: &str| {
        Err(Refusal::new(reason, format!("`{}` {what}", describe(path))))
    };
    let members: Vec<Member<'a>> = match raw.map(str::as_bytes) {
        None | Some(b"null") => return refuse(MissingField, "is missing"),
        Some([b'{', ..]) => {
            let all = json::members(raw.unwrap_or_default(), MEMBERS_MAX).map_err(too_many)?;
            let member = |(_, at): (_, usize)| {
                let (key, raw) = all[at];
                Member { key: Cow::Borrowed(key), raw, within: Some(path) }
            };
            last_of_each(&all)?.into_iter().map(member).collect()
        }
        Some([b'[', ..]) => {
            let all = json::elements(raw.unwrap_or_default(), MEMBERS_MAX).map_err(too_many)?;
            let member = |(at, raw): (usize, &'a str)| Member {
                key: Cow::Owned(at.to_string()),
                raw,
                within: Some(path),
            };
            all.into_iter().enumerate().map(member).collect()
        }
        Some(_) => {
            let found = describe(raw.unwrap_or_default());
            return refuse(WrongType, &format!("must be an object or a list: {found}"));
        }
    };
    some(members, || format!("`{}` has no members", describe(path)))
}

/// The names of these members and where they stand, in their order; of equal ones the last.
fn last_of_each<'a>(all: &[(&'a str, &'a str)]) -> Result<Vec<(Cow<'a, str>, usize)>, Refusal> {
    let mut last: BTreeMap<Cow<'a, str>, usize> = BTreeMap::new();
    for (at, (key, _)) in all.iter().enumerate() {
        last.insert(json::text(key)?, at);
    }
    let mut last: Vec<(Cow<'a, str>, usize)> = last.into_iter().collect();
    last.sort_by_key(|(_, at)| *at);
    Ok(last)
}

/// A row has members: one that has none would be lost without a word.
fn some<'a>(
    members: Vec<Member<'a>>,
    why: impl Fn() -> String,
) -> Result<Vec<Member<'a>>, Refusal> {
    match members.is_empty() {
        true => Err(Refusal::new(MissingField, why())),
        false => Ok(members),
    }
}

/// JSON that was checked has nothing else wrong with it than how much there is.
fn too_many(refusal: Refusal) -> Refusal {
    match refusal.reason {
        InvalidJson if refusal.detail.starts_with("more than") => many(),
        _ => refusal,
    }
}

fn many() -> Refusal {
    Refusal::new(OutOfRange, format!("has more than {MEMBERS_MAX} members"))
}
