//! `close`: when a task closes. `"end-of-input"`, or `{ after = "10m", votes = 40, quorum = true }`: whichever comes
//! first. Every task must be able to close, so a rule that may never be met does not stand alone.

use quorate_operators::policy::{Close, Policy};
use toml::Spanned;
use toml::de::DeValue;

use super::finding::quoted;
use super::section::{Findings, Given, Section, kind_of};
use super::shape::Shape;
use super::units::LONGEST;
use super::value;

const END_OF_INPUT: &str = "end-of-input";
const FORMS: &str = "write \"end-of-input\", or { after = \"10m\" }, which may have votes = 40 and quorum = true beside it";

/// `close` as the file has it, checked for itself.
pub(super) fn read_close(consensus: &mut Section<'_>, found: &mut Findings<'_>) -> Given<Close> {
    let forms = vec![Shape::Word(vec![END_OF_INPUT]), Shape::Table];
    let value = consensus.value("close", Shape::AnyOf(forms))?;
    let close = match value.get_ref() {
        DeValue::Table(_) => {
            let mut section = consensus.table_of("close", value, found)?;
            // `after`: so long after the first vote, or "end-of-input".
            let after = section.take("after", found, value::span(1..=LONGEST).unless(END_OF_INPUT));
            // `votes`: at the vote of this many agents.
            let votes = section.take("votes", found, value::count(1..=u32::MAX));
            // `quorum`: as soon as an answer has its quorum.
            let quorum = section.take("quorum", found, value::flag());
            let bounded = section.requires("after");
            section.close(found);
            if !bounded {
                let message = "a task that never meets the rule would stay open for ever";
                let remedy = "add after = \"10m\", or after = \"end-of-input\" to hold tasks open to the end";
                found.error(Some(&value.span()), "consensus.close", message, remedy);
            }
            Close {
                after: after.map_or(Policy::default().close.after, Spanned::into_inner),
                votes: votes.map(Spanned::into_inner),
                quorum: quorum.is_some_and(Spanned::into_inner),
            }
        }
        DeValue::String(text) if text == END_OF_INPUT => {
            Close { after: None, votes: None, quorum: false }
        }
        other => {
            let message = match other.as_str() {
                Some(text) => format!("{} is not a rule for closing tasks", quoted(text)),
                None => format!("is {}, should be text or a table", kind_of(other)),
            };
            found.error(Some(&value.span()), "consensus.close", message, FORMS);
            return None;
        }
    };
    Some(Spanned::new(value.span(), close))
}
