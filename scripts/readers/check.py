"""Readable elsewhere: `check.py QUORATE FLEET` runs the engine on a generated fleet and reads its tables meanwhile."""

import signal
import sys
import time
from collections import Counter
from pathlib import Path

from after import After
from during import During
from engine import Engine, Run
from fleet import Fleet
from readers import READERS
from watch import Watch

README = Path(__file__).resolve().parents[2] / "README.md"


class Checks:
    """Runs checks, one after the other whatever becomes of them, and counts."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def run(self, check, *arguments) -> None:
        name, began = check.__name__.replace("_", " "), time.monotonic()
        try:
            said = check(*arguments)
        except Exception as error:  # One that cannot be made is a failure like one that finds something.
            self.failed += 1
            fault = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            print(f"FAILED  {name}: {fault}", flush=True)
        else:
            self.passed += 1
            print(f"ok      {name}: {said} ({time.monotonic() - began:.1f} s)", flush=True)


def run_and_read(engine: Engine, fleet: Fleet) -> tuple[Watch, Path]:
    """Runs the fleet's job, first without an end and stopped, then to its end, and reads all the while."""
    jobs = [fleet.job(name, follow=follow) for name, follow in (("followed", "true"), ("to-the-end", "false"))]
    folder = fleet.folder / "quorate-data/tables"
    watch = Watch(folder, [reader(folder) for reader in READERS])
    run = Run(engine, jobs[0])
    try:
        watch.while_fed(run, fleet)
        run.stop()
        watch.while_ending(run)
        assert run.end()["ended"] == "stopped"
        commits = run.commits
        run = Run(engine, jobs[1])
        watch.while_ending(run)
        assert run.end()["ended"] == "finished"
    finally:
        run.kill()
    print(f"{fleet.rows} input rows, {commits} commits before the stop, {run.commits} after it")
    return watch, jobs[1]


def main() -> int:
    # So that what was begun is ended by the `finally` above.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    engine, fleet = Engine(sys.argv[1]), Fleet(Path(sys.argv[2]))
    watch, job = run_and_read(engine, fleet)
    reads = Counter(snapshot.reader for snapshot in watch.snapshots)
    print(f"reads of tables during the run, {time.monotonic() - began:.0f} s: {dict(reads)}", flush=True)

    checks = Checks()
    during = During(watch, engine, job)
    for check in (
        during.every_table_has_rows,
        during.no_reader_had_trouble,
        during.readers_read_during_the_run,
        during.files_were_merged_meanwhile,
        during.tables_hold_what_the_log_says,
        during.no_reader_saw_half_a_commit,
        during.rows_never_vanish_and_versions_never_go_back,
        during.every_version_is_a_number_of_whole_commits,
        during.readers_saw_the_versions_that_there_were,
        during.old_versions_are_read_as_they_were,
        during.statistics_enclose_the_rows,
        during.a_decision_and_its_votes_are_in_one_commit,
        during.rejects_are_those_that_conservation_counts,
    ):
        checks.run(check)
    after = After(watch.readers, engine, job, during.rows)
    for check in (
        after.readers_see_the_types_that_were_promised,
        after.readers_agree_on_every_row,
        after.query_agrees_on_every_cell,
        after.counts_sums_and_bounds_agree,
        after.counts_agree_without_reading,
        after.filters_give_what_is_there,
    ):
        checks.run(check)
    checks.run(after.views_of_the_readme_are_those_of_query, README)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
