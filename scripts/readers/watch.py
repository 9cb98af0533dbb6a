"""Reading while the run goes on: every reader, every table, again and again."""

import time
from dataclasses import dataclass
from pathlib import Path

from content import Content, content_of, fault_of_chain, rows_of
from deltalog import newest
from engine import Run
from fleet import Fleet
from readers import TABLES, Reader

# Once the readers have seen something new, so many pieces more of the input may come.
PIECES_A_ROUND = 5
# Nothing new for so long is no slowness any more.
PATIENCE_S = 300


@dataclass(frozen=True)
class Snapshot:
    """What a reader saw of a table at one time."""

    reader: str
    table: str
    content: Content
    # The version, if the reader says which it read.
    version: int | None
    # The newest version before and after it read.
    between: tuple[int, int]


class Watch:
    """What all readers have seen, in order."""

    def __init__(self, folder: Path, readers: list[Reader]):
        self.folder = folder
        self.readers = readers
        self.snapshots: list[Snapshot] = []
        self.faults: list[str] = []

    def read_once(self) -> int:
        """All tables by all readers; how many input rows they saw accounted for."""
        seen = 0
        for reader in self.readers:
            for table in TABLES:
                before = newest(self.folder / table)
                try:
                    version, rows = reader.read(table)
                except Exception as error:  # Whatever a reader says against a table is what is looked for here.
                    self.faults.append(f"{reader.name} cannot read {table}: {error}")
                    continue
                between = (before, newest(self.folder / table))
                snapshot = Snapshot(reader.name, table, content_of(rows), version, between)
                self.snapshots.append(snapshot)
                if table == "conservation":
                    seen = max(seen, rows_of(snapshot.content))
                    if fault := fault_of_chain(rows):
                        self.faults.append(f"{reader.name}, version {version or between}: {fault}")
        return seen

    def while_fed(self, run: Run, fleet: Fleet) -> None:
        """Reads while the fleet is fed, which goes on only as fast as the readers see it."""
        self._until(lambda: all((self.folder / table / "_delta_log").exists() for table in TABLES), run)
        fleet.feed()
        fleet.allow(PIECES_A_ROUND)
        seen, since = 0, time.monotonic()
        while not (fleet.is_fed and run.rows == fleet.rows):
            now = self.read_once()
            if now > seen:
                seen, since = now, time.monotonic()
                fleet.allow(PIECES_A_ROUND)
            assert not run.is_over, run.complaints()
            assert time.monotonic() - since < PATIENCE_S, f"nothing new after {run.rows} of {fleet.rows} rows"

    def while_ending(self, run: Run) -> None:
        """Reads until the run has ended, and once more."""
        while not run.is_over:
            self.read_once()
        self.read_once()

    def _until(self, is_there, run: Run) -> None:
        since = time.monotonic()
        while not is_there():
            assert not run.is_over, run.complaints()
            assert time.monotonic() - since < PATIENCE_S, "no tables"
            time.sleep(0.01)
