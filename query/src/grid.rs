//! Text in columns, for people with 80 of them.

use std::fmt;

/// Rows of cells under headings; the columns named with `>` in front are numbers and stand to the right.
#[derive(Debug)]
pub(crate) struct Grid {
    headings: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
    indent: usize,
}

/// How wide a screen is taken to be.
const SCREEN: usize = 80;
/// A column is not cut below this.
const NARROWEST: usize = 8;
const GAP: usize = 2;

impl Grid {
    pub(crate) fn new(indent: usize, headings: &[&str]) -> Grid {
        let heading = |text: &&str| match text.strip_prefix('>') {
            Some(text) => (text.to_owned(), true),
            None => ((*text).to_owned(), false),
        };
        Grid { headings: headings.iter().map(heading).collect(), rows: Vec::new(), indent }
    }

    /// Adds a row; cells that are missing at its end stay empty.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.headings.len(), String::new());
        self.rows.push(row);
    }

    /// Each column as wide as its widest cell; then the widest texts give way until the screen holds all.
    fn widths(&self) -> Vec<usize> {
        let widest = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].chars().count());
            cells.chain([self.headings[at].0.chars().count()]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.headings.len()).map(widest).collect();
        let room = SCREEN.saturating_sub(self.indent + GAP * widths.len().saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            let texts =
                (0..widths.len()).filter(|at| !self.headings[*at].1 && widths[*at] > NARROWEST);
            let Some(widest) = texts.max_by_key(|at| (widths[*at], *at)) else { break };
            widths[widest] -= 1;
        }
        widths
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let headings = self.headings.iter().map(|(text, _)| text.clone()).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = " ".repeat(self.indent);
            for (at, cell) in row.iter().enumerate() {
                let cell = cut(cell, widths[at]);
                let room = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
                line.push_str(&if self.headings[at].1 {
                    format!("{room}{cell}")
                } else {
                    format!("{cell}{room}")
                });
                line.push_str(&" ".repeat(GAP));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `text` in at most `width` places, with control characters made visible: ids are chosen by strangers.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if shown.chars().count() <= width {
        return shown;
    }
    let kept: String = shown.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3 files`, `1 file`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", grouped(number))
}

/// A number of few decimals, without those that say nothing.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_fits_the_screen_and_cuts_its_longest_texts() {
        let mut grid = Grid::new(2, &["agent", ">weight", "detail"]);
        grid.row(["a".to_owned(), "0.5".to_owned(), "x".repeat(100)]);
        grid.row(["beta".to_owned(), "12.25".to_owned()]);
        let text = grid.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "  agent  weight  detail");
        assert_eq!(lines[1].chars().count(), SCREEN);
        assert!(lines[1].ends_with('…'));
        assert_eq!(lines[2], "  beta    12.25");
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.5, 2.0, 1.23456, -0.25].map(short), ["0.5", "2", "1.2346", "-0.25"]);
        assert_eq!(cut("a\tb\u{1b}[0m", 9), "a\u{fffd}b\u{fffd}[0m");
    }
}
