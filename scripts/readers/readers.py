"""The readers: three programs that know nothing of the engine, each the way its users would call it.

Whatever they give is brought into one form, an Arrow table with the columns of `COLUMNS`, so that it can be compared.
What types they see before that is theirs to say: `types`.
"""

from pathlib import Path

import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

TABLES = (
    "decisions",
    "decision_updates",
    "votes",
    "agent_reputation",
    "method_choices",
    "agent_activity",
    "anomalies",
    "rejects",
    "conservation",
)

# A kind of column, as Delta, Polars and DuckDB call it, and in Arrow. There are no others: no unsigned integers, which
# Delta does not have, no times without a zone, and none in nanoseconds.
KINDS = {
    "string": ("String", "VARCHAR", pa.string()),
    "long": ("Int64", "BIGINT", pa.int64()),
    "double": ("Float64", "DOUBLE", pa.float64()),
    "boolean": ("Boolean", "BOOLEAN", pa.bool_()),
    "binary": ("Binary", "BLOB", pa.binary()),
    "timestamp": (
        "Datetime(time_unit='us', time_zone='UTC')",
        "TIMESTAMP WITH TIME ZONE",
        pa.timestamp("us", tz="UTC"),
    ),
}

# A condition: `low <= column <= high`. Column, its kind, and the bounds; times are integers in microseconds.
Between = tuple[str, str, object, object]


class Reader:
    """Reads tables below a folder."""

    name: str

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, table: str) -> str:
        return str(self.folder / table)

    def read(self, table: str, version: int | None = None) -> tuple[int | None, pa.Table]:
        """All rows of the newest version, or of the one asked for; and which that was, if the reader says."""
        raise NotImplementedError

    def between(self, table: str, conditions: list[Between]) -> list[pa.Table]:
        """For each condition the rows for which it holds, sifted by the reader. It opens the table once."""
        raise NotImplementedError

    def count(self, table: str) -> int:
        """The number of rows, without reading them if the reader knows how."""
        raise NotImplementedError

    def facts(self, table: str, kinds: dict[str, str]) -> dict[str, object]:
        """Count, sums of integers, least and greatest, distinct texts: computed by the reader."""
        raise NotImplementedError

    def types(self, table: str) -> dict[str, str]:
        """The columns, with types named as in Delta."""
        raise NotImplementedError


