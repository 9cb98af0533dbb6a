//! Messages that are written by a schema: which one, where it is found, and the row that they stand for.
//!
//! ```text
//! value, headers ─► framing: which schema ─► Registry: asked once, beside the readers ─► Codec ─► a row of JSON
//! ```
//!
//! 1. **A reader never waits**: while a schema is on its way its partition has nothing for now, and others are read.
//! 2. **Nothing is lost while a registry is away**: a message is taken once its schema is here.
//! 3. A message whose schema the registry does not know, or which is not what that says, is a row that can't be used.

mod avro;
mod framing;
mod protobuf;
mod registry;

pub(super) use framing::{Framed, HEADER as SCHEMA_HEADER, unframe};
pub use registry::{Login, RegistrySpec};
pub(super) use registry::{Lookup, Registry};

/// How the values of messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object; behind the frame of a registry, where there is one.
    #[default]
    Json,
    /// Avro, by a schema of the registry.
    Avro,
    /// Protobuf, by a schema of the registry.
    Protobuf,
}

impl Encoding {
    /// The word in job files.
    pub fn word(self) -> &'static str {
        match self {
            Encoding::Json => "json",
            Encoding::Avro => "avro",
            Encoding::Protobuf => "protobuf",
        }
    }
}

/// Reads values by one schema.
pub(super) enum Codec {
    Avro(avro::Avro),
    Protobuf(protobuf::Protobuf),
    Json,
}

impl Codec {
    /// The row that a value stands for. `path` leads to the message's type among those of the schema.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn row(&self, path: &[usize], value: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Codec::Avro(avro) => avro.row(value),
            Codec::Protobuf(protobuf) => protobuf.row(path, value),
            Codec::Json => Ok(value.to_vec()),
        }
    }
}
