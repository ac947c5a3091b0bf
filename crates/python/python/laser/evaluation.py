"""Scores of a model on a task."""

from __future__ import annotations

import json
from typing import Any, Optional


class Evaluation:
    """Scores of one model on all items.

    ``results`` has everything that the command writes under ``laser`` into ``results.json``; ``samples`` has one record for each
    item.
    """

    def __init__(self, results: str, samples: str) -> None:
        self.results: dict[str, Any] = json.loads(results)
        self.samples: list[dict[str, Any]] = json.loads(samples)

    @property
    def _all(self) -> dict[str, Any]:
        scores = self.results["scores"]
        return scores.get("all") or next(iter(scores.values()))

    @property
    def items(self) -> int:
        """Number of items."""
        return len(self.samples)

    @property
    def acc(self) -> Optional[float]:
        """Share of right answers; ``None`` for texts, which have none."""
        return self._all.get("acc")

    @property
    def log_loss(self) -> float:
        """Mean log-loss, nats an item."""
        return self._all["log_loss"]

    def to_pandas(self) -> Any:
        """The samples as a table."""
        import pandas

        return pandas.DataFrame(self.samples)

    def __repr__(self) -> str:
        acc = "" if self.acc is None else f"accuracy {100 * self.acc:.1f} %, "
        return f"Evaluation({acc}log-loss {self.log_loss:.3f} nats, {self.items} items)"
