//! `[source.<kind>]`: where rows come from. One table, or `[[source.<kind>]]` for several of one kind.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use quorate_connectors::decode::{Decoder, Each, FieldMap};
use quorate_connectors::error::Error;
use quorate_connectors::kafka::{Encoding, TopicSpec};
pub use quorate_connectors::source::Format;
use quorate_connectors::source::{FileSpec, Reading};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::RecordKind;
use toml::Spanned;
use toml::de::DeValue;

use super::finding::quoted;
use super::kafka::{Kafka, RawTopics};
use super::map::{path, read_map};
use super::section::{Findings, Given, Section, Wrong};
use super::shape::{Reader, Shape};
use super::value;

/// How a map speaks of members.
const MEMBERS: &str = "with each = \"answers\", of each member \"*\" is its value, \"*.says\" what stands in that, and { key_of = \"*\" } its key";

/// A source of rows of one kind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Source {
    /// Its name: in the log, in the tables, and the `source` of rows that name none. Unique within the job.
    pub name: String,
    /// What its rows are.
    pub kind: RecordKind,
    /// Where its rows are.
    pub input: Input,
    /// How its rows are written.
    pub format: Format,
    /// Whether more may be written while the job runs.
    pub follow: bool,
    /// Where a record's fields stand in a row, as far as they do not stand under their own names.
    pub map: FieldMap,
}

/// Where the rows of a source are.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// In files: paths and patterns, relative to the job's folder.
    Files(Vec<String>),
    /// In topics.
    Topics(Box<TopicSpec>),
}

impl Source {
    /// How long it is read.
    pub fn reading(&self) -> Reading {
        if self.follow { Reading::Followed } else { Reading::Bounded }
    }

    /// Its files, for a job in `folder`.
    pub fn files(&self, patterns: &[String], folder: &Path) -> FileSpec {
        let (base, patterns) = (folder.to_path_buf(), patterns.to_vec());
        FileSpec { base, patterns, format: self.format, reading: self.reading() }
    }

    /// How its rows are written, in the word of job files.
    pub fn format_word(&self) -> &'static str {
        match &self.input {
            Input::Topics(spec) => spec.encoding.word(),
            Input::Files(_) => self.format.word(),
        }
    }

    /// Where it is read, for people.
    pub fn place(&self) -> String {
        match &self.input {
            Input::Files(patterns) => patterns.join(", "),
            Input::Topics(spec) => {
                let names: Vec<String> = spec.topics.iter().map(ToString::to_string).collect();
                format!("{} at {}", names.join(", "), spec.connection.address())
            }
        }
    }
}

/// How rows are written, in files or as messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// As in files; JSON as messages, too.
    Rows(Format),
    /// As messages alone.
    Messages(Encoding),
}

impl Written {
    /// How the rows are written that come of it.
    fn rows(self) -> Format {
        match self {
            Written::Rows(format) => format,
            Written::Messages(_) => Format::Json,
        }
    }

    fn encoding(self) -> Encoding {
        match self {
            Written::Rows(_) => Encoding::Json,
            Written::Messages(encoding) => encoding,
        }
    }
}

/// `[source.<kind>]` as the file has it.
pub(super) struct RawSource {
    pub(super) kind: RecordKind,
    pub(super) span: Option<Range<usize>>,
    /// The section's name in messages.
    pub(super) path: String,
    /// `name`: default the kind, then `votes-2`, `votes-3`, … It must stay the same for a source to be read on.
    pub(super) name: Given<String>,
    /// `files`: a path or pattern (`*`, `?`, `[…]`, `**`), or a list of them. Relative to the job file. This or `kafka`.
    pub(super) files: Given<Vec<Spanned<String>>>,
    /// `kafka`: topics instead of files.
    kafka: Option<(Range<usize>, RawTopics)>,
    /// `format`: how rows are written, `"json"`, `"csv"` or `"parquet"`, of topics `"json"`, `"avro"` or `"protobuf"`;
    /// default `"json"`.
    pub(super) format: Given<Written>,
    /// `delimiter`: what stands between the cells of csv; default `","`.
    pub(super) delimiter: Given<u8>,
    /// `follow`: whether to go on reading as files grow, rotate and appear, and as messages come; default false for files
    /// and true for topics.
    pub(super) follow: Given<bool>,
    /// `each`: the path of an object or a list, or a list of keys or columns, or `"*"`: what of a row is a record of its
    /// own; default: the row.
    pub(super) each: Given<Each>,
    /// `map`: record field → where it stands in a row; default: under its own name.
    pub(super) map: Given<FieldMap>,
}