def canonical(table: pa.Table) -> pa.Table:
    """The same rows in the Arrow types of `KINDS`. Casting is safe: it fails where a value would change."""
    plain = {
        pa.large_string(): pa.string(),
        pa.string_view(): pa.string(),
        pa.large_binary(): pa.binary(),
        pa.binary_view(): pa.binary(),
    }
    fields = [pa.field(field.name, plain.get(field.type, field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


def is_time(kind: str) -> bool:
    return kind == "timestamp"


def asked(kinds: dict[str, str]) -> list[tuple[str, str, str]]:
    """What `facts` are asked of each column: the fact's name, the column, and what of it."""
    wanted = [
        (f"sum {column}", column, "sum") for column, kind in kinds.items() if kind == "long"
    ]
    for column, kind in kinds.items():
        if kind in ("timestamp", "long", "double"):
            wanted += [(f"min {column}", column, "min"), (f"max {column}", column, "max")]
        if kind == "string":
            wanted.append((f"distinct {column}", column, "distinct"))
        if kind == "boolean":
            wanted.append((f"true {column}", column, "true"))
    return wanted


def facts_sql(table: str, kinds: dict[str, str], prefix: str = "") -> str:
    """The same question in SQL that DuckDB and `quorate query` both understand, as a row of columns so called."""
    forms = {
        "sum": 'sum("{}")',
        "min": 'min("{}")',
        "max": 'max("{}")',
        "distinct": 'count(DISTINCT "{}")',
        "true": 'count(*) FILTER (WHERE "{}")',
    }
    parts = [f'count(*) AS "{prefix}rows"']
    parts += [f'{forms[what].format(column)} AS "{prefix}{fact}"' for fact, column, what in asked(kinds)]
    return f"SELECT {', '.join(parts)} FROM {table}"


class Polars(Reader):
    name = "polars"

    def read(self, table, version=None):
        frame = pl.scan_delta(self.path(table), version=version).collect()
        return version, self._arrow(frame)

    def between(self, table, conditions):
        frame = pl.scan_delta(self.path(table))

        def sift(column: str, kind: str, *bounds) -> pa.Table:
            if is_time(kind):
                bounds = [pl.lit(micros).cast(pl.Datetime("us", "UTC")) for micros in bounds]
            low, high = bounds
            return self._arrow(frame.filter((pl.col(column) >= low) & (pl.col(column) <= high)).collect())

        return [sift(*condition) for condition in conditions]

    def count(self, table):
        return pl.scan_delta(self.path(table)).select(pl.len()).collect().item()

    def facts(self, table, kinds):
        def of(column: str, what: str) -> pl.Expr:
            col = pl.col(column)
            kind = kinds[column]
            if what == "distinct":
                return col.drop_nulls().n_unique()
            if what == "true":
                return col.sum()
            value = getattr(col, what)()
            return value.dt.epoch("us") if is_time(kind) else value

        parts = [pl.len().alias("rows")] + [of(column, what).alias(fact) for fact, column, what in asked(kinds)]
        return pl.scan_delta(self.path(table)).select(parts).collect().row(0, named=True)

    def types(self, table):
        names = {polars: delta for delta, (polars, _, _) in KINDS.items()}
        schema = pl.scan_delta(self.path(table)).collect_schema()
        return {column: names.get(str(kind), f"Polars: {kind}") for column, kind in schema.items()}

    @staticmethod
    def _arrow(frame: pl.DataFrame) -> pa.Table:
        return canonical(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))


class Pyarrow(Reader):
    """Keeps its tables open and brings them up to date, as a service would."""

    name = "pyarrow"

    def __init__(self, folder):
        super().__init__(folder)
        self._open: dict[str, deltalake.DeltaTable] = {}

    def _table(self, table: str) -> deltalake.DeltaTable:
        if table not in self._open:
            self._open[table] = deltalake.DeltaTable(self.path(table))
        self._open[table].update_incremental()
        return self._open[table]

    def read(self, table, version=None):
        if version is None:
            opened = self._table(table)
        else:
            opened = deltalake.DeltaTable(self.path(table), version=version)
        return opened.version(), canonical(opened.to_pyarrow_dataset().to_table())

    def between(self, table, conditions):
        dataset = self._table(table).to_pyarrow_dataset()

        def sift(column: str, kind: str, *bounds) -> pa.Table:
            low, high = (pa.scalar(bound, KINDS[kind][2]) for bound in bounds)
            return canonical(dataset.to_table(filter=(pc.field(column) >= low) & (pc.field(column) <= high)))

        return [sift(*condition) for condition in conditions]

    def count(self, table):
        return self._table(table).to_pyarrow_dataset().count_rows()

    def facts(self, table, kinds):
        rows = self._table(table).to_pyarrow_dataset().to_table()
        found = {"rows": rows.num_rows}
        for fact, column, what in asked(kinds):
            values = rows[column]
            if is_time(kinds[column]):
                values = values.cast(pa.int64())
            if what == "distinct":
                found[fact] = pc.count_distinct(values, mode="only_valid").as_py()
            elif what == "true":
                found[fact] = pc.sum(values).as_py() or 0
            else:
                found[fact] = getattr(pc, what)(values).as_py()
        return found

    def types(self, table):
        return {field.name: field.type.type for field in self._table(table).schema().fields}


class DuckDb(Reader):
    """Over the dataset that the package deltalake makes: DuckDB's own extension is fetched when it is first used."""

    name = "duckdb"

    def __init__(self, folder):
        super().__init__(folder)
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def attach(self, table: str, version: int | None = None) -> int:
        opened = deltalake.DeltaTable(self.path(table), version=version)
        self.connection.register(table, opened.to_pyarrow_dataset())
        return opened.version()

    def ask(self, sql: str) -> pa.Table:
        return canonical(self.connection.sql(sql).to_arrow_table())

    def read(self, table, version=None):
        version = self.attach(table, version)
        return version, self.ask(f"SELECT * FROM {table}")

    def between(self, table, conditions):
        self.attach(table)

        def literal(kind: str, value) -> str:
            if is_time(kind):
                return f"make_timestamptz({value})"
            return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)

        def sift(column: str, kind: str, *bounds) -> pa.Table:
            low, high = (literal(kind, bound) for bound in bounds)
            return self.ask(f'SELECT * FROM {table} WHERE "{column}" BETWEEN {low} AND {high}')

        return [sift(*condition) for condition in conditions]

    def count(self, table):
        self.attach(table)
        [(count,)] = self.connection.sql(f"SELECT count(*) FROM {table}").fetchall()
        return count

    def facts(self, table, kinds):
        self.attach(table)
        answer = self.connection.sql(facts_sql(table, kinds)).to_arrow_table()
        found = {fact: answer[fact][0] for fact in answer.column_names}
        # Sums are wider than 64 bits here, and come as decimals without digits after the point.
        exact = {fact: int(value.as_py()) for fact, value in found.items() if pa.types.is_decimal(value.type)}
        times = {fact: value.value for fact, value in found.items() if pa.types.is_timestamp(value.type)}
        return {fact: value.as_py() for fact, value in found.items()} | exact | times

    def types(self, table):
        self.attach(table)
        names = {duck: delta for delta, (_, duck, _) in KINDS.items()}
        answer = self.connection.sql(f"SELECT * FROM {table}")
        return {
            column: names.get(str(kind), f"DuckDB: {kind}")
            for column, kind in zip(answer.columns, answer.types, strict=True)
        }


READERS = (Polars, Pyarrow, DuckDb)
