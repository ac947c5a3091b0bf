"""Searches and their results."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Optional, Union

from laser._laser import LaserError, report
from laser.progress import Progress, receiver
from laser.task import PathLike, Task

if TYPE_CHECKING:
    from laser.model import Model

_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def search(
    model: "Model",
    task: Task,
    *,
    out: Optional[PathLike] = None,
    max_time: Union[str, float, None] = None,
    progress: Progress = None,
    **options: Any,
) -> "Run":
    """Searches for the edit that makes the model best at a task, and proves it on items that the search did not see.

    ``out`` is the folder of the run; without it, a temporary one that lives as long as the result. ``max_time`` bounds the
    search: seconds, or a text such as ``"5m"``. Ctrl-C stops it; with ``out``, ``resume=True`` goes on later.

    Options, by the names of the command's flags: ``layers``, ``matrices``, ``rho``, ``strategy``, ``candidates``,
    ``screen_items``, ``criterion``, ``error_rate``, ``greedy_order``, ``greedy_passes``, ``beam_width``, ``max_trials``,
    ``max_items``, ``objective``, ``aggregate``, ``guard``, ``protocol``, ``finalists``, ``max_damage``, ``side_effects``,
    ``split_seed``, ``split_fractions``, ``seed``, ``svd``, ``svd_seed``, ``resume``.
    """
    from laser.model import _tasks

    temporary = None if out is not None else tempfile.TemporaryDirectory(prefix="laser-run-")
    folder = Path(temporary.name) / "run" if temporary else Path(os.fspath(out))  # type: ignore[arg-type]
    native = model._native
    native.search(
        _tasks(native, task), json.dumps(options), os.fspath(folder), seconds(max_time), receiver(progress)
    )
    return Run(folder, temporary)


def seconds(time: Union[str, float, None]) -> Optional[float]:
    """A time in seconds: a number, or a text such as ``90s``, ``5m``, ``1h30m``."""
    if time is None or isinstance(time, (int, float)):
        return time
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", time)
    if not parts or "".join(number + unit for number, unit in parts) != time.replace(" ", ""):
        raise LaserError(f"max_time: expected a time such as 90s, 5m or 1h30m, found {time!r}")
    unknown = [unit for _, unit in parts if unit not in _UNITS]
    if unknown:
        raise LaserError(f"max_time: expected one of the units s, m, h and d, found {unknown[0]!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Recipe(os.PathLike):  # type: ignore[type-arg]
    """An edit as a file, with the model on which it was found."""

    def __init__(self, path: Path, edit: str) -> None:
        self.path = path
        self.edit = edit

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return self.edit

    def __repr__(self) -> str:
        return f"Recipe({self.edit})"


class Proof:
    """The test split: items that the search did not see. Accuracies and differences are shares of items, 0 to 1."""

    def __init__(self, results: dict[str, Any]) -> None:
        test = results.get("test") or {}
        self.diff: Optional[float] = test.get("diff")
        """Accuracy with the edit minus that without it."""
        self.ci95: Optional[tuple[float, float]] = tuple(test["ci95"]) if test.get("ci95") else None
        """95 % interval of ``diff``."""
        self.mcnemar_p: Optional[float] = test.get("mcnemar_p")
        """Exact p-value of McNemar's test."""
        self.base_acc: Optional[float] = results["base"].get("test", {}).get("acc")
        """Accuracy without the edit."""
        self.acc: Optional[float] = results.get("best", {}).get("test", {}).get("acc")
        """Accuracy with the edit."""

    def __repr__(self) -> str:
        return f"Proof(diff={self.diff}, ci95={self.ci95}, mcnemar_p={self.mcnemar_p})"


class Trials:
    """Every edit that the search could try, with what is known of it (``docs/results.md`` has the columns)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[dict[str, str]]:
        with open(self.path, encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def to_pandas(self) -> Any:
        """The trials as a table."""
        import pandas

        return pandas.read_csv(self.path)


class Run:
    """A finished search: the folder that it wrote, read."""

    def __init__(self, folder: PathLike, temporary: Optional["tempfile.TemporaryDirectory[str]"] = None) -> None:
        self.folder = Path(os.fspath(folder))
        self._temporary = temporary
        path = self.folder / "results.json"
        try:
            self.results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LaserError(f"{path}: expected the results of a search, found no such file") from None
        if "verdict" not in self.results:
            raise LaserError(f"{path}: expected the results of a search, found those of an evaluation")

    @property
    def verdict(self) -> str:
        """``gain``, ``loss``, ``unproven``, or ``none`` if no edit is proposed."""
        return self.results["verdict"]

    @property
    def reason(self) -> str:
        """The verdict in a sentence or two, with the price."""
        return self.results["reason"]

    @property
    def edit(self) -> Optional[str]:
        """The winner in short form; ``None`` if no edit is proposed."""
        return None if self.verdict == "none" else self.results["best"]["edit"]

    @property
    def recipe(self) -> Optional[Recipe]:
        """The winner as a recipe; ``None`` if no edit is proposed."""
        return None if self.edit is None else Recipe(self.folder / "recipe.yaml", self.edit)

    @property
    def test(self) -> Proof:
        """What the items say that the search did not see."""
        return Proof(self.results)

    @property
    def trials(self) -> Trials:
        """Every edit that the search could try."""
        return Trials(self.folder / "trials.csv")

    @property
    def html(self) -> str:
        """The report, a page that loads nothing."""
        path = self.folder / "report.html"
        if not path.exists():
            report(os.fspath(self.folder))
        return path.read_text(encoding="utf-8")

    def _repr_html_(self) -> str:
        style = "width:100%;height:45em;border:1px solid #8884"
        return f'<iframe title="Laser report" style="{style}" srcdoc="{html.escape(self.html)}"></iframe>'

    def __repr__(self) -> str:
        return f"Run({self.verdict}: {self.reason})"
