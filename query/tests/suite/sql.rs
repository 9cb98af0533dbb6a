//! SQL over the tables.

use quorate_connectors::store::Store;
use quorate_operators::policy::Method;
use quorate_query::error::Error;
use quorate_query::snapshot::Extent;
use quorate_query::sql::{Format, Session, VIEWS};
use quorate_schemas::log::Record;
use quorate_schemas::table::Table;
use serde_json::Value;

use super::scenario::{busy, policy};
use super::shelf::Shelf;

async fn shelf() -> Shelf {
    Shelf::of(&busy(2, policy(Method::Weighted))).await
}

async fn written(session: &Session, sql: &str, format: Format) -> String {
    let mut text = Vec::new();
    let answer = session.ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    answer.write(format, &mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

async fn rows(session: &Session, sql: &str) -> Vec<Value> {
    let text = written(session, sql, Format::Json).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn count(session: &Session, of: &str) -> u64 {
    let found = rows(session, &format!("SELECT count(*) AS n FROM {of}")).await;
    found[0]["n"].as_u64().unwrap()
}

fn totals(record: &Record, table: Table) -> u64 {
    record.standing.tables.get(table.name()).map_or(0, |totals| totals.rows)
}

#[tokio::test]
async fn every_table_has_the_rows_that_are_committed_and_its_columns() {
    for (behind, merge) in [(None, false), (Some(0), true), (Some(3), false)] {
        let shelf = shelf().await;
        if let Some(behind) = behind {
            shelf.publish(behind, merge).await;
        }
        let session = Session::open(&shelf.store, Extent::Committed).await.unwrap();
        assert_eq!(session.commit(), shelf.last().standing.checkpoint);
        for table in Table::ALL {
            assert_eq!(
                count(&session, table.name()).await,
                totals(shelf.last(), table),
                "{}",
                table.name()
            );
            let columns =
                session.ask(&format!("SELECT * FROM {}", table.name())).await.unwrap().schema();
            assert_eq!(columns.fields(), table.schema().fields());
        }
    }
}

#[tokio::test]
async fn what_others_see_is_what_is_published() {
    let shelf = shelf().await;
    shelf.publish(4, false).await;
    let session = Session::open(&shelf.store, Extent::Published).await.unwrap();
    let told = &shelf.records[shelf.records.len() - 5];
    assert_eq!(count(&session, "votes").await, totals(told, Table::Votes));
}

#[tokio::test]
async fn views_show_the_last_revision_and_the_votes_that_stand_in_it() {
    let shelf = shelf().await;
    let session = Session::open(&shelf.store, Extent::Committed).await.unwrap();
    let tasks = count(&session, "(SELECT DISTINCT task_id FROM decisions)").await;
    assert_eq!(count(&session, "decisions_current").await, tasks);
    assert_eq!(count(&session, "decisions_final").await, tasks);
    assert!(count(&session, "decisions").await > tasks);
    let stale = "decisions_current AS c JOIN decisions AS d ON c.task_id = d.task_id WHERE d.revision > c.revision";
    assert_eq!(count(&session, stale).await, 0);
    // The votes that stand add up to what their decisions say.
    let sums = "SELECT d.task_id, d.total_weight AS said, coalesce(sum(v.weight), 0.0) AS found, d.votes, \
                count(CASE WHEN v.status = 'counted' THEN 1 END) AS counted FROM decisions_current AS d \
                LEFT JOIN votes_current AS v ON d.task_id = v.task_id GROUP BY 1, 2, 4";
    let sums = rows(&session, sums).await;
    assert_eq!(sums.len() as u64, tasks);
    for sum in sums {
        let near = (sum["said"].as_f64().unwrap() - sum["found"].as_f64().unwrap()).abs() < 1e-9;
        assert!(near && sum["votes"] == sum["counted"], "{sum}");
    }
    for view in VIEWS {
        let columns = session.ask(&format!("SELECT * FROM {}", view.name)).await.unwrap().schema();
        let table = if view.name.starts_with("votes") { Table::Votes } else { Table::Decisions };
        let names = |fields: &arrow::datatypes::Fields| {
            fields.iter().map(|f| f.name().clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(columns.fields()), names(table.schema().fields()), "{}", view.name);
    }
}

#[tokio::test]
async fn a_store_without_a_row_can_be_asked() {
    let mut scenario = busy(1, policy(Method::Weighted));
    scenario.partitions.clear();
    let shelf = Shelf::of(&scenario).await;
    let session = Session::open(&shelf.store, Extent::Committed).await.unwrap();
    for table in Table::ALL {
        assert_eq!(count(&session, table.name()).await, 0);
    }
    let heading =
        written(&session, "SELECT task_id, answer FROM decisions_final", Format::Csv).await;
    assert_eq!(heading, "task_id,answer\n");
    assert_eq!(written(&session, "SELECT task_id FROM votes", Format::Json).await, "");
    assert!(matches!(
        Session::open(&Store::memory(), Extent::Committed).await,
        Err(Error::NoLog { .. })
    ));
}

#[tokio::test]
async fn an_answer_is_a_table_for_people_or_lines_for_machines() {
    let shelf = shelf().await;
    let session = Session::open(&shelf.store, Extent::Committed).await.unwrap();
    let sql =
        "SELECT task_id, votes, is_final, opened_at FROM decisions_final ORDER BY task_id LIMIT 2";
    let table = written(&session, sql, Format::Table).await;
    assert!(table.starts_with("+---") && table.contains("| task_id |"), "{table}");
    let csv = written(&session, sql, Format::Csv).await;
    assert_eq!(
        (csv.lines().count(), csv.lines().next()),
        (3, Some("task_id,votes,is_final,opened_at"))
    );
    let json = rows(&session, sql).await;
    assert_eq!((json.len(), &json[0]["is_final"]), (2, &Value::Bool(true)));
    // `{"task_id`: a row that was refused inside its task is kept as one JSON object.
    let bytes = written(&session, "SELECT bytes FROM rejects LIMIT 1", Format::Json).await;
    assert!(bytes.contains("7b227461736b5f6964"), "bytes are shown in hexadecimal: {bytes}");
}

#[tokio::test]
async fn a_wrong_name_is_refused_with_the_nearest() {
    let shelf = shelf().await;
    let session = Session::open(&shelf.store, Extent::Committed).await.unwrap();
    for (sql, what, wrong, right) in [
        ("SELECT * FROM decision", "table", "decision", "decisions"),
        (
            "SELECT * FROM votes JOIN agent_reputations USING (agent_id)",
            "table",
            "agent_reputations",
            "agent_reputation",
        ),
        ("SELECT wieght FROM votes", "column", "wieght", "weight"),
        ("SELECT count(*) FROM votes WHERE agentid = 'a'", "column", "agentid", "agent_id"),
    ] {
        match session.ask(sql).await.map(|_| ()) {
            Err(Error::UnknownName { what: found, name, nearest, known }) => {
                assert_eq!(
                    (found, name.as_str(), nearest.as_deref()),
                    (what, wrong, Some(right)),
                    "{sql}"
                );
                assert!(known.contains(right));
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn nothing_can_be_written_and_nonsense_is_refused() {
    let shelf = shelf().await;
    let session = Session::open(&shelf.store, Extent::Committed).await.unwrap();
    let before = shelf.store.list("").await.unwrap();
    for sql in [
        "DROP TABLE votes",
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO votes SELECT * FROM votes",
        "DELETE FROM votes",
        "COPY votes TO 'quorate://store/x.parquet'",
        "SET datafusion.execution.target_partitions = 1",
        "SELEC 1",
        "",
        "SELECT 1/0",
        "SELECT 1; SELECT 2",
    ] {
        let asked = match session.ask(sql).await {
            Ok(mut answer) => answer.next().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(matches!(asked, Err(Error::Query(_))), "{sql}: {asked:?}");
    }
    assert_eq!(shelf.store.list("").await.unwrap(), before);
    assert!(count(&session, "votes").await > 0);
}

#[tokio::test]
async fn tables_and_views_can_be_listed_and_described() {
    let shelf = shelf().await;
    let session = Session::open(&shelf.store, Extent::Committed).await.unwrap();
    let shown = written(&session, "SHOW TABLES", Format::Csv).await;
    for name in Table::ALL.map(Table::name).into_iter().chain(VIEWS.iter().map(|view| view.name)) {
        assert!(shown.contains(&format!(",{name},")), "{name} is not in:\n{shown}");
    }
    let described = written(&session, "DESCRIBE agent_reputation", Format::Csv).await;
    assert!(described.contains("gold_right"), "{described}");
}
