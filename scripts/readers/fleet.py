"""The input: what `quorate generate` wrote, with some rows that it never writes, fed piece by piece."""

import json
import re
import threading
import time
from pathlib import Path

# These sources grow while the run goes on; the others are there from the beginning.
FOLLOWED = ("votes", "ticks")
BOUNDED = ("agents", "tasks", "gold", "control")

PIECES = 120
# So that commits fall into the time of reading, and not all before it.
PAUSE_S = 0.02

MILLIS = re.compile(rb'("event_time":"[^"]*\.\d{3})Z"')


def line(event_time: str, **fields) -> bytes:
    return json.dumps({"synthetic": True, "event_time": event_time, **fields}, ensure_ascii=False).encode() + b"\n"


def minute(seconds: int, fraction: str) -> str:
    return f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}.{fraction}Z"


# Names that want quoting, and that sort differently by bytes than by language.
ODD_NAMES = ("it's \"quoted\", so", "Zürich", "zebra\\n", "任务-1", "🦆", " ", "%_*")


def more_votes() -> list[bytes]:
    """After all others: odd names, numbers, and a name used again after it was forgotten."""
    votes = []
    for nr, task in enumerate(("task-3", "number-1", *ODD_NAMES)):
        for agent in range(1, 5):
            at = minute(1290 + nr, f"{agent:06}")
            word = {"number": -2.5} if task == "number-1" else {"choice": "B"}
            votes.append(line(at, task_id=task, agent_id=f"agent-{agent}", version="2", **word))
    return votes


def late_gold() -> list[bytes]:
    """Known answers that come when their tasks are final, but not yet forgotten."""
    return [line(minute(task + 240, "000"), task_id=f"task-{task}", answer="B") for task in range(10, 900, 40)]


def with_micros(lines: list[bytes]) -> list[bytes]:
    """Event times in microseconds, in every third line: statistics in Delta logs have milliseconds."""
    return [
        MILLIS.sub(rb"\g<1>%03dZ" % (nr * 7 % 1000) + b'"', text) if nr % 3 == 0 else text
        for nr, text in enumerate(lines)
    ]


class Fleet:
    """A folder of input, its job, and how much of it was fed."""

    def __init__(self, folder: Path):
        self.folder = folder
        texts = {name: (folder / f"{name}.jsonl").read_bytes().splitlines(keepends=True) for name in FOLLOWED + BOUNDED}
        texts = {name: with_micros(lines) for name, lines in texts.items()}
        texts["votes"] += more_votes()
        texts["gold"] = sorted(texts["gold"] + late_gold(), key=lambda text: json.loads(text)["event_time"])
        texts["tasks"].append(line(minute(1280, "000"), task_id="number-1", kind="number", domain="counts"))
        self.rows = sum(len(lines) for lines in texts.values())
        for name in BOUNDED:
            self.path(name).write_bytes(b"".join(texts[name]))
        self._rest = {name: b"".join(texts[name]) for name in FOLLOWED}
        self._pieces = 0
        self._allowed = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._feed, daemon=True)
        for name in FOLLOWED:
            self.path(name).write_bytes(b"")

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def job(self, name: str, *, follow: str) -> Path:
        """The fleet's job with many small commits, each published, and merges as early as can be."""
        text = (self.folder / "job.toml").read_text()
        changes = {
            'every = "5s"': 'every = "50ms"\nepoch = "10ms"\nbytes = "64KiB"',
            # So that there is a table of choices, too.
            'method = "weighted"': 'method = "auto"',
            "[limits]": '[publish]\nevery = "0s"\nmerge_files = 4\n\n[outputs]\ndecision_updates = true\n\n[limits]',
            'finality_after = "1m"': 'finality_after = "1m"\nforget_after = "5m"',
            **{f"[source.{kind}]": f"[source.{kind}]\nfollow = {follow}" for kind in FOLLOWED},
        }
        for old, new in changes.items():
            assert old in text, f"the generated job has no {old}"
            text = text.replace(old, new)
        path = self.folder / f"{name}.toml"
        path.write_text(text)
        return path

    def feed(self) -> None:
        """Begins to feed, as far as `allow` has allowed."""
        self._thread.start()

    def allow(self, pieces: int) -> None:
        for _ in range(pieces):
            self._allowed.release()

    @property
    def is_fed(self) -> bool:
        return self._pieces == PIECES

    def _feed(self) -> None:
        whole = {name: len(rest) for name, rest in self._rest.items()}
        for piece in range(1, PIECES + 1):
            self._allowed.acquire()
            for name in FOLLOWED:
                # Cut anywhere: most pieces end within a line, as a writer's buffer does.
                begin, end = (whole[name] * part // PIECES for part in (piece - 1, piece))
                with self.path(name).open("ab") as file:
                    file.write(self._rest[name][begin:end])
            self._pieces = piece
            time.sleep(PAUSE_S)
