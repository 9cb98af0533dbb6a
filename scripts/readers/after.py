"""After the run: the readers and `quorate query` agree on every table, whatever is asked."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa

from content import content_of, rows_of
from deltalog import DeltaLog
from engine import Engine
from readers import KINDS, TABLES, Between, DuckDb, Reader, asked, facts_sql, is_time

# What people ask for ranges of: times, ids and numbers of commits. Only event times have statistics in the Delta log.
FILTERED = ("event_time", "closed_at", "commit", "task_id", "agent_id", "source", "position")

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class After:
    """The finished tables, as the readers see them."""

    def __init__(self, readers: list[Reader], engine: Engine, job: Path, rows: dict[str, pa.Table]):
        self.readers = readers
        self.engine = engine
        self.job = job
        self.rows = rows
        arrow = {kind: delta for delta, (_, _, kind) in KINDS.items()}
        self.kinds = {
            table: {field.name: arrow[field.type] for field in held.schema} for table, held in rows.items()
        }

    def readers_see_the_types_that_were_promised(self) -> str:
        columns = 0
        sql = "SELECT table_name, column_name FROM information_schema.columns ORDER BY table_name, ordinal_position"
        described = self.engine.query(self.job, sql, "json")
        for table in TABLES:
            names = [column["column_name"] for column in described if column["table_name"] == table]
            for reader in self.readers:
                types = reader.types(table)
                assert list(types) == names, f"{reader.name}, {table}: {list(types)}, not {names}"
                assert types == self.kinds[table], f"{reader.name}, {table}: {types}"
                columns += len(types)
        return f"{columns} columns, none of another kind than {', '.join(KINDS)}"

    def readers_agree_on_every_row(self) -> str:
        rows = 0
        for table in TABLES:
            expected = content_of(self.rows[table])
            for reader in self.readers:
                _, seen = reader.read(table)
                assert content_of(seen) == expected, f"{reader.name}, {table}"
                rows += seen.num_rows
        return f"{rows} rows"

    def query_agrees_on_every_cell(self) -> str:
        rows = 0
        for table in TABLES:
            answer = self.engine.query(self.job, f"SELECT * FROM {table}", "json")
            self._same_rows(table, self.rows[table], answer, self.kinds[table])
            rows += len(answer)
        return f"{rows} rows"

    def counts_sums_and_bounds_agree(self) -> str:
        # All tables in one question: whoever asks has to open them all anyway.
        parts = [f"({facts_sql(table, self.kinds[table], f'{table} ')}) AS {table}" for table in TABLES]
        sql = f"SELECT * FROM {', '.join(parts)}"
        forms = {form: self.engine.query(self.job, sql, form) for form in ("json", "csv")}
        facts = 0
        for table in TABLES:
            kinds = self.kinds[table]
            found = {reader.name: reader.facts(table, kinds) for reader in self.readers}
            for form, [answer] in forms.items():
                found[f"query as {form}"] = told(answer, f"{table} ", kinds)
            expected = found[self.readers[0].name]
            assert expected["rows"] == self.rows[table].num_rows
            for name, answer in found.items():
                unlike = {fact: (value, answer[fact]) for fact, value in expected.items() if value != answer[fact]}
                assert not unlike, f"{table}: {self.readers[0].name} and {name} say {unlike}"
                facts += len(answer)
        return f"{facts} facts"

    def counts_agree_without_reading(self) -> str:
        for table in TABLES:
            for reader in self.readers:
                count = reader.count(table)
                assert count == self.rows[table].num_rows, f"{reader.name}, {table}: {count}"
        return f"{len(TABLES) * len(self.readers)} counts"

    def filters_give_what_is_there(self) -> str:
        """Skipping by statistics and pushing conditions down must not lose a row: compared with sifting in Python."""
        filters = rows = 0
        for table in TABLES:
            conditions = list(self._conditions(table))
            expected = []
            for column, _, low, high in conditions:
                there = [value is not None and low <= value <= high for value in plain(self.rows[table][column])]
                expected.append(content_of(self.rows[table].filter(pa.array(there))))
            for reader in self.readers:
                for condition, seen, wanted in zip(
                    conditions, reader.between(table, conditions), expected, strict=True
                ):
                    seen = content_of(seen)
                    where = f"{reader.name}, {table} with {condition}: {rows_of(seen)} rows of {rows_of(wanted)}"
                    assert seen == wanted, where
                    filters += 1
                    rows += rows_of(wanted)
        return f"{filters} filters, {rows} rows"

    def _conditions(self, table: str) -> Iterator[Between]:
        for column in FILTERED:
            kind = self.kinds[table].get(column)
            # DuckDB and Polars compare the bytes of texts, Python their code points: in UTF-8 that is the same.
            values = sorted(value for value in plain(self.rows[table][column]) if value is not None) if kind else []
            if values:
                eighths = [values[len(values) * part // 8] for part in range(8)] + [values[-1]]
                yield from ((column, kind, eighths[low], eighths[high]) for low, high in ((0, 8), (1, 3), (4, 4)))
        # Where skipping goes wrong first: exactly at a file's bounds, which its statistics have rounded.
        log = DeltaLog(self.readers[0].folder / table)
        for name in sorted(log.versions[-1].live)[:4]:
            times = log.columns(name, ["event_time"])["event_time"]
            for low, high in ((min(times),) * 2, (max(times),) * 2, (max(times), max(times) + 999)):
                yield "event_time", "timestamp", low, high
        yield "event_time", "timestamp", min(times) - 10**9, min(times) - 1

    def views_of_the_readme_are_those_of_query(self, readme: Path) -> str:
        duck = next(reader for reader in self.readers if isinstance(reader, DuckDb))
        for table in TABLES:
            duck.attach(table)
        statements = re.findall(r"CREATE VIEW (\w+)\s[^;]*;", readme.read_text())
        assert set(statements) == {"decisions_current", "decisions_final"}, statements
        [block] = [sql for sql in re.findall(r"```sql\n(.*?)```", readme.read_text(), re.S) if "CREATE VIEW" in sql]
        # A view over what was registered ends with the connection, as that does.
        duck.connection.execute(block.replace("CREATE VIEW", "CREATE TEMPORARY VIEW"))
        said = []
        for view in statements:
            columns = ", ".join(f'"{column}"' for column in self.kinds["decisions"])
            seen = duck.ask(f"SELECT {columns} FROM {view}")
            answer = self.engine.query(self.job, f"SELECT * FROM {view}", "json")
            self._same_rows(view, seen, answer, self.kinds["decisions"])
            said.append(f"{view} {seen.num_rows}")
        return ", ".join(said) + " rows"

    @staticmethod
    def _same_rows(name: str, seen: pa.Table, answer: list[dict], kinds: dict[str, str]) -> None:
        cells = {column: plain(seen[column]) for column in kinds}
        there = Counter(zip(*cells.values(), strict=True))
        told = Counter(tuple(value_of(row.get(column), kind) for column, kind in kinds.items()) for row in answer)
        assert there == told, f"{name}: only there {some(there - told)}, only in the answer {some(told - there)}"


def plain(column: pa.ChunkedArray) -> list:
    """Values as Python has them; times as integers, which have all digits."""
    return column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(column.type) else column.to_pylist()


def value_of(value, kind: str):
    """A value of JSON, or of CSV, as `plain` gives it."""
    if value is None or kind == "string":
        return value
    if kind == "timestamp":
        return (datetime.fromisoformat(value.replace("Z", "+00:00")) - EPOCH) // timedelta(microseconds=1)
    if kind == "binary":
        return bytes.fromhex(value)
    if kind == "boolean":
        return {True: True, False: False, "true": True, "false": False}[value]
    return {"long": int, "double": float}[kind](value)


def told(answer: dict, prefix: str, kinds: dict[str, str]) -> dict:
    """The facts of one table in an answer of `quorate query`."""
    facts = {"rows": int(answer[f"{prefix}rows"])}
    for fact, column, what in asked(kinds):
        # JSON leaves out what is null; in CSV nothing stands there.
        value = answer.get(f"{prefix}{fact}")
        kind = kinds[column] if what in ("min", "max") else "long"
        facts[fact] = None if value in (None, "") else value_of(value, kind)
    return facts


def some(rows: Counter) -> list:
    return list(rows)[:2]
