use std::fmt;

/// Something an operator should know, said once: not an error, since the engine goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The file or partition it is about.
    pub about: String,
    /// What happened, and what it means for the rows.
    pub text: String,
}

impl Notice {
    pub(crate) fn new(about: impl Into<String>, text: impl Into<String>) -> Notice {
        Notice { about: about.into(), text: text.into() }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.text)
    }
}
