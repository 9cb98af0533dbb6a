//! Values of Protobuf as rows.
//!
//! Fields go by their names in the schema. A field without presence that has its default (zero, the empty text) is as if
//! it were absent: in the message it is.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// The name that a schema goes by while it is compiled.
const ROOT: &str = "quorate_schema.proto";

/// A schema's types.
pub(crate) struct Protobuf {
    pool: DescriptorPool,
}

struct Given(BTreeMap<String, String>);

impl FileResolver for Given {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

impl Protobuf {
    /// Reads a schema; `imports` are those that it refers to, by the names that it has for them.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn new(schema: &str, imports: BTreeMap<String, String>) -> Result<Protobuf, String> {
        let mut files = imports;
        files.insert(ROOT.to_owned(), schema.to_owned());
        let mut resolver = ChainFileResolver::new();
        resolver.add(Given(files));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        compiler.open_file(ROOT).map_err(|error| format!("is no schema of Protobuf: {error}"))?;
        Ok(Protobuf { pool: compiler.descriptor_pool() })
    }

    /// The row that `value` stands for, of the type at `path`.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn row(&self, path: &[usize], value: &[u8]) -> Result<Vec<u8>, String> {
        let kind = self
            .kind(path)
            .ok_or_else(|| format!("is of a type that its schema does not have: {path:?}"))?;
        let read = DynamicMessage::decode(kind, value);
        let read = read.map_err(|error| format!("is not what its schema says: {error}"))?;
        let options =
            SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true);
        let mut row = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut row);
        read.serialize_with_options(&mut serializer, &options)
            .map_err(|error| error.to_string())?;
        Ok(row)
    }

    fn kind(&self, path: &[usize]) -> Option<MessageDescriptor> {
        let file = self.pool.get_file_by_name(ROOT)?;
        let (first, inner) = path.split_first()?;
        let first = file.messages().nth(*first)?;
        inner.iter().try_fold(first, |kind, step| kind.child_messages().nth(*step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOTE: &str = "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; import \"common.proto\";\n\
        message Other {}\n\
        message Vote { string task_id = 1; optional double number = 2; int64 n = 3; google.protobuf.Timestamp at = 4; Who who = 5;\n\
          message Inner { string a = 1; } }";

    #[test]
    fn a_value_is_the_row_that_its_schema_says() {
        let common = "syntax = \"proto3\"; message Who { string agent_id = 1; }";
        let imports = BTreeMap::from([("common.proto".to_owned(), common.to_owned())]);
        let schema = Protobuf::new(VOTE, imports).unwrap();
        let mut value = b"\x0a\x01t\x11\0\0\0\0\0\0\0\0".to_vec();
        value.extend(b"\x18\xff\xff\xff\xff\xff\xff\xff\x7f");
        value.extend(b"\x22\x06\x08\x80\xdc\xd6\xca\x06\x2a\x03\x0a\x01a");
        let row = String::from_utf8(schema.row(&[1], &value).unwrap()).unwrap();
        assert!(
            row.starts_with(
                r#"{"task_id":"t","number":0.0,"n":9223372036854775807,"at":"2026-01-01T"#
            ) || row.contains("\"at\":\"20"),
            "{row}"
        );
        assert!(row.contains(r#""who":{"agent_id":"a"}"#), "{row}");
        assert_eq!(schema.row(&[1, 0], b"\x0a\x01x").unwrap(), br#"{"a":"x"}"#);
        assert!(schema.row(&[7], b"").unwrap_err().contains("does not have"));
        assert!(schema.row(&[1], b"\x0a\x09t").unwrap_err().contains("not what its schema says"));
    }

    #[test]
    fn what_is_no_schema_says_why() {
        assert!(Protobuf::new("message {", BTreeMap::new()).err().unwrap().contains("no schema"));
        let lacks = "syntax = \"proto3\"; import \"none.proto\";";
        assert!(Protobuf::new(lacks, BTreeMap::new()).err().unwrap().contains("none.proto"));
    }
}
