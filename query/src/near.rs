//! The nearest of the names that there are to one that there is not.

/// How many names are looked at: a slip of the finger is worth a moment, not a minute.
const MOST_NAMES: usize = 100_000;

/// Names less alike than this are no suggestion.
const ALIKE: f64 = 0.8;

/// The most similar of the names that were shown.
#[derive(Debug)]
pub(crate) struct Nearest {
    wanted: String,
    seen: usize,
    best: Option<(f64, String)>,
}

impl Nearest {
    pub(crate) fn to(wanted: &str) -> Nearest {
        Nearest { wanted: wanted.to_owned(), seen: 0, best: None }
    }

    /// Shows one name; of equally similar ones the first stays.
    pub(crate) fn show(&mut self, name: &str) {
        if self.seen >= MOST_NAMES {
            return;
        }
        self.seen += 1;
        let alike = strsim::jaro_winkler(&self.wanted.to_lowercase(), &name.to_lowercase());
        if alike >= ALIKE && self.best.as_ref().is_none_or(|(best, _)| alike > *best) {
            self.best = Some((alike, name.to_owned()));
        }
    }

    pub(crate) fn found(self) -> Option<String> {
        self.best.map(|(_, name)| name)
    }

    /// The nearest of `names`.
    #[cfg(any(test, feature = "sql"))]
    pub(crate) fn of<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let mut nearest = Nearest::to(wanted);
        names.into_iter().for_each(|name| nearest.show(name));
        nearest.found()
    }
}

/// The end of a message that suggests `name`.
pub(crate) fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = ["decisions", "votes", "agent_reputation"];
        assert_eq!(Nearest::of("decision", names).as_deref(), Some("decisions"));
        assert_eq!(Nearest::of("VOTES", names).as_deref(), Some("votes"));
        assert_eq!(Nearest::of("weather", names), None);
    }
}
