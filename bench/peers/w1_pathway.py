"""W1 in Pathway, as its tables are written.

usage: w1_pathway.py static|stream VOTES OUT.csv

static reads the file in one commit, which is the least work. stream reads it line by line through a connector in
Python, commits as Pathway does by default, and writes each change of a decision.
"""

import sys

import pathway as pw


class Vote(pw.Schema):
    event_time: int
    task_id: str
    agent_id: str
    choice: str


class Lines(pw.io.python.ConnectorSubject):
    """A file that ends: Pathway's own connector waits for more for ever when it streams."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def run(self) -> None:
        with open(self.path, "rb") as lines:
            for line in lines:
                self.next_bytes(line)


def main() -> None:
    how, path, out = sys.argv[1:]
    if how == "static":
        votes = pw.io.jsonlines.read(path, schema=Vote, mode="static")
    else:
        votes = pw.io.python.read(Lines(path), schema=Vote, format="json")
    last = votes.groupby(votes.task_id, votes.agent_id).reduce(
        votes.task_id, last=pw.reducers.max(pw.make_tuple(votes.event_time, votes.choice))
    )
    said = last.select(last.task_id, choice=pw.unwrap(last.last.get(1)))
    counts = said.groupby(said.task_id, said.choice).reduce(said.task_id, said.choice, support=pw.reducers.count())
    decided = counts.groupby(counts.task_id).reduce(
        counts.task_id,
        answer=pw.reducers.argmin(pw.make_tuple(-counts.support, counts.choice), counts.choice),
        support=pw.reducers.max(counts.support),
        votes=pw.reducers.sum(counts.support),
    )
    decisions = decided.select(
        decided.task_id, decided.answer, decided.votes, quorate=decided.support * 3 > decided.votes * 2
    )
    pw.io.csv.write(decisions, out)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


main()
