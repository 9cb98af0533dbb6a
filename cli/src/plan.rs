//! `quorate plan`: what a job computes, keeps and is bounded by.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;
use quorate_runtime::job::{Job, Loaded, Part, Plan};

use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate plan demo/job.toml
  quorate plan demo/job.toml --format mermaid            for a document that draws it
  quorate plan demo/job.toml --format dot | dot -Tsvg > plan.svg

Reads the job file alone: neither its sources nor its store need to be there.";

/// How wide text may be.
const SCREEN: usize = 80;
/// Where text begins.
const INDENT: usize = 10;

/// Draw what a job computes, with what each part keeps and what bounds it
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The job file
    job: PathBuf,
    /// How to draw it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let Loaded { job, warnings } = Job::load(&args.job)?;
    console.findings(&warnings);
    let plan = job.plan();
    let drawn = match args.format {
        Format::Text => text(&plan),
        Format::Dot => dot(&plan),
        Format::Mermaid => mermaid(&plan),
    };
    console.out(drawn.trim_end())?;
    Ok(Exit::Done)
}

fn text(plan: &Plan) -> String {
    let mut text = String::new();
    for part in &plan.parts {
        let workers = if part.on_all { "" } else { "  (on one worker)" };
        let _ = writeln!(text, "{}{workers}", part.id);
        paragraph("does", &part.does, &mut text);
        paragraph("keeps", &part.keeps, &mut text);
        paragraph("at most", &part.bound, &mut text);
        let to: Vec<String> = plan
            .flows
            .iter()
            .filter(|flow| flow.from == part.id)
            .map(|flow| {
                let later = if flow.later { ", an epoch later" } else { "" };
                format!("{} ({}{later})", flow.to, flow.what)
            })
            .collect();
        paragraph("to", &to.join("; "), &mut text);
        text.push('\n');
    }
    text
}

/// Words under a heading at the left, in lines that fit the screen; nothing, if there are none.
fn paragraph(heading: &str, words: &str, text: &mut String) {
    let mut line = format!("  {heading:<width$}", width = INDENT - 2);
    let mut begun = false;
    for word in words.split_whitespace() {
        if begun && line.chars().count() + 1 + word.chars().count() > SCREEN {
            let _ = writeln!(text, "{line}");
            line = " ".repeat(INDENT);
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    if begun {
        let _ = writeln!(text, "{line}");
    }
}

fn dot(plan: &Plan) -> String {
    let mut text = String::from("digraph job {\n  rankdir = LR;\n  node [shape = box];\n");
    for part in &plan.parts {
        let label = label(part).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(text, "  \"{}\" [label = \"{label}\"];", part.id);
    }
    for flow in &plan.flows {
        let style = if flow.later { ", style = dashed" } else { "" };
        let _ = writeln!(
            text,
            "  \"{}\" -> \"{}\" [label = \"{}\"{style}];",
            flow.from, flow.to, flow.what
        );
    }
    text.push_str("}\n");
    text
}

fn mermaid(plan: &Plan) -> String {
    let id = |id: &str| id.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let quoted = |text: &str| text.replace('"', "#quot;").replace('\n', "<br>");
    let mut text = String::from("flowchart LR\n");
    for part in &plan.parts {
        let _ = writeln!(text, "  {}[\"{}\"]", id(&part.id), quoted(&label(part)));
    }
    for flow in &plan.flows {
        let arrow = if flow.later { "-.->" } else { "-->" };
        let (from, to) = (id(&flow.from), id(&flow.to));
        let _ = writeln!(text, "  {from} {arrow}|\"{}\"| {to}", quoted(flow.what));
    }
    text
}

fn label(part: &Part) -> String {
    let Part { id, does, keeps, bound, .. } = part;
    match keeps.is_empty() {
        true => format!("{id}\n{does}"),
        false => format!("{id}\n{does}\nkeeps {keeps}\nat most {bound}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plan() -> Plan {
        let text = "name = \"a\"\n[source.votes]\nfiles = \"a\\\"b\"";
        Job::parse(text, Path::new("a.toml")).unwrap().job.plan()
    }

    #[test]
    fn text_fits_the_screen() {
        let text = text(&plan());
        assert!(text.lines().all(|line| line.chars().count() <= SCREEN), "{text}");
        assert!(text.contains("booths\n") && text.contains("an epoch later"), "{text}");
    }

    #[test]
    fn what_a_file_is_called_does_not_break_a_drawing() {
        let dot = dot(&plan());
        assert!(dot.contains(r#"read a\"b to their end"#), "{dot}");
        let mermaid = mermaid(&plan());
        assert!(mermaid.contains("read a#quot;b to their end"), "{mermaid}");
    }
}
