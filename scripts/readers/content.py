"""What a table holds, by commit: how many rows, and a digest of them in whatever order."""

import polars as pl
import pyarrow as pa

# Commit to its rows and their digest.
Content = dict[int, tuple[int, int]]


def content_of(table: pa.Table) -> Content:
    """Polars hashes the rows, whoever has read them: here it is no reader, but arithmetic."""
    if table.num_rows == 0:
        return {}
    # Columns in an order that no reader can change. A sum of 40 bits a row cannot overflow.
    frame = pl.from_arrow(table.select(sorted(table.column_names)))
    hashed = frame.select("commit", (frame.hash_rows(seed=1) // 2**24).alias("hash"))
    sums = hashed.group_by("commit").agg(pl.len(), pl.col("hash").sum())
    return {commit: (rows, digest) for commit, rows, digest in sums.iter_rows()}


def rows_of(content: Content) -> int:
    return sum(rows for rows, _ in content.values())


def fault_of(seen: Content, whole: Content) -> str | None:
    """What is wrong with `seen`, if `whole` is what the table came to.

    It must be the first so many commits, each with all of its rows as they are in the end. Anything else is half a
    commit, or half a merge: rows too few, rows twice, or a commit from the midst of which nothing is seen.
    """
    if not seen:
        return None
    last = max(seen)
    missing = [commit for commit in sorted(whole) if commit <= last and commit not in seen]
    if missing:
        return f"commit {last} is seen, but nothing of {missing[:5]}"
    for commit, (rows, digest) in sorted(seen.items()):
        if commit not in whole:
            return f"commit {commit} is seen, which never was"
        if whole[commit][0] != rows:
            return f"of commit {commit} {rows} rows are seen, it has {whole[commit][0]}"
        if whole[commit][1] != digest:
            return f"commit {commit} has other rows than in the end"
    return None


def fault_of_chain(conservation: pa.Table) -> str | None:
    """What is wrong with the ranges of input: in each partition one begins where the one before has ended."""
    columns = ["source", "partition", "position", "position_to", "commit"]
    ranges = sorted(zip(*(conservation[column].to_pylist() for column in columns), strict=True))
    reached: dict[tuple[str, str], tuple[int, int]] = {}
    for source, partition, begin, end, commit in ranges:
        position, before = reached.get((source, partition), (0, 0))
        if begin != position or end <= begin:
            return f"{source} {partition}: {begin}..{end} of commit {commit} follows on {position}"
        if commit <= before:
            return f"{source} {partition}: {begin}..{end} is of commit {commit}, what is before it of {before}"
        reached[source, partition] = (end, commit)
    return None
