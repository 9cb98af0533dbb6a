"""One checksum of decisions, whoever wrote them and in what order.

usage: checksum.py OUT

OUT is a file of comma-separated values or a folder of them. With a heading, columns are found by their names; without, they
are task_id, answer, votes, quorate. A column `diff` says how often a row is written or taken back. Prints the SHA-256 of the
sorted lines `task_id,answer,votes,quorate`, and how many they are.
"""

import csv
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ["task_id", "answer", "votes", "quorate"]


def files(out: Path) -> list[Path]:
    if out.is_file():
        return [out]
    # Names that begin with these are somebody's own: marks of success, checksums, files that are not finished.
    return [path for path in out.rglob("*") if path.is_file() and path.name[0] not in "._"]


def rows(path: Path) -> Iterator[tuple[str, int]]:
    with path.open(newline="", encoding="utf-8") as lines:
        names, places = None, COLUMNS
        for cells in csv.reader(lines):
            if names is None:
                names = cells if "task_id" in cells else COLUMNS
                places = [names.index(column) for column in COLUMNS]
                diff = names.index("diff") if "diff" in names else None
                if names is cells:
                    continue
            task, answer, votes, quorate = (cells[place] for place in places)
            yield f"{task},{answer},{votes},{quorate.lower()}\n", 1 if diff is None else int(cells[diff])


def main() -> None:
    written: Counter[str] = Counter()
    for path in files(Path(sys.argv[1])):
        for line, times in rows(path):
            written[line] += times
    stand = sorted(line for line, times in written.items() if times != 0)
    odd = [line for line in stand if written[line] != 1]
    if odd:
        sys.exit(f"{len(odd)} rows are not there once, the first is {odd[0].strip()} ({written[odd[0]]} times)")
    print(hashlib.sha256("".join(stand).encode()).hexdigest(), len(stand))


main()
