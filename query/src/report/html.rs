//! A report as one page that needs nothing else: no script, no font, no network.

use std::collections::BTreeSet;

use quorate_schemas::time::format_rfc3339;

use super::svg::{Anchor, Drawing, Escaped};
use super::{Agreement, Bin, Moment, Report, Standing, Sum};
use crate::grid::{cut, grouped};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 44.0;
const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1d2430; --soft: #8792a2; --good: #1f7a4d; --bad: #b3362b; --cell: #2a5db0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #77818f; --good: #58c08a; --bad: #ee7a6e; --cell: #7aa5ee } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 760px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em } p { color: var(--soft); margin: .3em 0 }
b { color: var(--ink) } svg { max-width: 100%; height: auto }
text { font: 11px system-ui, sans-serif; fill: var(--soft) }
.axis { stroke: var(--soft); stroke-width: .5; stroke-opacity: .5 } .ideal { stroke: var(--soft); stroke-dasharray: 3 3 }
.right { stroke: var(--good); fill: none; stroke-width: 2 } .covers { stroke: var(--cell); fill: none; stroke-width: 2 }
.dot { fill: var(--good) } .poor { fill: var(--bad) } .whisker { stroke: var(--soft) } .cell { fill: var(--cell) }
";

/// The page.
pub fn page(report: &Report) -> String {
    let Report { job, as_of_commit, all, moments, bins, standings, agreement } = report;
    let job = Escaped(job);
    let Sum { tasks, quorate, known, right, quorate_known, quorate_right } = *all;
    let scored = match known {
        0 => "No right answer is known, so nothing says how many are right.".to_owned(),
        _ => format!(
            "Of {} whose right answer is known, <b>{}</b> are right; of the {} that stand, <b>{}</b>.",
            grouped(known),
            per_cent(right, known),
            grouped(quorate_known),
            per_cent(quorate_right, quorate_known)
        ),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{job}</title><style>{STYLE}</style></head><body>\n\
         <h1>{job}</h1>\n<p>As of commit {as_of_commit}: {} tasks have closed, <b>{}</b> with a quorum. {scored}</p>\n\
         <h2>Over time</h2>\n<p>By the event time of the close: the share of leading answers that are right (green), \
         and the share of tasks with a quorum (blue).</p>\n{}\n\
         <h2>Can its confidence be believed?</h2>\n<p>Of answers given with so much confidence, so many are right; on \
         the dashed line they are what they say. The larger, the more tasks.</p>\n{}\n\
         <h2>Agents by domain</h2>\n<p>The share of known answers that each got right, with an interval that holds the \
         true one in 95 of 100 cases; red where it is probably below one half. The agents with the most votes.</p>\n{}\n\
         <h2>Who agrees with whom</h2>\n<p>The darker, the more often two agents say the same where both vote. Blocks \
         that are darker than their surroundings may be one source under several names.</p>\n{}\n</body></html>\n",
        grouped(tasks),
        per_cent(quorate, tasks),
        over_time(moments),
        reliability(bins),
        by_domain(standings),
        who_agrees(agreement),
    )
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn per_cent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * share(part, whole))
}

/// A frame from 0 to 100 % upwards; gives where a share lies.
fn frame(drawing: &mut Drawing, top: f64, bottom: f64, right: f64) -> impl Fn(f64) -> f64 + use<> {
    let y = move |share: f64| bottom - share * (bottom - top);
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        drawing.line("axis", (LEFT, y(share)), (right, y(share)));
        drawing.text((LEFT - 6.0, y(share) + 4.0), Anchor::End, &format!("{:.0} %", 100.0 * share));
    }
    y
}

fn over_time(moments: &[Moment]) -> String {
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else {
        return "<p>No task has closed.</p>".to_owned();
    };
    let mut drawing = Drawing::new(WIDTH, 220.0);
    let y = frame(&mut drawing, 12.0, 190.0, WIDTH - 8.0);
    let span = (last.from_us - first.from_us).max(1) as f64;
    let x = |moment: &Moment| {
        LEFT + (moment.from_us - first.from_us) as f64 / span * (WIDTH - 8.0 - LEFT)
    };
    let covers: Vec<_> =
        moments.iter().map(|m| (x(m), y(share(m.sum.quorate, m.sum.tasks)))).collect();
    drawing.path("covers", &covers);
    let known = moments.iter().filter(|moment| moment.sum.known > 0);
    let right: Vec<_> = known.map(|m| (x(m), y(share(m.sum.right, m.sum.known)))).collect();
    drawing.path("right", &right);
    drawing.text((LEFT, 208.0), Anchor::Start, &format_rfc3339(first.from_us));
    drawing.text((WIDTH - 8.0, 208.0), Anchor::End, &format_rfc3339(last.from_us));
    drawing.to_string()
}

