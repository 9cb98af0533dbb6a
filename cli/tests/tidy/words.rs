//! Words: nothing says "later", and no name says "something to do with".
//!
//! A vague name (`…Manager`, `…Helper`, `utils`) is where code gathers that nobody found a place for. Only names that
//! are declared here are judged: what a foreign crate calls its own things is its business.

use crate::lexer::{code_of, identifiers};
use crate::tree::{Source, Tree};
use crate::violation::Violation;

// In two parts each, or this file would find itself.
const MARKERS: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK")];
const UNFINISHED_MACROS: &[&str] = &["dbg!", "todo!", "unimplemented!"];

/// Parts of a name that say nothing.
const VAGUE_PARTS: &[&str] = &[
    "manager",
    "managers",
    "handler",
    "handlers",
    "util",
    "utils",
    "utility",
    "utilities",
    "helper",
    "helpers",
];
/// Items that say nothing when it is all their name. (`state` is also a column of `decisions`: a variable may be one.)
const VAGUE_ALONE: &[&str] = &["data", "state"];

/// Keywords that a declared name follows.
const DECLARING: &[&str] =
    &["fn", "struct", "enum", "union", "trait", "type", "mod", "const", "static"];

pub(crate) fn unfinished(tree: &Tree) -> Vec<Violation> {
    tree.sources.iter().filter(|source| is_code(source)).flat_map(unfinished_in).collect()
}

fn is_code(source: &Source) -> bool {
    let endings = [".rs", ".toml", ".sh", ".py", "Makefile", ".ci/run"];
    endings.iter().any(|end| source.path.ends_with(end))
}

fn unfinished_in(source: &Source) -> Vec<Violation> {
    let code = if source.is_rust() { code_of(&source.text) } else { String::new() };
    let marked = source.text.lines().enumerate().filter_map(|(at, line)| {
        let marker =
            MARKERS.iter().find(|marker| identifiers(line).any(|word| word == **marker))?;
        Some((at, *marker))
    });
    let stubbed = code.lines().enumerate().filter_map(|(at, line)| {
        let call = UNFINISHED_MACROS.iter().find(|call| line.contains(**call))?;
        Some((at, *call))
    });
    let violation = |(at, word): (usize, &str)| Violation {
        path: source.path.clone(),
        line: at + 1,
        fault: format!("`{word}` is left in"),
        remedy: "finish it now, or open an issue and say here why the code is right as it stands",
    };
    marked.chain(stubbed).map(violation).collect()
}

pub(crate) fn vague_names(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .flat_map(|source| vague_path(source).into_iter().chain(vague_declarations(source)))
        .collect()
}

fn vague_path(source: &Source) -> Option<Violation> {
    let stem = source.file_name().trim_end_matches(".rs");
    let vague = source.path.trim_end_matches(".rs").split('/').any(has_vague_part)
        || VAGUE_ALONE.contains(&stem);
    vague.then(|| violation(source, 0, "the path"))
}

fn vague_declarations(source: &Source) -> Vec<Violation> {
    let code = code_of(&source.text);
    let lines = code.lines().enumerate();
    lines
        .flat_map(|(at, line)| {
            vague_names_of(line).map(move |name| violation(source, at + 1, name))
        })
        .collect()
}

/// The vague ones among the names that a line declares.
fn vague_names_of(line: &str) -> impl Iterator<Item = &str> {
    let words: Vec<&str> = identifiers(line).collect();
    let item =
        words.windows(2).filter(|pair| DECLARING.contains(&pair[0])).map(|pair| (pair[0], pair[1]));
    let bound = line
        .split_once("let ")
        .map_or("", |(_, rest)| rest.split(['=', ':', ';']).next().unwrap_or(rest));
    let variable = identifiers(bound).map(|name| ("let", name));
    let declared: Vec<(&str, &str)> = item.chain(variable).collect();
    declared.into_iter().filter(|(keyword, name)| is_vague(keyword, name)).map(|(_, name)| name)
}

fn is_vague(keyword: &str, name: &str) -> bool {
    let lower = name.to_lowercase();
    let alone = keyword != "let" && VAGUE_ALONE.contains(&lower.as_str());
    let verb = keyword == "fn"
        && (name == "process" || name.starts_with("process_"))
        && name != "process_id";
    let record = keyword != "fn" && name == "Event";
    has_vague_part(name) || alone || verb || record
}

fn has_vague_part(name: &str) -> bool {
    parts(name).iter().any(|part| VAGUE_PARTS.contains(&part.as_str()))
}

/// `HttpHandler` and `http_handler` are both `http`, `handler`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_uppercase() {
            parts.push(String::new());
        }
        let last = parts.last_mut().expect("starts with one");
        last.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
    }
    parts
}

fn violation(source: &Source, line: usize, name: &str) -> Violation {
    Violation {
        path: source.path.clone(),
        line,
        fault: format!("`{name}` does not say what it is"),
        remedy: "name the thing or the act itself: manager, handler, util, helper, data, state, process and event don't",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Tree) -> Vec<Violation>, path: &str, text: &str, expected: &[usize]) {
        let found = rule(&Tree::planted(&[(path, text)]));
        let lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
        assert_eq!(lines, expected, "{path} {text}: {found:?}");
    }

    #[test]
    fn what_is_unfinished_is_found() {
        let marker = MARKERS[0];
        check(unfinished, "a.rs", &format!("fn f() {{}}\n// {marker}: more"), &[2]);
        check(unfinished, "a.sh", &format!("# {marker}"), &[1]);
        check(unfinished, "a.md", &format!("{marker}s are not code"), &[]);
        let [shown, stub, ..] = UNFINISHED_MACROS else { panic!("there are some") };
        check(
            unfinished,
            "a.rs",
            &format!("fn f() {{\n    {shown}(1);\n    {stub}()\n}}"),
            &[2, 3],
        );
        check(unfinished, "a.rs", "// todo! in prose and \"dbg!\"", &[]);
    }

    #[test]
    fn vague_names_are_found_where_they_are_declared() {
        check(
            vague_names,
            "a.rs",
            "struct LogManager;\nfn request_handler() {}\nmod util;",
            &[1, 2, 3],
        );
        check(vague_names, "a.rs", "let (vote, helper) = pair;", &[1]);
        check(vague_names, "a.rs", "enum Event {}\nmod state;\nfn process_vote() {}", &[1, 2, 3]);
        check(
            vague_names,
            "a.rs",
            "foreign::set_handler(1);\nlet state = decision.state();\nlet event_time = 1;",
            &[],
        );
        check(vague_names, "a.rs", "// fn helper()\nlet utilisation = 1;\nfn process_id() {}", &[]);
        check(vague_names, "a/helpers/b.rs", "", &[0]);
        check(vague_names, "a/data.rs", "", &[0]);
        check(vague_names, "a/metadata.rs", "", &[]);
    }
}
