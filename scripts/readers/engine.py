"""The engine: a process that runs a job, and one that answers a question."""

import csv
import io
import json
import subprocess
import threading
from pathlib import Path


class Engine:
    """The `quorate` binary."""

    def __init__(self, binary: str):
        self.binary = binary

    def said(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"quorate {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def query(self, job: Path, sql: str, form: str) -> list[dict]:
        """The answer: values as JSON has them, or, in CSV, texts."""
        text = self.said("query", sql, "--job", str(job), "--format", form)
        if form == "csv":
            return list(csv.DictReader(io.StringIO(text)))
        # Not `splitlines`, which also cuts at characters that JSON leaves as they are.
        return [json.loads(line) for line in text.split("\n") if line]

    def commits(self, job: Path) -> list[dict]:
        """The commits of the log, oldest first."""
        history = json.loads(self.said("commits", "list", "--all", "--json", "--job", str(job)))
        assert history["older"] == 0
        return [record for record in history["records"] if record["kind"] == "commit"]


class Run:
    """A run of a job that is under way."""

    def __init__(self, engine: Engine, job: Path):
        self._complaints = job.with_suffix(".stderr").open("w+")
        self._process = subprocess.Popen(
            [engine.binary, "run", str(job), "--json", "--workers", "2"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        self.rows = 0
        self.commits = 0
        self.outcome: dict | None = None
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for text in self._process.stdout:
            said = json.loads(text)
            if said["type"] == "commit":
                self.rows += said["rows"]["rows_in"]
                self.commits += 1
            elif said["type"] == "outcome":
                self.outcome = said["outcome"]

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> None:
        """Asks it to commit what it has read, and to end."""
        self._process.terminate()

    def end(self) -> dict:
        """Waits for the end; the outcome."""
        self._process.wait()
        self._listener.join()
        assert self._process.returncode == 0, self.complaints()
        return self.outcome

    def kill(self) -> None:
        if not self.is_over:
            self._process.kill()
            self._process.wait()

    def complaints(self) -> str:
        self._complaints.seek(0)
        return f"exit code {self._process.poll()}: {self._complaints.read()}"
