//! A column for each time, from the first to the last; of several series a mark for each.
//!
//! Time runs at one pace: where nothing is, nothing stands. Times that fall into one place become their mean there, and
//! the chart says so.

use quorate_schemas::time::Micros;

use super::figure::{Grain, number, time};
use super::{Series, legend, range};
use crate::grid::cut;

const HEIGHT: usize = 12;
/// Where one series stands above the axis, and what several are marked by.
const COLUMN: char = '#';
const MARKS: [char; 6] = ['*', 'o', '+', 'x', '=', '~'];
/// A column is no wider, however few there are.
const WIDEST: usize = 6;

/// The chart, in lines of at most `columns` characters.
pub(super) fn draw(times: &[Option<Micros>], series: &[Series], columns: usize) -> String {
    let known: Vec<Micros> = times.iter().flatten().copied().collect();
    let (Some(first), Some(last)) = (known.iter().min(), known.iter().max()) else {
        return "no times\n".to_owned();
    };
    let (low, high) = range(series);
    let top = if high > low { high } else { 1.0 };
    let scale = [number(top), number(top / 2.0), number(low)];
    let margin = scale.iter().map(String::len).max().unwrap_or(0);
    let room = columns.saturating_sub(margin + 3).max(1);
    let places = Places::of(&known, *first, *last, room);
    let mut canvas = Canvas { cells: vec![vec![' '; places.width()]; HEIGHT], low, top };
    let mut merged = false;
    for (series, mark) in series.iter().zip(MARKS).rev() {
        let mut sums = vec![(0.0, 0_u32); places.count];
        for (at, value) in times.iter().zip(&series.values) {
            if let (Some(at), Some(value)) = (at, value) {
                let (sum, count) = &mut sums[places.of_time(*at)];
                (*sum, *count) = (*sum + value, *count + 1);
                merged |= *count > 1;
            }
        }
        for (place, (sum, count)) in sums.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
            canvas.mark(places.cells(place), sum / f64::from(*count), mark);
        }
    }
    if let [_] = series {
        canvas.fill();
    }
    let mut text = String::new();
    if series.len() > 1 {
        text.push_str(&legend(series, &MARKS, columns));
    }
    for (row, cells) in canvas.cells.iter().enumerate() {
        let label = match row {
            0 => scale[0].as_str(),
            row if row + 1 == HEIGHT && low < 0.0 => &scale[2],
            row if low < 0.0 && row == canvas.zero() => "0",
            row if low == 0.0 && row == HEIGHT / 2 => &scale[1],
            _ => "",
        };
        let line = format!("{label:>margin$} |{}", cells.iter().collect::<String>());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let zero = if low < 0.0 { "" } else { "0" };
    text.push_str(&format!("{zero:>margin$} +{}\n", "-".repeat(places.width())));
    let grain = Grain::of(&known);
    text.push_str(&ends(
        &time(*first, grain),
        &time(*last, grain),
        margin + 2,
        places.width(),
        columns,
    ));
    for one in series {
        let name = if series.len() > 1 { format!("{}: ", one.name) } else { String::new() };
        text.push_str(&format!("{}\n", cut(&format!("{name}{}", summary(times, one)), columns)));
    }
    if merged {
        text.push_str(&format!("{}\n", cut("each place is the mean of its times", columns)));
    }
    text
}

/// The numbers that a glance at the columns does not give.
fn summary(times: &[Option<Micros>], series: &Series) -> String {
    let values = series.values.iter().flatten();
    let last =
        times.iter().zip(&series.values).filter(|(at, value)| at.is_some() && value.is_some());
    let last = last.max_by_key(|(at, _)| **at).and_then(|(_, value)| *value);
    let (least, most) =
        (values.clone().copied().reduce(f64::min), values.copied().reduce(f64::max));
    let (Some(least), Some(most), Some(last)) = (least, most, last) else {
        return "no numbers".to_owned();
    };
    format!("least {}, most {}, last {}", number(least), number(most), number(last))
}

/// The first and the last time below the axis; below each other, where they would touch.
fn ends(first: &str, last: &str, margin: usize, width: usize, columns: usize) -> String {
    if first == last {
        return format!("{:margin$}{first}\n", "");
    }
    let width = width.max(first.len() + last.len() + 2);
    if margin + width > columns {
        return format!("{:margin$}{first} to\n{:margin$}{last}\n", "", "");
    }
    let gap = width - first.len();
    format!("{:margin$}{first}{last:>gap$}\n", "")
}

/// Where times stand.
struct Places {
    first: Micros,
    /// From one place to the next.
    step: Micros,
    count: usize,
    /// Cells from one place to the next, and how many of them are drawn.
    pitch: usize,
    drawn: usize,
}

impl Places {
    /// A place for each step between two times, if there is room for that many; else as many as there is room for.
    fn of(times: &[Micros], first: Micros, last: Micros, room: usize) -> Places {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let gaps = sorted.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let whole = last.saturating_sub(first);
        let least = gaps.filter(|gap| *gap > 0).min().unwrap_or(1);
        let wanted = usize::try_from(whole / least).unwrap_or(usize::MAX).saturating_add(1);
        let count = wanted.min(room);
        let step =
            if wanted > room { whole / Micros::try_from(room).unwrap_or(1) + 1 } else { least };
        let pitch = (room / count).min(WIDEST + 1);
        Places { first, step, count, pitch, drawn: pitch.saturating_sub(1).max(1) }
    }

