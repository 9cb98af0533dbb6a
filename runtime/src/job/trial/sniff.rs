//! What a file is that holds no rows of the format that the job says, as far as its first line shows.

use crate::job::Format;

/// How files of other formats begin, what they are, and how they become JSON lines.
const MAGIC: &[(&[u8], &str)] = &[
    (b"PAR1", "is Parquet: write format = \"parquet\" in its source"),
    (b"Obj\x01", "is Avro: convert it to JSON lines"),
    (b"ARROW1", "is an Arrow file: convert it to JSON lines"),
    (b"ORC", "is ORC: convert it to JSON lines"),
    (b"PK\x03\x04", "is a zip archive (or a spreadsheet): unpack it, or export it as csv"),
    (b"SQLite format 3", "is an SQLite database: export its rows as JSON lines or csv"),
    (b"\xff\xfe", "is text in UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "is text in UTF-16: save it as UTF-8"),
    (b"<", "is XML or HTML: convert it to JSON lines"),
];

/// What a file with this first line is instead, and what to do about it.
pub(super) fn looks_like(format: Format, first: &[u8]) -> Option<&'static str> {
    if format == Format::Parquet && first.starts_with(b"PAR1") {
        return None;
    }
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Some(what);
    }
    let first = first.trim_ascii();
    match (format, first) {
        (Format::Json, [b'[', ..]) => Some(
            "is one list of JSON: write each of its objects into a line of its own (jq -c '.[]')",
        ),
        (Format::Json, b"{") => {
            Some("has objects of JSON over several lines: write each into one (jq -c .)")
        }
        (Format::Json, [b'{', ..]) => None,
        (Format::Json, line) if line.iter().any(|byte| b",;\t|".contains(byte)) => {
            Some("looks like csv: write format = \"csv\" in its source")
        }
        (Format::Csv { .. }, [b'{' | b'[', ..]) => {
            Some("looks like JSON: leave format = \"csv\" out of its source")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_format_is_known_by_its_first_line() {
        let check = |format, first: &[u8], word: &str| {
            let said = looks_like(format, first).unwrap_or("nothing");
            assert!(said.contains(word), "{said}");
        };
        let csv = Format::Csv { delimiter: b',' };
        check(Format::Json, b"PAR1\x15\x04", "Parquet");
        check(Format::Json, b"[{\"task_id\":1},", "one list");
        check(Format::Json, b"{", "several lines");
        check(Format::Json, b"task_id,agent_id,choice", "csv");
        check(Format::Json, b"{\"task_id\":1}", "nothing");
        check(Format::Json, b"words", "nothing");
        check(csv, b"{\"task_id\":1}", "JSON");
        check(csv, b"a,b,c", "nothing");
    }
}
