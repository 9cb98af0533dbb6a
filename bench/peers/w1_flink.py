"""W1 in Flink's SQL, on a stream: a session per task, decided by a function in Python.

usage: w1_flink.py VOTES OUT_FOLDER

A session that ends 60 s of event time after its last vote is the built-in window nearest to "60 s after the first"; what
has closed is let go. Checkpoints are taken as often as Quorate takes them: without any, Flink never finishes a file that it
writes. Windows of windows (first each agent's last vote, then counts) would need no Python, but Flink's planner refuses
them for sessions.
"""

import sys
from collections import Counter
from pathlib import Path

from pyflink.common import Row
from pyflink.table import EnvironmentSettings, TableEnvironment
from pyflink.table.udf import udf

VOTES = """
CREATE TABLE votes (
    event_time BIGINT, task_id STRING, agent_id STRING, choice STRING,
    moment AS TO_TIMESTAMP_LTZ(event_time, 3),
    WATERMARK FOR moment AS moment - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json')
"""

DECISIONS = """
CREATE TABLE decisions (task_id STRING, answer STRING, votes BIGINT, quorate BOOLEAN)
WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv')
"""

QUESTION = """
INSERT INTO decisions
SELECT task_id, decision.answer, decision.votes, decision.quorate FROM (
    SELECT task_id, decide(votes) AS decision FROM (
        SELECT window_start, window_end, task_id, ARRAY_AGG(ROW(event_time, agent_id, choice)) AS votes
        FROM TABLE(SESSION(TABLE votes PARTITION BY task_id, DESCRIPTOR(moment), INTERVAL '60' SECOND))
        GROUP BY window_start, window_end, task_id
    )
)
"""


@udf(result_type="ROW<answer STRING, votes BIGINT, quorate BOOLEAN>")
def decide(votes):
    last = {}
    for at, agent, choice in votes:
        said = (at, choice)
        if agent not in last or last[agent] < said:
            last[agent] = said
    counts = Counter(choice for _, choice in last.values())
    answer, support = min(counts.items(), key=lambda count: (-count[1], count[0]))
    return Row(answer, len(last), support * 3 > len(last) * 2)


def uri(path: str) -> str:
    return Path(path).absolute().as_uri()


def main() -> None:
    votes, out = sys.argv[1:]
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    settings = tables.get_config()
    settings.set("parallelism.default", "2")
    # Its Python workers are this Python.
    settings.set("python.executable", sys.executable)
    settings.set("execution.checkpointing.interval", "5s")
    settings.set("execution.checkpointing.storage", "filesystem")
    settings.set("execution.checkpointing.dir", uri(f"{out}-checkpoints"))
    tables.execute_sql(VOTES.format(path=uri(votes)))
    tables.execute_sql(DECISIONS.format(path=uri(out)))
    tables.create_temporary_function("decide", decide)
    tables.execute_sql(QUESTION).wait()


main()
