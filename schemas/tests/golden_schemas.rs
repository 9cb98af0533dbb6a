//! The tables' columns are a promise to whoever reads them: a change shows here first.
//!
//! A column may be added at the end of a table if it may be null; anything else breaks readers and needs a new
//! format. Then the files in `tests/golden/` are changed by hand, so that the change is seen.

use quorate_schemas::table::Table;

fn text(table: Table) -> String {
    let schema = table.schema();
    let lines = schema.fields().iter().map(|field| {
        let null = if field.is_nullable() { "?" } else { "" };
        format!("{}{null}: {}\n", field.name(), field.data_type())
    });
    let sort = format!("sorted by {}\n", table.sort_columns().join(", "));
    lines.collect::<String>() + &sort
}

#[test]
fn every_table_has_the_columns_it_had() {
    let mut changed = String::new();
    for table in Table::ALL {
        let path = format!("{}/tests/golden/{}.txt", env!("CARGO_MANIFEST_DIR"), table.name());
        let golden = std::fs::read_to_string(path).unwrap_or_default();
        if golden != text(table) {
            changed += &format!("---- golden/{}.txt\n{}", table.name(), text(table));
        }
    }
    assert_eq!(changed, "", "not what the tables were; they are now:\n{changed}");
}

#[test]
fn every_golden_file_is_a_tables() {
    let directory = format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected = Table::ALL.map(|table| format!("{}.txt", table.name()));
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_table_is_sorted_by_columns_it_has() {
    for table in Table::ALL {
        let schema = table.schema();
        assert!(table.sort_columns().iter().all(|name| schema.index_of(name).is_ok()), "{table:?}");
        assert_eq!(Table::named(table.name()), Some(table));
    }
}
