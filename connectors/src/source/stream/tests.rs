use std::fs::OpenOptions;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::NamedTempFile;

use super::*;

/// One gzip member or zstd frame.
fn pack(packing: Packing, content: &[u8]) -> Vec<u8> {
    match packing {
        Packing::Plain => content.to_vec(),
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Packing::Zstd => zstd::encode_all(content, 3).unwrap(),
    }
}

fn file_of(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn open(file: &NamedTempFile, packing: Packing, from: u64, extent: Extent) -> Stream {
    Stream::open(file.reopen().unwrap(), packing, from, extent).unwrap()
}

/// Reads in steps of `room` bytes up to the first answer that is no bytes.
fn pour(stream: &mut Stream, room: usize) -> (Vec<u8>, Poured) {
    let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        match stream.read(&mut buffer).unwrap() {
            Poured::Bytes(bytes) => all.extend_from_slice(&buffer[..bytes]),
            Poured::Skipped(_) => {}
            last => return (all, last),
        }
    }
}

fn lines(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|nr| format!("{{\"nr\":{nr},\"square\":{}}}\n", nr * nr).into_bytes())
        .collect()
}

const ALL: [Packing; 3] = [Packing::Plain, Packing::Gzip, Packing::Zstd];
const PACKED: [Packing; 2] = [Packing::Gzip, Packing::Zstd];

#[test]
fn members_and_frames_are_one_stream_from_any_position() {
    let content = lines(20_000);
    for packing in ALL {
        let parts: Vec<u8> = content.chunks(100_000).flat_map(|part| pack(packing, part)).collect();
        let file = file_of(&parts);
        for from in [0, 1, 65_536, 99_999, 100_000, content.len()] {
            let mut stream = open(&file, packing, from as u64, Extent::Bytes(parts.len() as u64));
            assert_eq!(
                pour(&mut stream, 7_777),
                (content[from..].to_vec(), Poured::End),
                "{packing:?} from {from}"
            );
        }
    }
}

#[test]
fn an_empty_file_is_no_truncated_one() {
    for packing in ALL {
        let mut stream = open(&file_of(b""), packing, 0, Extent::Bytes(0));
        assert_eq!(pour(&mut stream, 10), (Vec::new(), Poured::End), "{packing:?}");
    }
}

#[test]
fn a_truncated_stream_gives_a_prefix_and_then_says_so_wherever_it_was_cut() {
    let content = lines(60);
    for packing in PACKED {
        let whole = pack(packing, &content);
        for cut in 1..whole.len() {
            let mut stream = open(&file_of(&whole[..cut]), packing, 0, Extent::Bytes(cut as u64));
            let (poured, last) = pour(&mut stream, 100);
            assert!(content.starts_with(&poured));
            assert_eq!(
                last,
                Poured::Damaged(format!("truncated {} stream", packing.word())),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn rows_before_the_end_of_a_truncated_stream_are_given() {
    let content = lines(100_000);
    for packing in PACKED {
        let whole = pack(packing, &content);
        let cut = whole.len() - 9;
        let (poured, _) =
            pour(&mut open(&file_of(&whole[..cut]), packing, 0, Extent::Bytes(cut as u64)), 5_000);
        assert!(
            poured.len() > content.len() - 200_000,
            "{packing:?}: {} of {}",
            poured.len(),
            content.len()
        );
    }
}

#[test]
fn a_corrupt_stream_gives_the_same_bytes_for_any_budget() {
    let content = lines(50_000);
    for packing in PACKED {
        let mut whole = pack(packing, &content);
        let middle = whole.len() / 2;
        whole[middle..middle + 40].fill(0xff);
        let file = file_of(&whole);
        let read =
            |room| pour(&mut open(&file, packing, 0, Extent::Bytes(whole.len() as u64)), room);
        let (poured, last) = read(1 << 20);
        assert!(matches!(&last, Poured::Damaged(what) if what.starts_with("corrupt")), "{last:?}");
        assert_eq!(read(999), (poured, last));
    }
}

#[test]
fn a_stream_shorter_than_the_position_is_damaged_and_not_at_its_end() {
    for packing in PACKED {
        let whole = pack(packing, b"{}\n");
        let mut stream = open(&file_of(&whole), packing, 10, Extent::Bytes(whole.len() as u64));
        assert!(
            matches!(pour(&mut stream, 10), (_, Poured::Damaged(what)) if what.contains("7 bytes before"))
        );
    }
}

#[test]
fn a_bounded_file_that_shrinks_is_damaged() {
    let file = file_of(b"0123456789");
    let mut stream = open(&file, Packing::Plain, 0, Extent::Bytes(10));
    file.as_file().set_len(4).unwrap();
    let (poured, last) = pour(&mut stream, 3);
    assert_eq!(poured, b"0123");
    assert!(matches!(last, Poured::Damaged(what) if what.contains("6 bytes before")));
}

#[test]
fn a_bounded_file_ends_where_it_ended_when_it_was_opened() {
    for packing in ALL {
        let whole = pack(packing, b"first\n");
        let file = file_of(&whole);
        let mut stream = open(&file, packing, 0, Extent::Bytes(whole.len() as u64));
        append(&file, &pack(packing, b"second\n"));
        assert_eq!(pour(&mut stream, 100), (b"first\n".to_vec(), Poured::End), "{packing:?}");
    }
}

fn append(file: &NamedTempFile, bytes: &[u8]) {
    OpenOptions::new().append(true).open(file.path()).unwrap().write_all(bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A followed file comes in pieces cut anywhere, also inside a header, a block or a checksum.
    #[test]
    fn a_growing_file_gives_every_byte_once(
        parts in prop::collection::vec(0usize..400, 1..4),
        sizes in prop::collection::vec(1usize..200, 1..20),
        room in 1usize..300,
    ) {
        for packing in ALL {
            let contents: Vec<Vec<u8>> = parts.iter().map(|&count| lines(count)).collect();
            let whole: Vec<u8> = contents.iter().flat_map(|part| pack(packing, part)).collect();
            let file = file_of(b"");
            let mut stream = open(&file, packing, 0, Extent::Open);
            let (mut poured, mut rest) = (Vec::new(), whole.as_slice());
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                append(&file, piece);
                rest = after;
                let (more, last) = pour(&mut stream, room);
                prop_assert_eq!(last, Poured::Nothing);
                poured.extend(more);
            }
            stream.close();
            let (more, last) = pour(&mut stream, room);
            poured.extend(more);
            prop_assert_eq!((poured, last), (contents.concat(), Poured::End));
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0usize..3) {
        let bytes = [[&b""[..], b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"][magic], &bytes[..]].concat();
        let file = file_of(&bytes);
        for packing in ALL {
            let (_, last) = pour(&mut open(&file, packing, 0, Extent::Bytes(bytes.len() as u64)), 50);
            prop_assert!(matches!(last, Poured::End | Poured::Damaged(_)));
        }
    }
}