    fn of_time(&self, time: Micros) -> usize {
        let place = time.saturating_sub(self.first) / self.step;
        usize::try_from(place).unwrap_or(0).min(self.count - 1)
    }

    fn cells(&self, place: usize) -> std::ops::Range<usize> {
        place * self.pitch..place * self.pitch + self.drawn
    }

    fn width(&self) -> usize {
        self.pitch * self.count
    }
}

struct Canvas {
    /// Rows from the top, each with its cells.
    cells: Vec<Vec<char>>,
    low: f64,
    top: f64,
}

impl Canvas {
    /// How many rows a value is above the lowest.
    fn level(&self, value: f64) -> usize {
        let share = (value - self.low) / (self.top - self.low);
        (share * HEIGHT as f64).ceil().clamp(0.0, HEIGHT as f64) as usize
    }

    /// The row that zero stands in.
    fn zero(&self) -> usize {
        HEIGHT.saturating_sub(self.level(0.0).max(1))
    }

    fn mark(&mut self, cells: std::ops::Range<usize>, value: f64, mark: char) {
        // What is zero stands on the axis, and is not drawn.
        let row = HEIGHT.saturating_sub(self.level(value).max(1));
        if value != 0.0 || self.low < 0.0 {
            self.cells[row][cells].fill(mark);
        }
    }

    /// Makes columns of marks: from each to where zero is.
    fn fill(&mut self) {
        let zero = self.zero();
        for cell in 0..self.cells[0].len() {
            let Some(row) = (0..HEIGHT).find(|row| self.cells[*row][cell] != ' ') else { continue };
            for between in row.min(zero)..=row.max(zero) {
                self.cells[between][cell] = COLUMN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Micros = 3_600_000_000;
    const DAY_ONE: Micros = 20_454 * 24 * HOUR;

    fn check(points: &[(i64, &[f64])], names: &[&str], columns: usize, expected: &str) {
        let times: Vec<Option<Micros>> =
            points.iter().map(|(hour, _)| Some(DAY_ONE + hour * HOUR)).collect();
        let values = |at: usize| points.iter().map(|(_, values)| Some(values[at])).collect();
        let named =
            |(at, name): (usize, &&str)| Series { name: (*name).to_owned(), values: values(at) };
        let series: Vec<Series> = names.iter().enumerate().map(named).collect();
        let text = format!("\n{}", draw(&times, &series, columns));
        assert_eq!(text, expected, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
    }

    #[test]
    fn a_column_is_as_high_as_its_number_and_stands_at_its_time() {
        let points: &[(i64, &[f64])] =
            &[(0, &[600.0]), (1, &[1_200.0]), (4, &[100.0]), (5, &[0.0]), (6, &[900.0])];
        let expected = "
1,200 |     ####
      |     ####
      |     ####
      |     ####                     ####
      |     ####                     ####
      |     ####                     ####
  600 |#### ####                     ####
      |#### ####                     ####
      |#### ####                     ####
      |#### ####                     ####
      |#### ####                     ####
      |#### ####           ####      ####
    0 +-----------------------------------
       2026-01-01 00:00   2026-01-01 06:00
least 0, most 1,200, last 900
";
        check(points, &["votes"], 44, expected);
    }

    #[test]
    fn several_numbers_are_marks_on_one_scale() {
        let points: &[(i64, &[f64])] = &[(0, &[1.0, 12.0]), (1, &[6.0, 6.0]), (2, &[12.0, 1.0])];
        let expected = "
* up   o down
12 |oooooo        ******
   |
   |
   |
   |
   |
 6 |       ******
   |
   |
   |
   |
   |******        oooooo
 0 +---------------------
    2026-01-01 00:00  2026-01-01 02:00
up: least 1, most 12, last 12
down: least 1, most 12, last 1
";
        check(points, &["up", "down"], 40, expected);
    }

    #[test]
    fn what_is_less_than_nothing_hangs_from_zero() {
        let expected = "
 6 |######
   |######
   |######
   |######
   |######
   |######
 0 |###### ######
   |       ######
   |       ######
   |       ######
   |       ######
-6 |       ######
   +--------------
    2026-01-01  2026-01-02
least -6, most 6, last -6
";
        check(&[(0, &[6.0]), (24, &[-6.0])], &["by"], 40, expected);
    }

    #[test]
    fn times_that_share_a_place_are_their_mean() {
        let points: Vec<(i64, Vec<f64>)> =
            (0..100).map(|hour| (hour, vec![(hour % 2) as f64])).collect();
        let points: Vec<(i64, &[f64])> =
            points.iter().map(|(hour, value)| (*hour, &value[..])).collect();
        let expected = "
  1 |
    |
    |
    |
    |       #               #
    |       #               #
0.5 | ############## ########
    |########################
    |########################
    |########################
    |########################
    |########################
  0 +------------------------
     2026-01-01 00:00 to
     2026-01-05 03:00
least 0, most 1, last 1
each place is the mean of its…
";
        check(&points, &["odd"], 30, expected);
    }

    #[test]
    fn nothing_and_one_time_are_drawn_too() {
        let expected = "
  1 |
    |
    |
    |
    |
    |
0.5 |
    |
    |
    |
    |
    |
  0 +-------
     2026-01-01 05:00
least 0, most 0, last 0
";
        check(&[(5, &[0.0])], &["n"], 30, expected);
        let none = [Series { name: "n".to_owned(), values: vec![None, Some(1.0)] }];
        assert_eq!(draw(&[None, None], &none, 80), "no times\n");
    }
}
