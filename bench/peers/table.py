"""The table of what was measured.

usage: table.py VOTES REPORT

REPORT has a line for each run or peer, with tabs between: name, costs.json, checksum; or name, `-`, why there is none.
Of several runs of a peer the one with the median CPU counts. Exit code 1 if checksums differ, or a peer that was run failed.
"""

import json
import sys
from pathlib import Path

HEADING = ["", "CPU s", "wall s", "votes per CPU s", "votes per s", "peak MB", "tasks", "result"]


def count_lines(path: Path) -> int:
    lines = 0
    with path.open("rb") as votes:
        while chunk := votes.read(1 << 20):
            lines += chunk.count(b"\n")
    return lines


def rounded(number: float) -> str:
    """To three digits: nobody measures more."""
    return f"{float(f'{number:.3g}'):,.0f}"


def main() -> int:
    votes = count_lines(Path(sys.argv[1]))
    runs: dict[str, list[tuple[dict, str]]] = {}
    without: dict[str, str] = {}
    for line in Path(sys.argv[2]).read_text().splitlines():
        name, costs, rest = line.split("\t")
        if costs == "-":
            without[name] = rest
        else:
            runs.setdefault(name, []).append((json.loads(Path(costs).read_text()), rest))
    checksums = [checksum for measured in runs.values() for _, checksum in measured]
    expected = max(checksums, key=checksums.count, default=None)
    # Ours is the job that the others are held against.
    if "quorate" in runs:
        expected = runs["quorate"][0][1]

    print(f"W1, {votes:,} votes, median of {max(map(len, runs.values()), default=0)}\n")
    print("| " + " | ".join(HEADING) + " |")
    print("|---" * len(HEADING) + "|")
    for name, measured in runs.items():
        costs, _ = sorted(measured, key=lambda run: run[0]["cpu_s"])[len(measured) // 2]
        digest, tasks = measured[0][1].split()
        same = all(checksum == expected for _, checksum in measured)
        cells = [
            name,
            f"{costs['cpu_s']:.2f}",
            f"{costs['wall_s']:.2f}",
            rounded(votes / costs["cpu_s"]),
            rounded(votes / costs["wall_s"]),
            f"{costs['peak_bytes'] / 1e6:,.0f}",
            f"{int(tasks):,}",
            "the same" if same else f"OTHER: {digest[:12]}",
        ]
        print("| " + " | ".join(cells) + " |")
    for name, why in without.items():
        print(f"| {name} | " + " | " * (len(HEADING) - 2) + f"{why.replace('|', '/')} |")
    if expected is not None:
        print(f"\nChecksum of the result: {expected.split()[0]}")
    differ = any(checksum != expected for checksum in checksums)
    failed = any(not why.startswith("not installed") for why in without.values())
    return int(differ or failed)


sys.exit(main())