fn reliability(bins: &[Bin]) -> String {
    let known: u64 = bins.iter().map(|bin| bin.sum.known).sum();
    if known == 0 {
        return "<p>No right answer is known.</p>".to_owned();
    }
    let (top, bottom, right) = (12.0, 300.0, LEFT + 288.0);
    let mut drawing = Drawing::new(WIDTH, 330.0);
    let y = frame(&mut drawing, top, bottom, right);
    let x = |share: f64| LEFT + share * (right - LEFT);
    drawing.line("ideal", (x(0.0), y(0.0)), (x(1.0), y(1.0)));
    for bin in bins.iter().filter(|bin| bin.sum.known > 0) {
        let (confidence, right) =
            (bin.confidence / bin.sum.known as f64, share(bin.sum.right, bin.sum.known));
        let radius = 2.0 + 14.0 * share(bin.sum.known, known).sqrt();
        let title = format!(
            "{} answers, {:.1} % sure on average, {:.1} % right",
            bin.sum.known,
            100.0 * confidence,
            100.0 * right
        );
        drawing.dot("dot", (x(confidence), y(right)), radius, &title);
    }
    drawing.text((x(0.0), bottom + 18.0), Anchor::Start, "no confidence");
    drawing.text((x(1.0), bottom + 18.0), Anchor::End, "all confidence");
    drawing.to_string()
}

/// Wilson's interval for a share of which `right` of `seen` are known, at 95 %.
fn interval(right: f64, seen: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    if seen <= 0.0 {
        return (0.0, 1.0);
    }
    let (share, squared) = ((right / seen).clamp(0.0, 1.0), Z * Z);
    let middle = (share + squared / (2.0 * seen)) / (1.0 + squared / seen);
    let half = Z / (1.0 + squared / seen)
        * (share * (1.0 - share) / seen + squared / (4.0 * seen * seen)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

fn by_domain(standings: &[Standing]) -> String {
    let agents: BTreeSet<&str> = standings.iter().map(|row| row.agent.as_str()).collect();
    let domains: BTreeSet<&str> = standings.iter().map(|row| row.domain.as_str()).collect();
    if agents.is_empty() {
        return "<p>No agent has shown anything yet.</p>".to_owned();
    }
    let (row_height, names, top) = (18.0, 120.0, 26.0);
    let width = (WIDTH - names) / domains.len() as f64;
    let mut drawing = Drawing::new(WIDTH, top + row_height * agents.len() as f64 + 6.0);
    for (nr, domain) in domains.iter().enumerate() {
        let name = if domain.is_empty() { "no domain" } else { domain };
        let x = names + width * nr as f64;
        drawing.text((x + width / 2.0, 14.0), Anchor::Middle, &cut(name, (width / 7.0) as usize));
    }
    for (nr, agent) in agents.iter().enumerate() {
        let y = top + row_height * (nr as f64 + 0.5);
        drawing.text((names - 12.0, y + 4.0), Anchor::End, &cut(agent, 18));
        for (nr, domain) in domains.iter().enumerate() {
            let found = |row: &&Standing| row.agent == **agent && row.domain == **domain;
            let Some(row) = standings.iter().find(found) else { continue };
            let x = |share: f64| names + width * nr as f64 + 8.0 + share * (width - 16.0);
            let (low, high) = interval(row.right, row.seen);
            drawing.line("whisker", (x(low), y), (x(high), y));
            if row.seen > 0.0 {
                let title = format!(
                    "{agent} in {domain}: right in {:.1} of {:.1}, weighs {:.2}",
                    row.right, row.seen, row.weight
                );
                let class = if high < 0.5 { "poor" } else { "dot" };
                drawing.dot(class, (x((row.right / row.seen).clamp(0.0, 1.0)), y), 4.0, &title);
            }
        }
    }
    drawing.to_string()
}

fn who_agrees(agreement: &Agreement) -> String {
    let Agreement { agents, pairs } = agreement;
    if agents.is_empty() {
        return "<p>Nobody has voted.</p>".to_owned();
    }
    let names = 120.0;
    let side = ((WIDTH - names) / agents.len() as f64).min(20.0);
    let mut drawing = Drawing::new(WIDTH, side * agents.len() as f64 + 6.0);
    for (row, one) in agents.iter().enumerate() {
        let y = side * row as f64;
        drawing.text((names - 12.0, y + side / 2.0 + 4.0), Anchor::End, &cut(one, 18));
        for (column, other) in agents.iter().enumerate().filter(|(column, _)| *column != row) {
            let (both, same) = pairs[row][column];
            if both == 0 {
                continue;
            }
            let title = format!("{one} and {other}: the same on {same} of {both}");
            let place = (names + side * column as f64, y);
            drawing.square(place, side - 1.0, share(same, both), &title);
        }
    }
    drawing.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_share_and_narrows() {
        let (low, high) = interval(8.0, 10.0);
        assert!((0.49..0.50).contains(&low) && (0.94..0.95).contains(&high), "{low} {high}");
        let (closer, _) = interval(800.0, 1_000.0);
        assert!(closer > low);
        assert_eq!(interval(0.0, 0.0), (0.0, 1.0));
    }
}
