"""W1 in Bytewax: a fold per task, told at the end of the file.

usage: VOTES=… OUT=… python -m bytewax.run w1_bytewax

It lets nothing go before that: the least work.
"""

import os
from collections import Counter

import bytewax.operators as op
import orjson
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow


def keep_last(last: dict, vote: dict) -> dict:
    said = (vote["event_time"], vote["choice"])
    agent = vote["agent_id"]
    if agent not in last or last[agent] < said:
        last[agent] = said
    return last


def decide(task_and_last: tuple) -> tuple:
    task, last = task_and_last
    counts = Counter(choice for _, choice in last.values())
    answer, support = min(counts.items(), key=lambda count: (-count[1], count[0]))
    quorate = "true" if support * 3 > len(last) * 2 else "false"
    return task, f"{task},{answer},{len(last)},{quorate}"


flow = Dataflow("w1")
lines = op.input("lines", flow, FileSource(os.environ["VOTES"], batch_size=1000))
votes = op.map("parse", lines, orjson.loads)
by_task = op.key_on("task", votes, lambda vote: vote["task_id"])
last = op.fold_final("last", by_task, dict, keep_last)
decisions = op.map("decide", last, decide)
op.output("out", decisions, FileSink(os.environ["OUT"]))
