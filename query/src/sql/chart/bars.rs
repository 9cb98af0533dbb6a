//! A bar for each label, or one for each series of it.

use super::figure::number;
use super::{Series, legend, range};
use crate::grid::cut;

/// What bars are made of; of several series each has its own.
const MARKS: [char; 6] = ['#', '=', '+', '-', '*', '.'];
/// A bar that is shorter says nothing.
const SHORTEST: usize = 10;

/// The chart, in lines of at most `columns` characters.
pub(super) fn draw(labels: &[String], series: &[Series], columns: usize) -> String {
    let shown = |value: &Option<f64>| value.map_or_else(|| "null".to_owned(), number);
    let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let numbers = longest(
        &mut series.iter().flat_map(|series| &series.values).map(|value| shown(value).len()),
    );
    let label =
        longest(&mut labels.iter().map(|label| label.chars().count())).min((columns / 3).max(1));
    let room = columns.saturating_sub(label + numbers + 3).max(SHORTEST);
    let (low, high) = range(series);
    // Where zero stands, and how far the bars reach to its left and to its right.
    let reach = |value: f64| {
        let whole = high - low;
        if whole > 0.0 { (value.abs() / whole * room as f64).round() as usize } else { 0 }
    };
    let left = reach(low);
    let mut text = String::new();
    if series.len() > 1 {
        text.push_str(&legend(series, &MARKS, columns));
    }
    for (row, name) in labels.iter().enumerate() {
        for (nr, (series, mark)) in series.iter().zip(MARKS).enumerate() {
            let value = series.values.get(row).copied().flatten();
            let length = value.map_or(0, reach);
            // Whatever is not nothing is seen.
            let length = if value.is_some_and(|value| value != 0.0) { length.max(1) } else { 0 };
            let length = if value < Some(0.0) { length } else { length.min(room - left) };
            let bar: String = std::iter::repeat_n(mark, length).collect();
            let bar = match value {
                Some(value) if value < 0.0 => format!("{bar:>left$}"),
                _ => format!("{:left$}{bar}", ""),
            };
            let name = if nr == 0 { cut(name, label) } else { String::new() };
            let line = format!("{name:label$}  {bar} {}", shown(&value));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[(&str, &[Option<f64>])], names: &[&str], columns: usize, expected: &str) {
        let labels: Vec<String> = rows.iter().map(|(label, _)| (*label).to_owned()).collect();
        let values = |at: usize| rows.iter().map(|(_, values)| values[at]).collect();
        let named =
            |(at, name): (usize, &&str)| Series { name: (*name).to_owned(), values: values(at) };
        let series: Vec<Series> = names.iter().enumerate().map(named).collect();
        let text = draw(&labels, &series, columns);
        assert_eq!(text, expected, "\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= columns), "\n{text}");
    }

    #[test]
    fn a_bar_is_as_long_as_its_number() {
        let rows: &[(&str, &[Option<f64>])] = &[
            ("math", &[Some(2_000.0)]),
            ("law", &[Some(1_000.0)]),
            ("physics", &[Some(1.0)]),
            ("art", &[Some(0.0)]),
            ("other", &[None]),
        ];
        let expected = "\
math     ####################### 2,000
law      ############ 1,000
physics  # 1
art       0
other     null
";
        check(rows, &["votes"], 38, expected);
    }

    #[test]
    fn several_numbers_have_a_bar_each_on_one_scale() {
        let rows: &[(&str, &[Option<f64>])] =
            &[("a", &[Some(0.5), Some(1.0)]), ("b", &[Some(0.25), Some(0.75)])];
        let expected = "\
# said   = right
a  ########## 0.5
   ==================== 1
b  ##### 0.25
   =============== 0.75
";
        check(rows, &["said", "right"], 28, expected);
    }

    #[test]
    fn what_is_less_than_nothing_goes_the_other_way() {
        let rows: &[(&str, &[Option<f64>])] = &[("up", &[Some(3.0)]), ("down", &[Some(-1.0)])];
        let expected = "\
up         ############### 3
down  ##### -1
";
        check(rows, &["by"], 29, expected);
    }

    #[test]
    fn labels_give_way_to_bars() {
        let rows: &[(&str, &[Option<f64>])] = &[(&"x".repeat(50), &[Some(1.0)])];
        check(rows, &["n"], 30, "xxxxxxxxx…  ################ 1\n");
    }
}
