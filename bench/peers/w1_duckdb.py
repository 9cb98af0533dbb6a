"""W1 in DuckDB: one query over the whole file, the batch reference.

usage: w1_duckdb.py VOTES OUT.csv
"""

import sys

import duckdb

votes, out = sys.argv[1:]

# The columns are named, so that no time goes into guessing them.
QUESTION = """
COPY (
    WITH votes AS (
        FROM read_json(getvariable('votes'), format = 'newline_delimited', columns = {
            event_time: 'BIGINT', task_id: 'VARCHAR', agent_id: 'VARCHAR', choice: 'VARCHAR'})
    ), last AS (
        SELECT task_id, agent_id, arg_max(choice, (event_time, choice)) AS choice
        FROM votes GROUP BY task_id, agent_id
    ), counts AS (
        SELECT task_id, choice, count(*) AS support FROM last GROUP BY task_id, choice
    ), decided AS (
        SELECT task_id, arg_min(choice, (-support, choice)) AS answer, max(support) AS support,
            sum(support)::BIGINT AS votes
        FROM counts GROUP BY task_id
    )
    SELECT task_id, answer, votes, support * 3 > votes * 2 AS quorate FROM decided
) TO '{out}' (FORMAT csv, HEADER)
"""

with duckdb.connect() as connection:
    connection.execute("SET threads = 2")
    connection.execute("SET VARIABLE votes = ?", [votes])
    connection.execute(QUESTION.replace("{out}", out.replace("'", "''")))
