//! Files of comma-separated values: cut alike in any steps, followed, rotated, and gone on with under their header.

use std::fs;

use proptest::prelude::*;
use quorate_connectors::source::{Format, Packing, ReadStep, Reading};

use super::rig::{Line, Rig, pack};

const CSV: Format = Format::Csv { delimiter: b',' };
const HEADER: &str = "event_time,task_id,agent_id,choice\n";
const NAMES: [(&str, Packing); 3] =
    [("v.csv", Packing::Plain), ("v.csv.gz", Packing::Gzip), ("v.csv.zst", Packing::Zstd)];

fn row(nr: usize) -> String {
    format!("2026-01-01T00:00:00Z,t{nr},\"an, agent\",\"a\n\"\"choice\"\"\"\n")
}

fn rows(range: std::ops::Range<usize>) -> String {
    range.map(row).collect()
}

fn file(range: std::ops::Range<usize>) -> String {
    format!("{HEADER}{}", rows(range))
}

fn texts(range: std::ops::Range<usize>) -> Vec<String> {
    let mut texts: Vec<String> = range.map(|nr| row(nr).trim_end().to_owned()).collect();
    texts.sort();
    texts
}

fn followed() -> Rig {
    let mut rig = Rig::of(CSV, Reading::Followed, &["v.csv*"]);
    rig.write("v.csv", file(0..3));
    rig.tick();
    rig
}

#[test]
fn a_header_is_no_row_and_an_empty_file_has_none() {
    for (name, packing) in NAMES {
        for (content, headers) in [("", 0), ("\n\n", 0), (HEADER, 1), (HEADER.trim_end(), 1)] {
            let mut rig = Rig::of(CSV, Reading::Bounded, &[name]);
            rig.write(name, pack(packing, content.as_bytes()));
            rig.tick();
            assert_eq!((rig.lines.len(), rig.headers.len()), (0, headers), "{name} {content:?}");
            assert_eq!(rig.closed[name].next, content.len() as u64);
        }
    }
}

#[test]
fn a_record_that_is_not_complete_waits() {
    let mut rig = followed();
    let whole = file(0..4);
    for at in file(0..3).len()..whole.len() {
        rig.tick();
        assert_eq!(rig.lines.len(), 3, "{at}");
        assert_eq!(rig.open["v.csv"].next(), file(0..3).len() as u64);
        rig.commit();
        rig.restart();
        rig.append("v.csv", &whole[at..=at]);
    }
    rig.tick();
    assert_eq!((rig.texts(), rig.open["v.csv"].next()), (texts(0..4), whole.len() as u64));
}

#[test]
fn a_header_that_is_not_complete_waits_and_one_after_blank_lines_is_found_after_a_restart() {
    let mut rig = Rig::of(CSV, Reading::Followed, &["v.csv"]);
    rig.write("v.csv", "\n\r\n");
    for byte in file(0..1).bytes() {
        assert_eq!(rig.lines.len(), 0);
        rig.tick();
        rig.commit();
        rig.restart();
        rig.append("v.csv", [byte]);
    }
    rig.tick();
    assert_eq!(
        (rig.texts(), rig.headers.last().unwrap().1.as_str()),
        (texts(0..1), HEADER.trim_end())
    );
}

#[test]
fn files_with_the_same_header_are_no_copies_of_each_other() {
    let mut rig = Rig::of(CSV, Reading::Followed, &["*.csv"]);
    for name in ["a.csv", "b.csv", "c.csv"] {
        rig.write(name, HEADER);
        rig.tick();
    }
    for (name, nr) in [("a.csv", 0), ("b.csv", 1), ("c.csv", 2)] {
        rig.append(name, row(nr));
    }
    rig.write("d.csv", file(3..4));
    rig.tick();
    assert_eq!((rig.texts(), rig.notices.len()), (texts(0..4), 0), "{:?}", rig.notices);
    rig.commit();
    rig.restart();
    rig.tick();
    assert_eq!((rig.texts(), rig.open.len()), (texts(0..4), 4));
}

#[test]
fn a_rotated_file_is_read_to_its_end_and_the_new_one_under_its_own_header() {
    for missed in [false, true] {
        let mut rig = followed();
        rig.commit();
        rig.append("v.csv", rows(3..5));
        if missed {
            rig.restart();
        }
        rig.rename("v.csv", "v.csv.1");
        rig.write("v.csv", file(5..7));
        rig.append("v.csv.1", rows(7..8));
        rig.tick();
        rig.pass_time();
        assert_eq!((rig.texts(), rig.open.len()), (texts(0..8), 1), "{:?}", rig.notices);
        assert_eq!(rig.texts_of("v.csv").len(), 6);
    }
}

#[test]
fn what_rotation_copies_or_compresses_is_read_once() {
    for compress in [false, true] {
        let mut rig = followed();
        rig.commit();
        rig.append("v.csv", rows(3..5));
        if compress {
            rig.write("v.csv.1.gz", pack(Packing::Gzip, file(0..5).as_bytes()));
            rig.rename("v.csv", "v.csv.1");
            rig.write("v.csv", file(5..6));
            rig.remove("v.csv.1");
            rig.restart();
        } else {
            rig.copy("v.csv", "v.csv.1");
            rig.truncate("v.csv");
            rig.append("v.csv", file(5..6));
            rig.tick();
        }
        rig.tick();
        rig.pass_time();
        rig.tick();
        assert_eq!((rig.texts(), rig.open.len()), (texts(0..6), 1), "compress: {compress}");
    }
}

