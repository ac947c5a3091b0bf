#!/usr/bin/env python3
"""Writes goldens/parquet: small files by pyarrow, each with its rows as pyarrow itself reads them (.jsonl).

    pip install pyarrow==26.0.1 && python tools/make_parquet_goldens.py
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).resolve().parent.parent / "goldens" / "parquet"

# The shapes in which published sets store answers and choices, and every way to be empty.
NESTED = pa.schema(
    [
        ("id", pa.string()),
        ("answers", pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])),
        ("choices", pa.struct([("text", pa.list_(pa.string())), ("label", pa.list_(pa.string()))])),
        ("facts", pa.list_(pa.struct([("title", pa.string()), ("sentences", pa.list_(pa.string()))]))),
        ("grid", pa.list_(pa.list_(pa.int64()))),
        ("gold", pa.int8()),
    ]
)
NESTED_ROWS = [
    {
        "id": "a",
        "answers": {"text": ["Paris", "paris"], "answer_start": [3, 17]},
        "choices": {"text": ["x", "y", "z"], "label": ["A", "B", "C"]},
        "facts": [{"title": "t", "sentences": ["one", "two"]}, {"title": "u", "sentences": []}],
        "grid": [[1, 2], [], [3]],
        "gold": 1,
    },
    {
        "id": "b",
        "answers": {"text": [], "answer_start": []},
        "choices": {"text": None, "label": ["A"]},
        "facts": [],
        "grid": [],
        "gold": None,
    },
    {"id": None, "answers": None, "choices": {"text": [None, "w"], "label": None}, "facts": None, "grid": None, "gold": -1},
    {
        "id": "naïve ☕",
        "answers": {"text": ["é"], "answer_start": [0]},
        "choices": {"text": ["", "\n"], "label": []},
        "facts": [{"title": None, "sentences": None}, None],
        "grid": [None, [None, 4]],
        "gold": 0,
    },
]
FLAT = pa.schema(
    [
        pa.field("index", pa.uint32(), nullable=False),
        ("text", pa.large_string()),
        ("label", pa.int64()),
        ("score", pa.float64()),
        ("share", pa.float32()),
        ("right", pa.bool_()),
        ("huge", pa.uint64()),
    ]
)
FLAT_ROWS = [
    {
        "index": i,
        "text": f"row {i % 7} " + "so on " * (i % 3),
        "label": None if i % 5 == 0 else i - 20,
        "score": i / 8,
        "share": i / 16,
        "right": None if i % 11 == 3 else i % 2 == 0,
        "huge": 2**63 + i,
    }
    for i in range(60)
]

# Arrow's other ways of holding texts and lists in memory, which `datasets` and polars write.
ARROW = pa.schema(
    [
        ("view", pa.string_view()),
        ("large", pa.large_string()),
        ("city", pa.dictionary(pa.int16(), pa.string())),
        ("tags", pa.list_(pa.dictionary(pa.int8(), pa.large_string()))),
        ("choices", pa.large_list(pa.string())),
        ("pair", pa.list_(pa.float32(), 2)),
        ("rows", pa.list_(pa.struct([("cells", pa.large_list(pa.large_string())), ("n", pa.uint8())]))),
        ("nothing", pa.null()),
    ]
)
ARROW_ROWS = [
    {
        "view": None if i % 7 == 6 else "a view of more than twelve bytes " + "\u2028" * (i % 2) + str(i),
        "large": "short" if i % 3 else "",
        "city": [None, "Paris", "Rome", "Paris"][i % 4],
        "tags": [None, [], ["x", "y", "x"], [None, "z"]][i % 4],
        "choices": [["red", "blue"], [], None][i % 3],
        "pair": None if i % 5 == 0 else [i / 2, -i / 4],
        "rows": [[], [{"cells": ["a", None], "n": 200}, {"cells": None, "n": i}], None][i % 3],
        "nothing": None,
    }
    for i in range(40)
]

FILES = {
    "nested": (NESTED, NESTED_ROWS, {}),
    "nested-zstd-v2": (NESTED, NESTED_ROWS, {"compression": "zstd", "data_page_version": "2.0"}),
    "flat-groups": (FLAT, FLAT_ROWS, {"row_group_size": 25}),
    "flat-plain": (FLAT, FLAT_ROWS[:20], {"use_dictionary": False, "compression": "none"}),
    "arrow-groups": (ARROW, ARROW_ROWS, {"row_group_size": 9}),
    "arrow-zstd-v2": (ARROW, ARROW_ROWS, {"row_group_size": 17, "compression": "zstd", "data_page_version": "2.0", "write_batch_size": 4, "data_page_size": 32}),
    "flat-pages-v2": (FLAT, FLAT_ROWS, {"data_page_version": "2.0", "write_batch_size": 8, "data_page_size": 64}),
}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (schema, rows, options) in FILES.items():
        path = OUT / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
        lines = (json.dumps(row, ensure_ascii=False) for row in pq.read_table(path).to_pylist())
        path.with_suffix(".jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
