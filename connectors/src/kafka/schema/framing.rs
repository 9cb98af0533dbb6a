//! Which schema a message was written by: it says so itself, in the way that clients of Confluent's registry have.
//!
//! * In the value: a zero byte, the schema's number in four bytes (big end first), and of Protobuf the path to the type.
//! * In the header `__value_schema_id`: the same without the value's rest, or a one and the sixteen bytes of a GUID.
//!
//! Source: Confluent Platform, "Wire format", of Schema Registry's SerDes.

use std::fmt;

use super::Encoding;

/// The header that may say it.
pub(crate) const HEADER: &str = "__value_schema_id";

/// The deepest a type may lie in others.
const PATH_MAX: usize = 32;

/// Which schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SchemaId {
    /// By its number in this registry.
    Number(u32),
    /// By what it is called in all of them.
    Guid(String),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaId::Number(number) => write!(f, "schema {number}"),
            SchemaId::Guid(guid) => write!(f, "schema {guid}"),
        }
    }
}

/// A value and what it was written by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    /// The schema.
    pub(crate) id: SchemaId,
    /// Of Protobuf, the path to the message's type.
    pub(crate) path: Vec<usize>,
    /// What was written by it.
    pub(crate) body: &'a [u8],
}

/// Takes a value out of its frame; none where a value of JSON has none.
///
/// # Errors
/// Why there is no frame, where there has to be one.
pub(crate) fn unframe<'a>(
    encoding: Encoding,
    header: Option<&'a [u8]>,
    value: &'a [u8],
) -> Result<Option<Framed<'a>>, String> {
    let (id, rest, body) = match header {
        Some(header) => {
            let (id, rest) = identify(header).ok_or_else(|| {
                format!("its header {HEADER} names no schema: {} bytes", header.len())
            })?;
            (id, rest, value)
        }
        None if encoding == Encoding::Json && value.first() != Some(&0) => return Ok(None),
        None => {
            let framed = identify(value).filter(|_| value.first() == Some(&0));
            let (id, rest) = framed.ok_or_else(|| {
                "does not begin with the number of a schema: was it written by a client of a schema registry?".to_owned()
            })?;
            (id, rest, rest)
        }
    };
    if encoding != Encoding::Protobuf {
        return Ok(Some(Framed { id, path: Vec::new(), body }));
    }
    let in_value = header.is_none();
    let (path, after) = path(rest).ok_or("does not say of which type it is")?;
    Ok(Some(Framed { id, path, body: if in_value { after } else { body } }))
}

fn identify(bytes: &[u8]) -> Option<(SchemaId, &[u8])> {
    match bytes.split_first()? {
        (0, rest) => {
            let (number, rest) = rest.split_first_chunk::<4>()?;
            Some((SchemaId::Number(u32::from_be_bytes(*number)), rest))
        }
        (1, rest) => {
            let (guid, rest) = rest.split_first_chunk::<16>()?;
            let hex: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            Some((SchemaId::Guid(parts.join("-")), rest))
        }
        _ => None,
    }
}

/// The path to a type: how many steps, and each of them, as zigzag varints. A zero alone is the first type.
fn path(bytes: &[u8]) -> Option<(Vec<usize>, &[u8])> {
    let (count, mut rest) = varint(bytes)?;
    if count == 0 {
        return Some((vec![0], rest));
    }
    let mut path = Vec::new();
    for _ in 0..usize::try_from(count).ok().filter(|count| *count <= PATH_MAX)? {
        let step;
        (step, rest) = varint(rest)?;
        path.push(usize::try_from(step).ok()?);
    }
    Some((path, rest))
}

fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte & 0x80 == 0 {
            let signed = (number >> 1) as i64 ^ -((number & 1) as i64);
            return Some((signed, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(
        number: u32,
        path: &[usize],
        body: &'static [u8],
    ) -> Result<Option<Framed<'static>>, String> {
        Ok(Some(Framed { id: SchemaId::Number(number), path: path.to_vec(), body }))
    }

    #[test]
    fn a_frame_in_the_value_is_taken_off() {
        assert_eq!(unframe(Encoding::Avro, None, b"\0\0\0\x01\x02body"), number(258, &[], b"body"));
        assert_eq!(
            unframe(Encoding::Protobuf, None, b"\0\0\0\0\x07\0body"),
            number(7, &[0], b"body")
        );
        // Two steps, to the first type within the third: zigzag of 2, 2 and 0.
        let framed = unframe(Encoding::Protobuf, None, b"\0\0\0\0\x07\x04\x04\0body");
        assert_eq!(framed, number(7, &[2, 0], b"body"));
        assert_eq!(unframe(Encoding::Json, None, b"\0\0\0\0\x07{}"), number(7, &[], b"{}"));
        assert_eq!(unframe(Encoding::Json, None, b"{}"), Ok(None));
    }

    #[test]
    fn a_header_says_it_too() {
        assert_eq!(
            unframe(Encoding::Avro, Some(b"\0\0\0\0\x07"), b"body"),
            number(7, &[], b"body")
        );
        let guid = b"\x01\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x00";
        let framed = unframe(Encoding::Protobuf, Some(guid), b"body").unwrap().unwrap();
        assert_eq!(framed.id, SchemaId::Guid("89abcdef-0123-4567-89ab-cdef01234567".into()));
        assert_eq!((framed.path, framed.body), (vec![0], &b"body"[..]));
    }

    #[test]
    fn no_bytes_are_too_strange() {
        for value in [&b""[..], b"\0", b"\0\0\0\0", b"{}", b"\x01\0\0", b"\xff"] {
            assert!(unframe(Encoding::Avro, None, value).is_err(), "{value:?}");
        }
        for rest in [
            &b""[..],
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x7f\x02",
            b"\x01",
            b"\xfe\xff\x03",
        ] {
            let value = [b"\0\0\0\0\x07", rest].concat();
            assert!(unframe(Encoding::Protobuf, None, &value).is_err(), "{value:?}");
        }
        assert!(unframe(Encoding::Avro, Some(b"7"), b"body").is_err());
    }
}
