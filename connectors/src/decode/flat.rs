//! The fast way through a row that is one flat object: no nesting, no escapes.
//!
//! It takes no row that the whole parser would refuse, and finds in those it takes what that finds; of the others it
//! says nothing. (Tested against it.)

use super::json::Found;

/// Finds the raw values of `keys` in the flat object that `text` is; `None` if it is not one, and then what was found
/// means nothing. There is a place for each key, and nothing in it yet.
pub(crate) fn fields<'a>(text: &'a str, keys: &[Box<str>], found: &mut Found<'a>) -> Option<()> {
    let mut scan = Scan { text, at: 0 };
    scan.space();
    scan.byte(b'{')?;
    scan.space();
    if scan.byte(b'}').is_some() {
        return scan.is_over().then_some(());
    }
    // Rows mostly have their keys in the order in which they are wanted: the search goes on where the last one ended.
    let mut next = 0;
    loop {
        let key = scan.string()?;
        let key = &key[1..key.len() - 1];
        scan.space();
        scan.byte(b':')?;
        scan.space();
        let value = scan.value()?;
        let is_wanted = |at: &usize| *keys[*at] == *key;
        if let Some(at) = (next..keys.len()).chain(0..next).find(is_wanted) {
            found[at] = Some(value);
            next = at + 1;
        }
        scan.space();
        if scan.byte(b',').is_none() {
            scan.byte(b'}')?;
            return scan.is_over().then_some(());
        }
        scan.space();
    }
}

/// Whether `text` is a number as JSON writes it, and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    let mut scan = Scan { text, at: 0 };
    scan.number().is_some() && scan.at == text.len()
}

/// How many bytes come before the first quote, backslash or control character, if there is one.
fn plain_bytes(text: &[u8]) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Of each byte the highest bit: whether it is less than `bound`, which is at most 0x80 (Anderson, "Bit Twiddling
    // Hacks", "Determine if a word has a byte less than n"). Above the first such byte there may be false ones.
    let less = |word: u64, bound: u64| word.wrapping_sub(EACH * bound) & !word & HIGH;
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = less(word ^ (EACH * u64::from(b'"')), 1);
        let escapes = less(word ^ (EACH * u64::from(b'\\')), 1);
        let found = quotes | escapes | less(word, 0x20);
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
    in_rest.map(|at| words.len() * 8 + at)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn byte(&mut self, expected: u8) -> Option<()> {
        (self.peek() == Some(expected)).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn is_over(&mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.byte(b'"')?;
        self.at += plain_bytes(&self.text.as_bytes()[self.at..])?;
        self.byte(b'"')?;
        Some(&self.text[from..self.at])
    }

    /// A string, a number, a flag or null.
    fn value(&mut self) -> Option<&'a str> {
        let from = self.at;
        match self.peek()? {
            b'"' => return self.string(),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Some(&self.text[from..self.at])
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.byte(b'-');
        if self.byte(b'0').is_none() {
            self.digits()?;
        }
        if self.byte(b'.').is_some() {
            self.digits()?;
        }
        if self.byte(b'e').or_else(|| self.byte(b'E')).is_some() {
            let _ = self.byte(b'+').or_else(|| self.byte(b'-'));
            self.digits()?;
        }
        Some(())
    }

    /// At least one.
    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::Config;

    use super::*;
    use crate::decode::json;

    fn fields<'a>(text: &'a str, keys: &[Box<str>]) -> Option<Found<'a>> {
        let mut found = Found::from_elem(None, keys.len());
        super::fields(text, keys, &mut found).map(|()| found)
    }

    fn keys() -> Vec<Box<str>> {
        ["a", "bc", "é", ""].map(Box::from).to_vec()
    }

    #[test]
    fn a_flat_row_is_read() {
        let keys = keys();
        let check = |text: &str, expected: &[Option<&str>]| {
            assert_eq!(fields(text, &keys).unwrap().as_slice(), expected, "{text}");
        };
        check("{}", &[None; 4]);
        check(
            r#" {"a":1,"bc" : "xé" , "z":null,"":-0.5e+7} "#,
            &[Some("1"), Some("\"xé\""), None, Some("-0.5e+7")],
        );
        check(r#"{"a":1,"a":true}"#, &[Some("true"), None, None, None]);
    }

    #[test]
    fn what_is_not_flat_or_not_json_is_left_to_the_parser() {
        let keys = keys();
        for text in [
            "",
            "{",
            "[]",
            "{} x",
            r#"{"a":1,}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":-}"#,
            r#"{"a":+1}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e}"#,
            r#"{"a" 1}"#,
            r#"{a:1}"#,
            r#"{"a":truth}"#,
            r#"{"a":"x\n"}"#,
            "{\"a\":\"x\ny\"}",
            r#"{"a":{}}"#,
            r#"{"a":[1]}"#,
            r#"{"a":1 "bc":2}"#,
            "{,}",
            r#"{"a":}"#,
        ] {
            assert_eq!(fields(text, &keys), None, "{text}");
        }
    }

    #[test]
    fn plain_bytes_end_at_the_first_that_is_not() {
        for before in 0..20 {
            for (end, after) in
                [(b'"', "x"), (b'\\', "\"\0"), (0, "é"), (0x1f, ""), (b'\n', "\x7f\"")]
            {
                let mut text = "é\u{7f}!#[]~é_abcdefghijklmnop".as_bytes()[..before].to_vec();
                text.push(end);
                text.extend(after.bytes());
                assert_eq!(plain_bytes(&text), Some(before), "{text:?}");
                assert_eq!(plain_bytes(&text[..before]), None, "{text:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(Config { cases: 4_096, failure_persistence: None, ..Config::default() })]

        #[test]
        fn what_it_takes_for_a_number_is_one_to_the_parser(text in r#"[-+0-9.eE ]{0,6}"#) {
            let parsed = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            // The parser allows white space around it.
            let is_one = parsed.is_ok_and(|raw| raw.get() == text);
            prop_assert_eq!(is_number(&text), is_one, "{}", text);
        }

        #[test]
        fn what_it_takes_the_parser_takes_and_reads_alike(
            text in r#"( |"a" ?:|"bc":|,|"[ae0{},\\:é]{0,3}"|true|null|-|-?[0-9]{1,3}(\.[0-9]?)?(e[+-]?[0-9])?|\{|\}|\[|\]){0,9}"#,
        ) {
            for text in [text.clone(), format!("{{{text}}}"), format!("{{\"a\":{text}}}")] {
                if let Some(found) = fields(&text, &keys()) {
                    prop_assert_eq!(json::whole(&text, &keys()), Ok(found), "{}", text);
                }
            }
        }
    }
}
