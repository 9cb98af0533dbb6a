//! Bounded files of every packing, read in any steps, interrupted anywhere.

use std::fs::File;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use quorate_connectors::source::{Packing, ReadStep, Reading};

use super::rig::{Line, Rig, pack, row, rows};

const NAMES: [(&str, Packing); 3] =
    [("v.jsonl", Packing::Plain), ("v.jsonl.gz", Packing::Gzip), ("v.jsonl.zst", Packing::Zstd)];

/// The lines of a content, read at once.
fn lines_of(name: &str, content: &str) -> Vec<Line> {
    let mut position = 0;
    let mut lines = Vec::new();
    for line in content.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        if !text.trim_ascii().is_empty() {
            lines.push((name.to_owned(), position, text.to_owned()));
        }
        position += line.len() as u64;
    }
    lines
}

#[test]
fn an_empty_file_is_done_without_a_row() {
    for (name, _) in NAMES {
        let mut rig = Rig::new(Reading::Bounded, &[name]);
        rig.write(name, "");
        rig.tick();
        assert_eq!(
            (rig.lines.len(), rig.closed[name].next, rig.notices.len()),
            (0, 0, 0),
            "{name}"
        );
    }
}

#[test]
fn what_is_appended_after_opening_is_not_read() {
    for (name, packing) in NAMES {
        let mut rig = Rig::new(Reading::Bounded, &[name]);
        rig.write(name, pack(packing, row(0).as_bytes()));
        rig.survey();
        rig.append(name, pack(packing, row(1).as_bytes()));
        rig.read();
        assert_eq!((rig.lines.len(), rig.closed[name].next), (1, row(0).len() as u64), "{name}");
    }
}

#[test]
fn a_byte_order_mark_and_a_last_line_without_an_end_are_read() {
    for (name, packing) in NAMES {
        let mut rig = Rig::new(Reading::Bounded, &[name]);
        rig.write(name, pack(packing, "\u{feff}{\"a\":1}\r\n\r\n{\"a\":2}".as_bytes()));
        rig.tick();
        let expected = [
            (name.to_owned(), 0, "{\"a\":1}".to_owned()),
            (name.to_owned(), 14, "{\"a\":2}".to_owned()),
        ];
        assert_eq!(rig.lines, expected);
        assert_eq!(rig.closed[name].next, 21);
    }
}

#[test]
fn a_truncated_file_gives_the_lines_that_came_whole_and_one_damage_wherever_it_was_cut() {
    let content = rows(0..40);
    for (name, packing) in &NAMES[1..] {
        let whole = pack(*packing, content.as_bytes());
        for cut in 1..whole.len() {
            let mut rig = Rig::new(Reading::Bounded, &[name]);
            rig.write(name, &whole[..cut]);
            rig.tick();
            let (damage, before) = rig.lines.split_last().unwrap();
            assert_eq!(damage.2, format!("<truncated {} stream>", packing.word()), "cut at {cut}");
            assert_eq!(before, &lines_of(name, &content)[..before.len()]);
            let closed = &rig.closed[*name];
            assert!(damage.1 < closed.next && before.last().is_none_or(|line| line.1 < damage.1));
            assert_eq!((rig.said("truncated"), closed.done), (1, true));
            rig.commit();
            rig.restart();
            rig.tick();
            assert_eq!(rig.open.len(), 0, "what is done is not read again");
        }
    }
}

#[test]
fn a_line_of_a_hundred_million_bytes_is_one_cut_and_does_not_stop_the_rest() {
    let mut rig = Rig::new(Reading::Bounded, &["v*"]);
    let long_bytes = 100_000_000;
    let file = File::create(rig.path("v.jsonl")).unwrap();
    file.set_len(long_bytes).unwrap();
    rig.append("v.jsonl", format!("\n{}", row(1)));
    let mut packed =
        GzEncoder::new(File::create(rig.path("v.jsonl.gz")).unwrap(), Compression::fast());
    for _ in 0..long_bytes / 1_000_000 {
        packed.write_all(&[b' '; 1_000_000]).unwrap();
    }
    packed.write_all(format!("\n{}", row(2)).as_bytes()).unwrap();
    packed.finish().unwrap();
    rig.tick();
    let found: Vec<(u64, &str)> =
        rig.lines.iter().map(|(_, position, text)| (*position, text.as_str())).collect();
    let next = long_bytes + 1;
    let (one, two) = (row(1), row(2));
    assert_eq!(
        found,
        [
            (0, "<100000000 bytes>"),
            (next, one.trim_end()),
            (0, "<100000000 bytes>"),
            (next, two.trim_end())
        ]
    );
}

#[test]
fn the_position_inside_a_long_line_is_its_beginning() {
    let mut rig = Rig::new(Reading::Bounded, &["v.jsonl"]);
    rig.write("v.jsonl", format!("{}{}\n{}", row(1), "x".repeat(20_000_000), row(2)));
    rig.budget_bytes = 1_000_000;
    rig.survey();
    for _ in 0..18 {
        assert_eq!(rig.poll("v.jsonl"), ReadStep::More);
        assert_eq!(rig.open["v.jsonl"].next(), row(1).len() as u64);
    }
    rig.commit();
    rig.restart();
    rig.tick();
    let texts: Vec<&str> = rig.texts_of("v.jsonl");
    assert_eq!(texts, [row(1).trim_end(), "<20000000 bytes>", row(2).trim_end()]);
}

fn content() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => "[a-z{}\":]{1,40}",
        1 => "[ \t]{0,3}",
        1 => "[é日x]{1,20}",
        1 => "x{2000,3000}",
    ];
    let end = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    prop::collection::vec((line, end), 0..120)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any budgets and any number of restarts at any point give every line once, at its byte.
    #[test]
    fn lines_and_positions_do_not_depend_on_steps_or_restarts(
        content in content(),
        members in 1usize..4,
        steps in prop::collection::vec((1usize..5_000, 0u8..6), 1..40),
    ) {
        for (name, packing) in NAMES {
            let mut rig = Rig::new(Reading::Bounded, &[name]);
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
            prop_assert_eq!(&rig.lines, &lines_of(name, &content));
            prop_assert_eq!(rig.closed.get(name).or(rig.log.get(name)).unwrap().next, content.len() as u64);
        }
    }
}
