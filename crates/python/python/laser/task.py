"""Tasks: questions with answers, and the rule by which an answer is right."""

from __future__ import annotations

import json
import os
from typing import Any, Iterable, Mapping, Optional, Sequence, Union

PathLike = Union[str, "os.PathLike[str]"]


class Task:
    """One task, or several, that any model can be scored on.

    ``name`` is a built-in task (``laser tasks`` lists them), a file of questions, a task of lm-evaluation-harness, or a list
    of these. ``data`` names the files of a built-in task, one for each name.

    Settings, by the names of the command's flags: ``score``, ``limit``, ``skip_bad``, ``match``, ``max_tokens``,
    ``num_fewshot``, ``fewshot_seed``, ``include``, ``profile``; the templates ``prompt``, ``answer``, ``choices``, ``gold`` with
    ``records`` and ``target_delimiter``; ``chat=True`` with ``system`` and ``chat_date``.
    """

    def __init__(
        self,
        name: Union[PathLike, Sequence[PathLike]],
        data: Union[PathLike, Sequence[PathLike], None] = None,
        **settings: Any,
    ) -> None:
        self.settings = {"names": _texts(name), "data": _texts(data), **settings}
        self._input: Optional[bytes] = None

    @classmethod
    def from_jsonl(cls, path: PathLike, **settings: Any) -> "Task":
        """The questions of a file: JSON lines, JSON, CSV, TSV or Parquet, in any of the layouts that the command reads."""
        return cls(path, **settings)

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, Any]], **settings: Any) -> "Task":
        """Questions in memory, such as ``[{"question": "2 + 2 =", "answer": "4"}]``, or the rows of a data set."""
        task = cls("-", **settings)
        task._input = "".join(json.dumps(dict(record), ensure_ascii=False) + "\n" for record in records).encode()
        return task

    def __repr__(self) -> str:
        return f"Task({', '.join(self.settings['names'])})"


def _texts(names: Any) -> list[str]:
    """Paths or texts, one or several, as texts."""
    if names is None:
        return []
    if isinstance(names, (str, os.PathLike)):
        return [os.fspath(names)]
    return [os.fspath(name) for name in names]
