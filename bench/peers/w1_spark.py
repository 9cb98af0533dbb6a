"""W1 in Spark, as its DataFrames are written.

usage: w1_spark.py batch|stream VOTES OUT_FOLDER

The same question is asked of a file that is read once (batch), or of a stream (structured streaming): there the
votes that stand are the stream's state, kept under a checkpoint, and each micro-batch decides anew. A stream whose tasks
close by its watermark would be nearer to what Quorate does, but leaves the last tasks of a file open for ever.
"""

import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

SCHEMA = "event_time LONG, task_id STRING, agent_id STRING, choice STRING"


def standing(votes: DataFrame) -> DataFrame:
    """Each agent's last vote on a task."""
    last = f.max(f.struct("event_time", "choice")).alias("last")
    return votes.groupBy("task_id", "agent_id").agg(last)


def decisions(standing: DataFrame) -> DataFrame:
    """What most of them say, of equals the smallest, and whether it has more than two thirds."""
    counts = standing.groupBy("task_id", f.col("last.choice").alias("choice")).agg(f.count("*").alias("support"))
    best = f.min(f.struct((-f.col("support")).alias("against"), f.col("choice"))).alias("best")
    decided = counts.groupBy("task_id").agg(best, f.sum("support").alias("votes"))
    quorate = (-f.col("best.against") * 3 > f.col("votes") * 2).alias("quorate")
    return decided.select("task_id", f.col("best.choice").alias("answer"), "votes", quorate)


def write(decided: DataFrame, out: str) -> None:
    decided.write.mode("overwrite").option("header", True).csv(out)


def main() -> None:
    how, votes, out = sys.argv[1:]
    # Two threads, as many partitions, and room: what somebody sets who knows that it is one machine.
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "8g")
        .config("spark.sql.shuffle.partitions", 2)
        .config("spark.ui.enabled", False)
        .config("spark.ui.showConsoleProgress", False)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    if how == "batch":
        write(decisions(standing(spark.read.schema(SCHEMA).json(votes))), out)
    else:
        # Only a folder can be streamed from: one with this file in it alone.
        path = Path(votes)
        rows = spark.readStream.schema(SCHEMA).option("pathGlobFilter", path.name).json(str(path.parent))
        stream = (
            standing(rows)
            .writeStream.outputMode("complete")
            .option("checkpointLocation", f"{out}-checkpoint")
            .trigger(availableNow=True)
            .foreachBatch(lambda stands, _: write(decisions(stands), out))
            .start()
        )
        stream.awaitTermination()
    spark.stop()


main()