#[test]
fn a_truncated_packed_file_gives_the_records_that_came_whole_and_one_damage() {
    let content = file(0..30);
    for (name, packing) in &NAMES[1..] {
        let whole = pack(*packing, content.as_bytes());
        for cut in (1..whole.len()).step_by(3) {
            let mut rig = Rig::of(CSV, Reading::Bounded, &[name]);
            rig.write(name, &whole[..cut]);
            rig.tick();
            let (damage, before) = rig.lines.split_last().unwrap();
            assert_eq!(damage.2, format!("<truncated {} stream>", packing.word()), "cut at {cut}");
            let expected = lines_of(name, &(0..30).map(row).collect::<Vec<String>>());
            assert_eq!(before, &expected[..before.len()]);
            assert!(damage.1 < rig.closed[*name].next);
        }
    }
}

#[test]
fn a_quote_that_is_not_closed_costs_its_line() {
    for (name, packing) in NAMES {
        let mut rig = Rig::of(CSV, Reading::Bounded, &[name]);
        let bad = "2026-01-01T00:00:00Z,t,\"a,x\n";
        let content = [file(0..3), bad.to_owned(), rows(3..5), bad.to_owned()].concat();
        rig.write(name, pack(packing, content.as_bytes()));
        rig.tick();
        let said: Vec<&str> =
            rig.texts_of(name).into_iter().filter(|text| text.starts_with('<')).collect();
        assert_eq!(
            said,
            [
                "<something stands behind a closing quote>",
                "<a quoted cell does not end before the file does>"
            ]
        );
        assert_eq!(rig.lines.len(), 7, "{:?}", rig.lines);
    }
}

/// The lines of a file that has `HEADER` and these records.
fn lines_of(name: &str, records: &[String]) -> Vec<Line> {
    let mut position = HEADER.len() as u64;
    let line = |record: &String| {
        let at = position;
        position += record.len() as u64;
        let text = record.strip_suffix("\r\n").or(record.strip_suffix('\n')).unwrap_or(record);
        (name.to_owned(), at, text.to_owned())
    };
    records.iter().map(line).collect()
}

/// A record as another writer writes it.
fn record() -> impl Strategy<Value = String> {
    let cell = prop_oneof![4 => "[a-z0-9]{0,8}", 2 => "[a,\"\r\n é]{0,12}", 1 => "(x\n){200,300}"];
    (prop::collection::vec(cell, 4), any::<bool>()).prop_map(|(cells, crlf)| {
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(end).from_writer(Vec::new());
        writer.write_record(&cells).unwrap();
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any budgets and any number of restarts at any point give every record once, at its byte, under its header.
    #[test]
    fn records_and_positions_do_not_depend_on_steps_or_restarts(
        records in prop::collection::vec(record(), 0..80),
        members in 1usize..4,
        steps in prop::collection::vec((1usize..5_000, 0u8..6), 1..40),
    ) {
        let content = format!("{HEADER}{}", records.concat());
        for (name, packing) in NAMES {
            let mut rig = Rig::of(CSV, Reading::Bounded, &[name]);
            let bytes = content.as_bytes();
            let member_bytes = (bytes.len() / members).max(1);
            rig.write(name, bytes.chunks(member_bytes).flat_map(|part| pack(packing, part)).collect::<Vec<u8>>());
            rig.survey();
            for (budget_bytes, act) in steps.iter().cycle().take(200) {
                rig.budget_bytes = *budget_bytes;
                match act {
                    0 => { rig.restart(); rig.survey(); }
                    1 => rig.commit(),
                    _ if rig.open.is_empty() => break,
                    _ => { rig.poll(name); }
                }
            }
            rig.read();
            prop_assert_eq!(&rig.lines, &lines_of(name, &records));
            prop_assert!(rig.headers.iter().all(|(_, header)| header == HEADER.trim_end()));
            prop_assert_eq!(rig.closed.get(name).or(rig.log.get(name)).unwrap().next, content.len() as u64);
        }
    }

    /// Any bytes are cut alike in any steps, followed as they grow or read at once.
    #[test]
    fn any_bytes_are_cut_alike_at_once_and_as_they_come(
        bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300),
        sizes in prop::collection::vec(1usize..50, 1..20),
    ) {
        let mut whole = Rig::of(CSV, Reading::Bounded, &["v.csv"]);
        whole.write("v.csv", &bytes);
        whole.tick();
        let mut grown = Rig::of(CSV, Reading::Followed, &["v.csv"]);
        grown.write("v.csv", "");
        grown.survey();
        let mut rest = bytes.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            grown.append("v.csv", piece);
            while grown.poll("v.csv") == ReadStep::More {}
            rest = after;
        }
        fs::remove_file(grown.path("v.csv")).unwrap();
        grown.pass_time();
        prop_assert_eq!((&grown.lines, &grown.headers), (&whole.lines, &whole.headers));
    }
}
