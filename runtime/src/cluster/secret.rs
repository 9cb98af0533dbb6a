//! What all processes of a cluster know and nobody else: shown by proofs, never sent.

use std::fmt;

use quorate_schemas::log::Digest;

/// The fewest bytes of a secret: whoever hears a handshake may try out short ones at leisure.
const FEWEST: usize = 16;

/// A secret that the processes share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// It is in no log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster's secret has {0} bytes: it must have at least {FEWEST}; `head -c 32 /dev/urandom | base64` makes one"
)]
pub struct TooShort(usize);

impl Secret {
    /// The secret that `text` is, without the line end that editors add.
    ///
    /// # Errors
    /// If it can be guessed.
    pub fn new(text: &[u8]) -> Result<Secret, TooShort> {
        let text = text.trim_ascii();
        if text.len() < FEWEST { Err(TooShort(text.len())) } else { Ok(Secret(text.to_vec())) }
    }

    /// Of clusters that need none: on one machine, or behind TLS with certificates on both sides.
    pub(crate) fn none() -> Secret {
        Secret(Vec::new())
    }

    /// HMAC-SHA-256 (RFC 2104) of these `parts`, each with its length ahead.
    pub(crate) fn prove(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut text = Vec::new();
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_le_bytes());
            text.extend_from_slice(part);
        }
        hmac(&self.0, &text)
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    match key.len() {
        length if length > BLOCK => block[..32].copy_from_slice(&Digest::of(key).0),
        length => block[..length].copy_from_slice(key),
    }
    let padded = |pad: u8, text: &[u8]| {
        let mut padded = block.map(|byte| byte ^ pad).to_vec();
        padded.extend_from_slice(text);
        Digest::of(&padded).0
    };
    padded(0x5c, &padded(0x36, text))
}

/// Whether two proofs are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_those_of_rfc_4231() {
        let check = |key: &[u8], text: &[u8], expected: &str| {
            assert_eq!(Digest::of(b"").0.len(), 32);
            assert_eq!(quorate_schemas::log::Hex(hmac(key, text)).to_string(), expected);
        };
        check(
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        );
        check(
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    #[test]
    fn a_secret_is_neither_short_nor_shown_and_a_proof_is_of_its_parts() {
        assert_eq!(Secret::new(b"hunter2\n"), Err(TooShort(7)));
        let secret = Secret::new(b"0123456789abcdef\n").unwrap();
        assert_eq!(secret, Secret::new(b"0123456789abcdef").unwrap());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_ne!(secret.prove(&[b"ab", b"c"]), secret.prove(&[b"a", b"bc"]));
        assert!(same(b"ab", b"ab") && !same(b"ab", b"ac") && !same(b"ab", b"abc"));
    }
}
