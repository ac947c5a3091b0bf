"""Progress of long jobs."""

from __future__ import annotations

import sys
from typing import Callable, Optional, Union

Progress = Union[bool, Callable[[str, float], None], None]
"""``True`` shows a bar, a function receives the name of the stage and the share of the work that is done, 0 to 1."""


def receiver(progress: Progress) -> Optional[Callable[[str, float], None]]:
    """The function that receives progress; ``None`` if nobody does."""
    if callable(progress):
        return progress
    return _Bar() if progress else None


class _Bar:
    """A bar in a terminal, in a notebook, or a line now and then."""

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            self._bar, self._shown = None, -1
        else:
            self._bar = tqdm(total=100, bar_format="{desc} {bar} {n:.0f} % [{elapsed}<{remaining}]")

    def __call__(self, stage: str, share: float) -> None:
        percent = 100 * share
        if self._bar is not None:
            self._bar.set_description(stage, refresh=False)
            self._bar.n = percent
            self._bar.refresh()
        elif int(percent) // 10 != self._shown:
            self._shown = int(percent) // 10
            print(f"{stage}: {percent:.0f} %", file=sys.stderr)
