"""W1 in Bytewax: a session window per task.

usage: VOTES=… OUT=… python -m bytewax.run w1_bytewax_windows

A session that ends 60 s of event time after its last vote is the built-in window nearest to "60 s after the first". A
task's clock goes on with its own votes and with the machine's clock, not with those of other tasks: in a file that is read
faster than it came about, all tasks stay open until its end.
"""

import os
from datetime import UTC, datetime, timedelta

import bytewax.operators as op
import orjson
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing

from w1_bytewax import decide, keep_last


def at(vote: dict) -> datetime:
    return datetime.fromtimestamp(vote["event_time"] / 1000, tz=UTC)


def merge(last: dict, other: dict) -> dict:
    for agent, said in other.items():
        last[agent] = max(said, last.get(agent, said))
    return last


flow = Dataflow("w1")
lines = op.input("lines", flow, FileSource(os.environ["VOTES"], batch_size=1000))
votes = op.map("parse", lines, orjson.loads)
by_task = op.key_on("task", votes, lambda vote: vote["task_id"])
clock = windowing.EventClock(
    at,
    # With a wait as short as the job's lateness, a machine that stands still for a minute makes votes late.
    wait_for_system_duration=timedelta(hours=1),
    # The votes are of another time than the machine's. By default each task is due at once then, and stays so: every
    # step looks at all of them, and the time grows with the square of their number.
    to_system_utc=lambda _: None,
)
windower = windowing.SessionWindower(gap=timedelta(seconds=60))
# A vote's place among others is in its event time: they need not be sorted first.
last = windowing.fold_window("last", by_task, clock, windower, dict, keep_last, merge, ordered=False)
decisions = op.map("decide", last.down, lambda closed: decide((closed[0], closed[1][1])))
op.output("out", decisions, FileSink(os.environ["OUT"]))
