"""What was seen during the run, held against what the tables came to."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

from content import Content, content_of, fault_of, rows_of
from deltalog import DeltaLog
from engine import Engine
from readers import READERS, TABLES, Pyarrow
from watch import Watch

# Fewer reads of a table that grows, by any reader, would show little.
LEAST_READS = 20
LEAST_VERSIONS = 20
LEAST_MERGES = 10


class During:
    """The snapshots, the Delta logs, and what each table held in the end."""

    def __init__(self, watch: Watch, engine: Engine, job: Path):
        self.watch = watch
        self.logs = {table: DeltaLog(watch.folder / table) for table in TABLES}
        reader = Pyarrow(watch.folder)
        self.rows = {table: reader.read(table)[1] for table in TABLES}
        self.content: dict[str, Content] = {table: content_of(rows) for table, rows in self.rows.items()}
        self.commits = engine.commits(job)
        self._held: dict[tuple[str, str], Counter] = {}

    def every_table_has_rows(self) -> str:
        empty = [table for table, content in self.content.items() if not content]
        assert not empty, f"no rows in {empty}"
        return f"{sum(map(rows_of, self.content.values()))} rows in {len(TABLES)} tables"

    def no_reader_had_trouble(self) -> str:
        faults = self.watch.faults
        assert not faults, f"{len(faults)}, first: {faults[0]}"
        return f"{len(self.watch.snapshots)} reads"

    def readers_read_during_the_run(self) -> str:
        said = []
        for reader in (reader.name for reader in READERS):
            for table in TABLES:
                snapshots = [s for s in self.watch.snapshots if s.reader == reader and s.table == table]
                contents = {tuple(sorted(s.content.items())) for s in snapshots if s.content}
                contents.discard(tuple(sorted(self.content[table].items())))
                # A few tables get rows now and then only.
                least = LEAST_READS if table == "conservation" else 2
                assert len(contents) >= least, f"{reader} saw only {len(contents)} unfinished contents of {table}"
                if table == "conservation":
                    versions = {s.version or s.between for s in snapshots}
                    assert len(versions) >= LEAST_VERSIONS, f"{reader} saw only {len(versions)} versions of {table}"
                    said.append(f"{reader} {len(contents)} of {len(snapshots)}, {len(versions)} versions")
        return "unfinished contents of conservation: " + "; ".join(said)

    def files_were_merged_meanwhile(self) -> str:
        merges = checkpoints = 0
        for table, log in self.logs.items():
            versions = [s.between for s in self.watch.snapshots if s.table == table]
            first, last = min(versions)[0], max(versions)[1]
            merges += sum(first < merge <= last for merge in log.merges())
            checkpoints += len(list((log.folder / "_delta_log").glob("*.checkpoint.parquet")))
        assert merges >= LEAST_MERGES, f"only {merges} merges"
        # How many there are is a matter of how fast commits follow each other here.
        return f"{merges} merges; {checkpoints} checkpoints of Delta logs"

    def tables_hold_what_the_log_says(self) -> str:
        for table, content in self.content.items():
            logged = {c["commit"]: c["tables"][table] for c in self.commits if table in c["tables"]}
            held = {commit: rows for commit, (rows, _) in content.items()}
            assert logged == held, f"{table}: {set(logged.items()) ^ set(held.items())}"
        return f"{len(self.commits)} commits"

    def no_reader_saw_half_a_commit(self) -> str:
        rows = 0
        for s in self.watch.snapshots:
            fault = fault_of(s.content, self.content[s.table])
            assert fault is None, f"{s.reader}, {s.table} at version {s.version or s.between}: {fault}"
            rows += rows_of(s.content)
        return f"{len(self.watch.snapshots)} reads, {rows} rows"

    def rows_never_vanish_and_versions_never_go_back(self) -> str:
        reached: dict[tuple[str, str], tuple[int, int, int]] = {}
        for s in self.watch.snapshots:
            version = s.between[0] if s.version is None else s.version
            now = (version, max(s.content, default=0), rows_of(s.content))
            before = reached.get((s.reader, s.table), (0, 0, 0))
            assert all(a <= b for a, b in zip(before, now, strict=True)), f"{s.reader}, {s.table}: {now} after {before}"
            reached[s.reader, s.table] = now
        return f"{len(reached)} sequences"

    def every_version_is_a_number_of_whole_commits(self) -> str:
        seqs = {c["seq"]: c for c in self.commits}
        versions = 0
        for table, log in self.logs.items():
            whole = {commit: rows for commit, (rows, _) in self.content[table].items()}
            for number, version in enumerate(log.versions):
                held = sum((self._commits_in(table, name) for name in version.live), Counter())
                # What it says of itself: everything up to a record of the log, and nothing beyond.
                told = [c for seq, c in seqs.items() if seq <= version.progress and table in c["tables"]]
                expected = {c["commit"]: whole[c["commit"]] for c in told}
                assert held == expected, f"{table} at version {number}: {set(held.items()) ^ set(expected.items())}"
                versions += 1
        return f"{versions} versions"

    def readers_saw_the_versions_that_there_were(self) -> str:
        for s in self.watch.snapshots:
            log = self.logs[s.table]
            possible = [s.version] if s.version is not None else range(s.between[0], s.between[1] + 1)
            assert s.between[0] <= possible[0] and possible[-1] <= s.between[1], f"{s.reader}, {s.table}: {possible}"
            seen = {commit: rows for commit, (rows, _) in s.content.items()}
            held = [
                sum((self._commits_in(s.table, name) for name in log.versions[number].live), Counter())
                for number in possible
            ]
            assert seen in held, f"{s.reader}, {s.table}: not version {s.version or s.between}"
        return f"{len(self.watch.snapshots)} reads"

    def old_versions_are_read_as_they_were(self) -> str:
        reads = 0
        for table, log in self.logs.items():
            merges = log.merges()
            # Before and after a merge: other files, the same rows.
            chosen = {at for merge in merges[:1] + merges[-1:] for at in (merge - 1, merge)}
            chosen |= {0, len(log.versions) // 2}
            for reader in self.watch.readers:
                for number in sorted(chosen):
                    _, rows = reader.read(table, number)
                    seen = content_of(rows)
                    held = sum((self._commits_in(table, name) for name in log.versions[number].live), Counter())
                    where = f"{reader.name}, {table} at version {number}"
                    assert {commit: rows for commit, (rows, _) in seen.items()} == held, where
                    fault = fault_of(seen, self.content[table])
                    assert fault is None, f"{where}: {fault}"
                    reads += 1
        return f"{reads} reads"

    def statistics_enclose_the_rows(self) -> str:
        files = 0
        for table, log in self.logs.items():
            for name, stats in log.stats.items():
                times = log.columns(name, ["event_time"])["event_time"]
                assert stats["numRecords"] == len(times), f"{table}/{name}: {stats} of {len(times)} rows"
                low, high = (micros(stats[bound]["event_time"]) for bound in ("minValues", "maxValues"))
                bounds = f"{table}/{name}: {stats} of {min(times)} to {max(times)}"
                assert min(times) - 1_000 < low <= min(times) and max(times) <= high < max(times) + 1_000, bounds
                files += 1
        return f"{files} files"

    def a_decision_and_its_votes_are_in_one_commit(self) -> str:
        columns = ["commit", "task_id", "revision", "votes", "abstentions", "excluded"]
        decisions = zip(*(self.rows["decisions"][column].to_pylist() for column in columns), strict=True)
        votes = Counter(
            zip(*(self.rows["votes"][column].to_pylist() for column in ("commit", "task_id", "revision")), strict=True)
        )
        closed = 0
        for commit, task, revision, counted, abstained, excluded in decisions:
            if revision == 0:
                there, told = votes[commit, task, 0], counted + abstained + excluded
                assert there == told, f"{task}, commit {commit}: {there} votes of {told}"
                closed += 1
        return f"{closed} tasks"

    def rejects_are_those_that_conservation_counts(self) -> str:
        place = ["source", "partition", "commit"]
        rejects, counted = Counter(), Counter()
        for *key, stage in zip(*(self.rows["rejects"][c].to_pylist() for c in [*place, "stage"]), strict=True):
            rejects[tuple(key)] += stage == "inlet"
        for *key, late, rejected in zip(
            *(self.rows["conservation"][c].to_pylist() for c in [*place, "late", "rejected"]), strict=True
        ):
            counted[tuple(key)] += late + rejected
        # Counters are equal where they differ only in zeros.
        assert rejects == counted, f"{rejects - counted} and {counted - rejects}"
        return f"{counted.total()} rows"

    def _commits_in(self, table: str, name: str) -> Counter:
        if (table, name) not in self._held:
            self._held[table, name] = Counter(self.logs[table].columns(name, ["commit"])["commit"])
        return self._held[table, name]


def micros(text: str) -> int:
    """Microseconds since 1970 of a time as Delta's statistics have it."""
    since = datetime.fromisoformat(text.replace("Z", "+00:00")) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return since // timedelta(microseconds=1)
