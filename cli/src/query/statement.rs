//! Where statements end: at a `;` that stands in no text, name or comment.

/// The statements of `text` that a `;` ends, without it, and what stands behind the last.
pub(super) fn split(text: &str) -> (Vec<&str>, &str) {
    let (mut statements, mut begin, mut is_blank) = (Vec::new(), 0, true);
    let mut inside = Inside::Nothing;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match inside {
            Inside::Nothing => match (c, next) {
                ('\'' | '"', _) => (inside, is_blank) = (Inside::Quotes(c), false),
                ('-', Some('-')) => inside = Inside::Line,
                ('/', Some('*')) => {
                    chars.next();
                    inside = Inside::Comment;
                }
                (';', _) => {
                    if !is_blank {
                        statements.push(text[begin..at].trim());
                    }
                    (begin, is_blank) = (at + 1, true);
                }
                (c, _) => is_blank &= c.is_whitespace(),
            },
            // Two of them are one of them: the first ends the text, the second begins it again.
            Inside::Quotes(quote) if c == quote => inside = Inside::Nothing,
            Inside::Line if c == '\n' => inside = Inside::Nothing,
            Inside::Comment if c == '*' && next == Some('/') => {
                chars.next();
                inside = Inside::Nothing;
            }
            Inside::Quotes(_) | Inside::Line | Inside::Comment => {}
        }
    }
    let is_open = matches!(inside, Inside::Quotes(_) | Inside::Comment);
    (statements, if is_blank && !is_open { "" } else { &text[begin..] })
}

/// All statements of `text`, of which the last needs no `;`.
pub(super) fn all(text: &str) -> Vec<&str> {
    let (mut statements, rest) = split(text);
    statements.extend(Some(rest.trim()).filter(|rest| !rest.is_empty()));
    statements
}

#[derive(Clone, Copy)]
enum Inside {
    Nothing,
    Quotes(char),
    Line,
    Comment,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, statements: &[&str], rest: &str) {
        assert_eq!(split(text), (statements.to_vec(), rest), "{text}");
    }

    #[test]
    fn a_statement_ends_where_it_says_so() {
        check("", &[], "");
        check("SELECT 1", &[], "SELECT 1");
        check(" SELECT 1 ; ", &["SELECT 1"], "");
        check("SELECT 1;\nSELECT\n2; SELECT", &["SELECT 1", "SELECT\n2"], " SELECT");
        check(";; SELECT 1;;", &["SELECT 1"], "");
    }

    #[test]
    fn what_is_quoted_or_said_aside_ends_nothing() {
        check("SELECT ';', 'it''s;' AS \"a;b\";", &["SELECT ';', 'it''s;' AS \"a;b\""], "");
        check("SELECT 'a;", &[], "SELECT 'a;");
        check("SELECT 1 -- ; no\n;", &["SELECT 1 -- ; no"], "");
        check("SELECT /* ; '\" */ 1; -- done", &["SELECT /* ; '\" */ 1"], "");
        check("/* begun", &[], "/* begun");
    }

    #[test]
    fn the_last_of_all_needs_no_end() {
        assert_eq!(all("SELECT 1; SELECT 2 "), ["SELECT 1", "SELECT 2"]);
        assert_eq!(all(" \n -- nothing\n"), Vec::<&str>::new());
    }
}
