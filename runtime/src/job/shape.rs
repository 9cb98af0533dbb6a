//! What a value may be, said once: by the reader that takes it, for the schema that editors check it by.
//!
//! A schema may be laxer than the reader, which sees the whole file; it never refuses what the reader takes.

use std::ops::RangeInclusive;

use quorate_schemas::time::Micros;
use toml::Spanned;
use toml::de::DeValue;

use super::section::Wrong;
use super::units::{LONGEST, Size, Span};

/// What a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `true` or `false`.
    Flag,
    /// Text that this pattern is found in; any text, where it is empty.
    Text(&'static str),
    /// One of these words.
    Word(Vec<&'static str>),
    /// A whole number.
    Whole(RangeInclusive<u64>),
    /// Any number.
    Number,
    /// A span of time: `"10m"`.
    Span(RangeInclusive<Micros>),
    /// A number of bytes: `"16MiB"`.
    Size(RangeInclusive<u64>),
    /// A share between 0 and 1: `"2/3"`, `0.5`.
    Share,
    /// At least so many of these.
    List(usize, Box<Shape>),
    /// Where a secret is found: `{ env = "NAME" }` or `{ file = "path" }`.
    Reference,
    /// Any keys, each with text, a number or a flag.
    Free,
    /// A table, whose keys are asked for one by one.
    Table,
    /// One of several; nothing will do, if there are none.
    AnyOf(Vec<Shape>),
}

impl Shape {
    /// What people see of its bounds, where a schema cannot check them.
    pub(super) fn bounds(&self) -> Option<String> {
        let text = |from: String, to: Option<String>| match to {
            Some(to) => format!("From \"{from}\" to \"{to}\"."),
            None => format!("From \"{from}\" on."),
        };
        match self {
            Shape::Span(range) => {
                let to = Some(*range.end())
                    .filter(|end| *end < LONGEST)
                    .map(|end| Span(end).to_string());
                // Any span at all needs no words.
                (*range.start() > 1 || to.is_some())
                    .then(|| text(Span(*range.start()).to_string(), to))
            }
            Shape::Size(range) => {
                Some(text(Size(*range.start()).to_string(), Some(Size(*range.end()).to_string())))
            }
            Shape::AnyOf(shapes) => shapes.iter().find_map(Shape::bounds),
            _ => None,
        }
    }
}

/// How a value is read, and what it may be.
pub(super) struct Reader<F> {
    pub(super) shape: Shape,
    pub(super) read: F,
}

impl<F> Reader<F> {
    pub(super) fn new<T>(shape: Shape, read: F) -> Reader<F>
    where
        F: Fn(&Spanned<DeValue<'_>>) -> Result<T, Wrong>,
    {
        Reader { shape, read }
    }

    /// The same with a last look at what was read.
    pub(super) fn and_then<T, U>(
        self,
        then: impl Fn(T) -> Result<U, Wrong>,
    ) -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<U, Wrong>>
    where
        F: Fn(&Spanned<DeValue<'_>>) -> Result<T, Wrong>,
    {
        Reader::new(self.shape, move |value| (self.read)(value).and_then(&then))
    }

    /// The same where `word` does not stand instead.
    pub(super) fn unless<T>(
        self,
        word: &'static str,
    ) -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Option<T>, Wrong>>
    where
        F: Fn(&Spanned<DeValue<'_>>) -> Result<T, Wrong>,
    {
        let shape = Shape::AnyOf(vec![self.shape, Shape::Word(vec![word])]);
        Reader::new(shape, move |value| match value.get_ref().as_str() {
            Some(text) if text == word => Ok(None),
            _ => (self.read)(value).map(Some),
        })
    }
}
