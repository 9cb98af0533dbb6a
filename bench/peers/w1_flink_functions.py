"""W1 in Flink's DataStream: a function in Python with state and a timer per task.

usage: w1_flink_functions.py VOTES OUT_FOLDER

It is Quorate's job to the letter: a task closes by event time 60 s after its first vote, and is let go. But each vote goes
from Java to Python and back, as does the state, which takes far longer than all else here.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from pyflink.common import Configuration, Duration, Encoder, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import (
    KeyedProcessFunction,
    RuntimeContext,
    RuntimeExecutionMode,
    StreamExecutionEnvironment,
)
from pyflink.datastream.connectors.file_system import FileSink, FileSource, StreamFormat
from pyflink.datastream.state import ValueStateDescriptor

CLOSE_AFTER_MS = 60_000
CHECKPOINT_EVERY_MS = 5_000
# Tasks whose state Python keeps: more than are open at a time.
CACHED = 100_000


class EventTime(TimestampAssigner):
    def extract_timestamp(self, vote, _record_timestamp: int) -> int:
        return vote[0]


class Majority(KeyedProcessFunction):
    """Keeps each agent's last vote on a task until it closes."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.task = runtime_context.get_state(ValueStateDescriptor("task", Types.PICKLED_BYTE_ARRAY()))

    def process_element(self, vote, ctx: KeyedProcessFunction.Context):
        at, _, agent, choice = vote
        closes, last = self.task.value() or (None, {})
        if closes is None or at + CLOSE_AFTER_MS < closes:
            if closes is not None:
                ctx.timer_service().delete_event_time_timer(closes)
            closes = at + CLOSE_AFTER_MS
            ctx.timer_service().register_event_time_timer(closes)
        if agent not in last or last[agent] < (at, choice):
            last[agent] = (at, choice)
        self.task.update((closes, last))

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext):
        _, last = self.task.value()
        counts = Counter(choice for _, choice in last.values())
        answer, support = min(counts.items(), key=lambda count: (-count[1], count[0]))
        quorate = "true" if support * 3 > len(last) * 2 else "false"
        yield f"{ctx.get_current_key()},{answer},{len(last)},{quorate}"
        self.task.clear()


def parse(line: str) -> tuple:
    vote = json.loads(line)
    return vote["event_time"], vote["task_id"], vote["agent_id"], vote["choice"]


def main() -> None:
    votes, out = sys.argv[1:]
    settings = Configuration()
    # Its Python workers are this Python.
    settings.set_string("python.executable", sys.executable)
    settings.set_string("python.state.cache-size", str(CACHED))
    settings.set_string("execution.checkpointing.storage", "filesystem")
    settings.set_string("execution.checkpointing.dir", Path(f"{out}-checkpoints").absolute().as_uri())
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    env.set_runtime_mode(RuntimeExecutionMode.STREAMING)
    env.set_parallelism(2)
    env.enable_checkpointing(CHECKPOINT_EVERY_MS)
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(Path(votes).absolute()))
    by_event_time = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1))
    vote = Types.TUPLE([Types.LONG(), Types.STRING(), Types.STRING(), Types.STRING()])
    decisions = (
        env.from_source(source.build(), WatermarkStrategy.no_watermarks(), "votes")
        .map(parse, vote)
        .assign_timestamps_and_watermarks(by_event_time.with_timestamp_assigner(EventTime()))
        .key_by(lambda vote: vote[1], Types.STRING())
        .process(Majority(), Types.STRING())
    )
    sink = FileSink.for_row_format(str(Path(out).absolute()), Encoder.simple_string_encoder("UTF-8"))
    decisions.sink_to(sink.build())
    env.execute("w1")


main()
