//! Digests, ids and hashes as text.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// `N` bytes that are written as lower-case hexadecimal digits, most significant first.
///
/// In JSON a string and never a number, because most readers of JSON round numbers above 2⁵³.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Hex<N> {
    /// All zeros: the digest before the first record.
    pub const ZERO: Hex<N> = Hex([0; N]);
}

impl Hex<32> {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Hex<32> {
        Hex(Sha256::digest(bytes).into())
    }
}

impl Hex<16> {
    /// The 16 bytes of `number`.
    pub fn from_u128(number: u128) -> Hex<16> {
        Hex(number.to_be_bytes())
    }
}

impl Hex<8> {
    /// The 8 bytes of `number`.
    pub fn from_u64(number: u64) -> Hex<8> {
        Hex(number.to_be_bytes())
    }

    /// The number that the 8 bytes are.
    pub fn to_u64(self) -> u64 {
        u64::from_be_bytes(self.0)
    }
}

impl<const N: usize> Default for Hex<N> {
    fn default() -> Self {
        Hex::ZERO
    }
}

impl<const N: usize> Hex<N> {
    fn digits(&self) -> String {
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        nibbles.map(|nibble| char::from(b"0123456789abcdef"[usize::from(nibble)])).collect()
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.digits())
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = NotHex<N>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotHex),
        };
        if text.len() != 2 * N {
            return Err(NotHex);
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Hex(bytes))
    }
}

/// The text is not exactly `2 * N` lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHex<const N: usize>;

impl<const N: usize> fmt::Display for NotHex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {} lower-case hexadecimal digits", 2 * N)
    }
}

impl<const N: usize> std::error::Error for NotHex<N> {}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digits())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
