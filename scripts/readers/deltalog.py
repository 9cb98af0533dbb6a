"""A table's Delta log, replayed from its first version without any library: what every version said."""

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq


@dataclass(frozen=True)
class Version:
    """One version of a table."""

    operation: str
    # Names of files that are part of it.
    live: frozenset[str]
    # Up to which record of the engine's log it has everything.
    progress: int


def newest(folder: Path) -> int:
    """The number of the newest version of the table in `folder`."""
    return max(int(path.stem) for path in (folder / "_delta_log").glob("*.json"))


class DeltaLog:
    """The log of the table in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.versions: list[Version] = []
        # Statistics of every file that ever was added.
        self.stats: dict[str, dict] = {}
        live: set[str] = set()
        progress = 0
        for number in range(newest(folder) + 1):
            text = (folder / "_delta_log" / f"{number:020}.json").read_text()
            operation = ""
            for action in map(json.loads, text.split("\n")):
                if "add" in action:
                    name = action["add"]["path"]
                    assert name not in live, f"version {number} adds {name}, which is there"
                    live.add(name)
                    self.stats[name] = json.loads(action["add"]["stats"])
                elif "remove" in action:
                    live.remove(action["remove"]["path"])
                elif "txn" in action:
                    assert action["txn"]["version"] > progress, f"version {number} goes back"
                    progress = action["txn"]["version"]
                elif "commitInfo" in action:
                    operation = action["commitInfo"]["operation"]
            self.versions.append(Version(operation, frozenset(live), progress))

    def merges(self) -> list[int]:
        """Versions that only moved rows between files."""
        return [number for number, version in enumerate(self.versions) if version.operation == "OPTIMIZE"]

    def columns(self, name: str, columns: list[str]) -> dict[str, list]:
        """Columns of a file, as they are in it. Times are integers."""
        table = pq.read_table(self.folder / name, columns=columns, partitioning=None)
        return {
            column: [value.value if hasattr(value, "value") else value.as_py() for value in table[column]]
            for column in columns
        }
