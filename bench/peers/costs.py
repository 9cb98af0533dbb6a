"""What a command costs: CPU of it and of all it starts, wall time, peak memory of all together.

usage: costs.py OUT.json LIMIT_S COMMAND…

`quorate-bench costs` counts what its child has waited for. Spark's and Flink's Java outlives the Python that starts it, so
here the orphans come to this program (prctl(2), PR_SET_CHILD_SUBREAPER), which waits for them, too. Memory is looked
at four times a second and added up over the tree: the pages that several of them share count once for each. What has
not ended after LIMIT_S is killed with all its children; exit code 124.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
EVERY_S = 0.25
PAGE = os.sysconf("SC_PAGE_SIZE")
TOO_LONG, CANNOT_START = 124, 127


def descendants(root: int) -> dict[int, int]:
    """All that descend from `root`, with their resident memory in bytes."""
    parents, resident = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                pages = int((entry / "statm").read_text().split()[1])
            except OSError:
                continue  # It has ended meanwhile.
            # The name, in brackets, may have anything in it. A zombie has ended, too.
            alive, parent, *_ = stat.rpartition(")")[2].split()
            if alive == "Z":
                continue
            parents[int(entry.name)] = int(parent)
            resident[int(entry.name)] = pages * PAGE
    ours = {root}
    while more := {child for child, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {one: resident[one] for one in ours - {root}}


def kill_all() -> None:
    while children := descendants(os.getpid()):
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        time.sleep(EVERY_S)


class Watch(threading.Thread):
    """Looks at the memory of all that descends from this process, and at the clock."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(daemon=True)
        self.limit_s = limit_s
        self.peak_bytes = 0
        self.too_long = False
        self.ended = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self.ended.wait(EVERY_S):
            self.peak_bytes = max(self.peak_bytes, sum(descendants(os.getpid()).values()))
            if time.monotonic() - began > self.limit_s:
                self.too_long = True
                kill_all()
                return


def wait_for_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def main() -> int:
    out, limit_s, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no child subreaper: this needs Linux")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    watch = Watch(float(limit_s))
    watch.start()
    began = time.monotonic()
    try:
        status = subprocess.run(command, check=False).returncode
        wait_for_orphans()
    except OSError as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        return CANNOT_START
    finally:
        wall_s = time.monotonic() - began
        watch.ended.set()
        kill_all()  # Some are left where this program was told to end itself.
    watch.join()
    if watch.too_long:
        print(f"not done after {limit_s} s", file=sys.stderr)
        return TOO_LONG
    if status != 0:
        return status if status > 0 else 128 - status
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    costs = {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": wall_s,
        # A process too short to be looked at.
        "peak_bytes": max(watch.peak_bytes, usage.ru_maxrss * 1024),
    }
    Path(out).write_text(json.dumps(costs))
    return 0


sys.exit(main())