/// Reads all of `[source]`: kinds in the order of [`RecordKind::ALL`], within a kind in the order of the file.
pub(super) fn read_sources(root: &mut Section<'_>, found: &mut Findings<'_>) -> Vec<RawSource> {
    let mut kinds = root.section("source", found);
    let mut sources = Vec::new();
    for kind in RecordKind::ALL {
        for section in kinds.sections(kind.source_key(), found) {
            sources.push(read_source(kind, section, found));
        }
    }
    kinds.decline(
        "responses",
        "responses are not read yet",
        "send their canonical answers as votes",
        found,
    );
    kinds.close(found);
    sources
}

fn read_source(kind: RecordKind, mut section: Section<'_>, found: &mut Findings<'_>) -> RawSource {
    let format = section.take("format", found, format());
    let written = format.as_ref().map_or(Format::Json, |format| format.get_ref().rows());
    let source = RawSource {
        kind,
        span: section.span.clone(),
        path: format!("source.{}", kind.source_key()),
        files: section.take("files", found, files()),
        kafka: read_topics(&mut section, found),
        name: section.take("name", found, value::name()),
        format,
        delimiter: section.take("delimiter", found, delimiter()),
        follow: section.take("follow", found, value::flag()),
        each: section.take("each", found, each(written)),
        map: read_map(kind, written, &mut section, found),
    };
    if let (Some(delimiter), Format::Json | Format::Parquet) = (&source.delimiter, written) {
        let message = match written {
            Format::Parquet => "Parquet has no delimiter",
            _ => "JSON has no delimiter",
        };
        let remedy = "leave it out, or write format = \"csv\"";
        found.error(Some(&delimiter.span()), &section.key("delimiter"), message, remedy);
    }
    match (section.has("files"), section.has("kafka")) {
        (false, false) => {
            let remedy = format!(
                "add files = \"{key}.jsonl\", or kafka = {{ topic = \"{key}\" }}",
                key = kind.source_key()
            );
            found.error(source.span.as_ref(), &section.key("files"), "is missing", remedy);
        }
        (true, true) => {
            let span = source.kafka.as_ref().map(|(span, _)| span.clone());
            let remedy = "write two sources of one kind: [[source.votes]] twice";
            found.error(span.as_ref(), &section.key("kafka"), "stands beside `files`", remedy);
        }
        (true, false) | (false, true) => {}
    }
    if let Some(format) = &source.format {
        let wrong = match (*format.get_ref(), &source.kafka) {
            (Written::Rows(Format::Csv { .. } | Format::Parquet), Some(_)) => Some((
                format!("messages are not read as {}", written.word()),
                "write \"json\" (a message is one JSON object), \"avro\" or \"protobuf\"",
            )),
            (Written::Messages(encoding), None) => Some((
                format!("files are not read as {}", encoding.word()),
                "write \"json\", \"csv\" or \"parquet\"; messages of Kafka may be written so",
            )),
            _ => None,
        };
        if let Some((message, remedy)) = wrong {
            found.error(Some(&format.span()), &section.key("format"), message, remedy);
        }
    }
    let seen = "leave it out: .gz and .zst files are known by their endings and first bytes";
    section.decline("compression", "is not stated", seen, found);
    section.close(found);
    source
}

