//! Frames between two processes: what everything that crosses a connection is cut into.
//!
//! ```text
//!   length u32 │ kind u8 │ tag u64 │ length bytes          little-endian
//! ```
//!
//! 1. The tag is SipHash-2-4 of the frame's number, kind and bytes, under a key that only the two ends of this connection
//!    know, one for each direction: a frame that was changed, repeated, left out or put in by somebody else is no frame.
//!    (Nothing is hidden by it: that is what TLS is for.)
//! 2. A length is looked at before anything is allocated for it.
//!
//! *Cost*: 13 bytes and a hash of about a nanosecond a byte.

use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// Bytes ahead of a frame's own.
pub(crate) const HEADER: usize = 13;

/// The most bytes of a frame.
pub(crate) const LONGEST: usize = 1 << 20;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A step of the handshake.
    Hand,
    /// A word from process to process.
    Word,
    /// Rows: a piece of what timely's workers send each other.
    Rows,
    /// No more rows will come.
    End,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Hand, Kind::Word, Kind::Rows, Kind::End];

    fn code(self) -> u8 {
        match self {
            Kind::Hand => 1,
            Kind::Word => 2,
            Kind::Rows => 3,
            Kind::End => 4,
        }
    }
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// It is too long.
    #[error(
        "a frame of {length} bytes, where {most} are the most: this is not how our processes speak"
    )]
    TooLong {
        /// What it says.
        length: u32,
        /// What may be.
        most: usize,
    },
    /// It is of no kind.
    #[error("a frame of unknown kind {0}: this is not how our processes speak")]
    UnknownKind(u8),
    /// Its tag is not what it would be.
    #[error("a frame whose tag does not fit: it was damaged, or is not from whom it should be")]
    Tag,
}

/// The beginning of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// What it holds.
    pub(crate) kind: Kind,
    /// How many bytes.
    pub(crate) length: usize,
    tag: u64,
}

impl Header {
    /// Reads a header of a frame that may have so many bytes.
    pub(crate) fn read(bytes: &[u8; HEADER], most: usize) -> Result<Header, Broken> {
        let (length, rest) = bytes.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default());
        let kind = Kind::ALL.into_iter().find(|kind| kind.code() == rest[0]);
        let kind = kind.ok_or(Broken::UnknownKind(rest[0]))?;
        let tag = u64::from_le_bytes(rest[1..].try_into().unwrap_or_default());
        match usize::try_from(length) {
            Ok(length) if length <= most.min(LONGEST) => Ok(Header { kind, length, tag }),
            _ => Err(Broken::TooLong { length, most: most.min(LONGEST) }),
        }
    }
}

/// One direction of a connection, at either end of it.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    key: [u8; 16],
    number: u64,
}

impl Lane {
    /// A lane that begins.
    pub(crate) fn new(key: [u8; 16]) -> Lane {
        Lane { key, number: 0 }
    }

    /// Writes the header of the frame that `frame` holds behind [`HEADER`] free bytes.
    ///
    /// # Panics
    /// If it is longer than [`LONGEST`], which no caller lets happen.
    pub(crate) fn seal(&mut self, kind: Kind, frame: &mut [u8]) {
        let (header, bytes) = frame.split_at_mut(HEADER);
        assert!(bytes.len() <= LONGEST, "a frame is cut before it is sealed");
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let tag = self.next_tag(kind, bytes);
        header[..4].copy_from_slice(&length.to_le_bytes());
        header[4] = kind.code();
        header[5..].copy_from_slice(&tag.to_le_bytes());
    }

    /// The whole frame of `bytes`.
    pub(crate) fn frame(&mut self, kind: Kind, bytes: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; HEADER];
        frame.extend_from_slice(bytes);
        self.seal(kind, &mut frame);
        frame
    }

    /// Checks the next frame.
    ///
    /// # Errors
    /// If it is not the one that was sealed at the other end.
    pub(crate) fn check(&mut self, header: &Header, bytes: &[u8]) -> Result<(), Broken> {
        let tag = self.next_tag(header.kind, bytes);
        if tag == header.tag { Ok(()) } else { Err(Broken::Tag) }
    }

    fn next_tag(&mut self, kind: Kind, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&self.number.to_le_bytes());
        hasher.write(&[kind.code()]);
        hasher.write(bytes);
        self.number += 1;
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lane: &mut Lane, frame: &[u8]) -> Result<(Kind, Vec<u8>), Broken> {
        let header = Header::read(frame[..HEADER].try_into().unwrap(), LONGEST)?;
        lane.check(&header, &frame[HEADER..])?;
        Ok((header.kind, frame[HEADER..].to_vec()))
    }

    #[test]
    fn frames_are_read_as_they_were_sealed_and_in_no_other_order() {
        let (mut from, mut to) = (Lane::new([7; 16]), Lane::new([7; 16]));
        let (a, b) = (from.frame(Kind::Rows, b"rows"), from.frame(Kind::End, b""));
        assert_eq!(read(&mut to.clone(), &b), Err(Broken::Tag), "one was left out");
        assert_eq!(read(&mut to, &a), Ok((Kind::Rows, b"rows".to_vec())));
        assert_eq!(read(&mut to.clone(), &a), Err(Broken::Tag), "one was repeated");
        assert_eq!(read(&mut to, &b), Ok((Kind::End, Vec::new())));
        assert_eq!(read(&mut Lane::new([8; 16]), &a), Err(Broken::Tag), "of another connection");
    }

    #[test]
    fn a_length_is_refused_before_it_is_believed() {
        let mut frame = Lane::new([0; 16]).frame(Kind::Hand, &[0; 100]);
        let header = |frame: &[u8], most| Header::read(frame[..HEADER].try_into().unwrap(), most);
        assert_eq!(header(&frame, 100).map(|header| header.length), Ok(100));
        assert_eq!(header(&frame, 99), Err(Broken::TooLong { length: 100, most: 99 }));
        frame[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(header(&frame, usize::MAX), Err(Broken::TooLong { .. })));
        frame[4] = 9;
        assert_eq!(header(&frame, 100), Err(Broken::UnknownKind(9)));
    }

    proptest! {
        #[test]
        fn any_change_of_any_bit_is_noticed(bytes in proptest::collection::vec(any::<u8>(), 0..200), bit in 0_usize..1 << 12) {
            let mut frame = Lane::new([1; 16]).frame(Kind::Word, &bytes);
            let bit = bit % (frame.len() * 8);
            frame[bit / 8] ^= 1 << (bit % 8);
            let header: [u8; HEADER] = frame[..HEADER].try_into().unwrap();
            let noticed = match Header::read(&header, LONGEST) {
                Err(_) => true,
                Ok(header) if header.length != frame.len() - HEADER => true,
                Ok(header) => Lane::new([1; 16]).check(&header, &frame[HEADER..]).is_err(),
            };
            prop_assert!(noticed);
        }

        #[test]
        fn garbage_is_no_frame(bytes in proptest::collection::vec(any::<u8>(), HEADER..64)) {
            prop_assert!(read(&mut Lane::new([3; 16]), &bytes).is_err());
        }
    }
}
