//! Rust without its comments and literals, so that a word in prose is not mistaken for code.
//!
//! Not a parser: it knows line and nested block comments, strings with escapes, raw strings, and a character from a
//! lifetime. Every character it removes becomes a space, so lines keep their numbers.

/// The same lines with comments and the insides of literals blanked.
pub(crate) fn code_of(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let skipped = literal_or_comment_len(rest, &code);
        let (taken, blank) = if skipped > 0 { (skipped, true) } else { (first.len_utf8(), false) };
        let (head, tail) = rest.split_at(taken);
        code.extend(head.chars().map(|c| if blank && c != '\n' { ' ' } else { c }));
        rest = tail;
    }
    code
}

/// The lines before a file's tests, which the house puts last.
pub(crate) fn before_tests(code: &str) -> &str {
    let end = code.find("#[cfg(test)]").unwrap_or(code.len());
    &code[..end]
}

/// The identifiers of a piece of code, in order.
pub(crate) fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Bytes of the comment or literal at the start of `rest`; 0 if there is none.
fn literal_or_comment_len(rest: &str, before: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_len(rest);
    }
    if let Some(inside) = rest.strip_prefix('"') {
        return 1 + string_end(inside);
    }
    let inside_a_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let prefix = rest.strip_prefix('b').unwrap_or(rest);
    if !inside_a_word && let Some(raw) = prefix.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let opened = rest.len() - raw.len() + hashes + 1;
            return rest[opened..].find(&close).map_or(rest.len(), |at| opened + at + close.len());
        }
    }
    character_len(rest)
}

fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Bytes up to and with the closing quote.
fn string_end(inside: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    inside.len()
}

/// `'x'`, `'\n'`, `'\u{1F}'`; 0 for a lifetime.
fn character_len(rest: &str) -> usize {
    let Some(inside) = rest.strip_prefix('\'') else {
        return 0;
    };
    if let Some(escape) = inside.strip_prefix('\\') {
        // The escaped character itself may be a quote, so the search begins behind it.
        return escape.get(1..).and_then(|tail| tail.find('\'')).map_or(0, |at| at + 4);
    }
    let mut characters = inside.chars();
    match (characters.next(), characters.next()) {
        (Some(c), Some('\'')) => c.len_utf8() + 2,
        _ => 0,
    }
}

#[test]
fn only_code_is_left_and_lines_keep_their_numbers() {
    let check = |text: &str, words: &[&str]| {
        let code = code_of(text);
        assert_eq!(code.lines().count(), text.lines().count(), "{text}");
        assert_eq!(identifiers(&code).collect::<Vec<_>>(), words, "{text}");
    };
    check("let a = 1; // let b", &["let", "a", "1"]);
    check("/* x /* y */ z\n */ fn f() {}", &["fn", "f"]);
    check(r#"let s = "a \" b"; t"#, &["let", "s", "t"]);
    check(r#"f("\\"); g"#, &["f", "g"]);
    check("r#\"a \" b\n\"#; x", &["x"]);
    check("br\"a\"; x", &["x"]);
    check("for r in rows {}", &["for", "r", "in", "rows"]);
    check("'\"'; '\\''; b'\\\\'; '\\u{1F}'; x", &["b", "x"]);
    check("fn f<'a>(x: &'a str) {}", &["fn", "f", "a", "x", "a", "str"]);
}