fn read_topics(
    section: &mut Section<'_>,
    found: &mut Findings<'_>,
) -> Option<(Range<usize>, RawTopics)> {
    let topics = section.section("kafka", found);
    let span = topics.span.clone();
    let raw = RawTopics::read(topics, found);
    span.map(|span| (span, raw))
}

/// Patterns of files, and where they stand.
type Files = Vec<Spanned<String>>;

fn files() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Files, Wrong>> {
    let one = Shape::Text(value::FILLED);
    Reader::new(Shape::AnyOf(vec![one.clone(), Shape::List(1, Box::new(one))]), read_files)
}

fn read_files(value: &Spanned<DeValue<'_>>) -> Result<Files, Wrong> {
    match value.get_ref() {
        DeValue::Array(list) if list.is_empty() => {
            Err(Wrong::new("is an empty list", "name a file"))
        }
        DeValue::Array(list) => {
            list.iter().map(|one| pattern(one).map_err(|wrong| wrong.at(one.span()))).collect()
        }
        _ => Ok(vec![pattern(value)?]),
    }
}

fn pattern(value: &Spanned<DeValue<'_>>) -> Result<Spanned<String>, Wrong> {
    let text = value::filled(value)?;
    if let Some((scheme, _)) = text.split_once("://") {
        let message = format!("files are not read from {}:// yet", super::finding::plain(scheme));
        return Err(Wrong::new(message, "name files on this machine"));
    }
    if text.starts_with("~/") {
        return Err(Wrong::new(
            "`~` is the shell's and is not expanded here",
            "write the whole path",
        ));
    }
    if text.contains('\0') {
        return Err(Wrong::new(format!("{} is not a path", quoted(text)), "leave out the NUL"));
    }
    glob::Pattern::new(text).map_err(|error| {
        let message = format!("{} is not a pattern: {}", quoted(text), error.msg);
        Wrong::new(
            message,
            "`*` and `?` stand for characters, `[…]` for one of several, `**` for folders",
        )
    })?;
    Ok(Spanned::new(value.span(), text.to_owned()))
}

fn format() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Written, Wrong>> {
    value::word(&[
        ("json", Written::Rows(Format::Json)),
        ("csv", Written::Rows(Format::Csv { delimiter: b',' })),
        ("parquet", Written::Rows(Format::Parquet)),
        ("avro", Written::Messages(Encoding::Avro)),
        ("protobuf", Written::Messages(Encoding::Protobuf)),
    ])
}

fn each(format: Format) -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Each, Wrong>> {
    let forms = vec![Shape::Text("."), Shape::List(1, Box::new(Shape::Text(".")))];
    Reader::new(Shape::AnyOf(forms), move |value| read_each(format, value))
}

fn read_each(format: Format, value: &Spanned<DeValue<'_>>) -> Result<Each, Wrong> {
    const FORMS: &str = "write the path of an object or a list, such as \"answers\", or a list of keys or columns, or \"*\" for all \
                         that no field is taken from";
    match value.get_ref() {
        DeValue::Array(names) if names.is_empty() => Err(Wrong::new("is an empty list", FORMS)),
        DeValue::Array(names) => {
            let name = |one: &Spanned<DeValue<'_>>| {
                let name = value::filled(one).and_then(|text| path(format, text));
                name.map_err(|wrong| wrong.at(one.span()))
            };
            names.iter().map(name).collect::<Result<_, _>>().map(Each::Named)
        }
        DeValue::String(text) if text.is_empty() => Err(Wrong::new("is empty", FORMS)),
        DeValue::String(text) => path(format, text).map(Each::Of),
        other => Err(Wrong::new(
            format!("is {}, should be text or a list", super::section::kind_of(other)),
            FORMS,
        )),
    }
}

fn delimiter() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<u8, Wrong>> {
    Reader::new(Shape::Text(r"^[\t!#-/:-@\[-`{-~]$"), read_delimiter)
}

fn read_delimiter(value: &Spanned<DeValue<'_>>) -> Result<u8, Wrong> {
    let text = value::text(value)?;
    match text.as_bytes() {
        [b'\t'] => Ok(b'\t'),
        [byte] if byte.is_ascii_punctuation() && *byte != b'"' => Ok(*byte),
        _ => Err(Wrong::new(
            format!("{} is not a delimiter", quoted(text)),
            "write one character, such as \",\", \";\", \"|\" or \"\\t\"",
        )),
    }
}

/// Fills in what was left out and checks the sources against each other.
pub(super) fn resolve(
    raw: Vec<RawSource>,
    kafka: &Kafka,
    job: &str,
    found: &mut Findings<'_>,
) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    // Name, and pattern of a kind, by where they were first given.
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut patterns: BTreeMap<(RecordKind, String), String> = BTreeMap::new();
    for raw in raw {
        let nr = 1 + sources.iter().filter(|source| source.kind == raw.kind).count();
        let key = raw.kind.source_key();
        let default = if nr == 1 { key.to_owned() } else { format!("{key}-{nr}") };
        let span = raw.name.as_ref().map(Spanned::span).or(raw.span.clone());
        let name = raw.name.map_or(default, Spanned::into_inner);
        if let Some(other) = names.insert(name.clone(), raw.path.clone()) {
            let message = format!("\"{name}\" is already the name of a source in [{other}]");
            found.error(
                span.as_ref(),
                &format!("{}.name", raw.path),
                message,
                "give each source its own name",
            );
        }
        let files = raw.files.map(Spanned::into_inner).unwrap_or_default();
        let encoding =
            raw.format.as_ref().map_or(Encoding::Json, |format| format.get_ref().encoding());
        let topics = raw.kafka.map(|(span, topics)| {
            topics.resolve(kafka, job, &raw.path, Some(&span), encoding, found)
        });
        let follows = topics.is_some();
        for file in &files {
            // What another kind is made of, too, is no mistake: the map says which fields are whose.
            let pattern = (raw.kind, file.get_ref().clone());
            if let Some(other) = patterns.insert(pattern, name.clone()) {
                let message =
                    format!("{} is also read by source \"{other}\"", quoted(file.get_ref()));
                let remedy =
                    "its rows will be read twice; leave one of them out if that is not meant";
                found.warn(Some(&file.span()), &format!("{}.files", raw.path), message, remedy);
            }
        }
        let each_span = raw.each.as_ref().map(Spanned::span);
        let map_span = raw.map.as_ref().map(Spanned::span);
        let map = FieldMap {
            each: raw.each.map(Spanned::into_inner),
            ..raw.map.map(Spanned::into_inner).unwrap_or_default()
        };
        // What is wrong with each part was said where it stands; this is what is wrong with them together.
        let key = IdKey::new([0; 16]);
        let written = raw.format.as_ref().map_or(Format::Json, |format| format.get_ref().rows());
        if let Err(Error::Map { field, problem }) = Decoder::of(written, raw.kind, &map, key) {
            let (span, key) = match field == "each" {
                true => (each_span, format!("{}.each", raw.path)),
                false => (map_span, format!("{}.map.{field}", raw.path)),
            };
            found.error(span.as_ref().or(raw.span.as_ref()), &key, problem, MEMBERS);
        }
        sources.push(Source {
            name,
            kind: raw.kind,
            input: match topics {
                Some(topics) => Input::Topics(Box::new(topics)),
                None => Input::Files(files.into_iter().map(Spanned::into_inner).collect()),
            },
            format: match written {
                Format::Json => Format::Json,
                Format::Parquet => Format::Parquet,
                Format::Csv { delimiter } => {
                    Format::Csv { delimiter: raw.delimiter.map_or(delimiter, Spanned::into_inner) }
                }
            },
            follow: raw.follow.map_or(follows, Spanned::into_inner),
            map,
        });
    }
    sources
}
