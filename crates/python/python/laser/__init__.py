"""Layer-selective rank reduction (LASER): find the low-rank edit of a model that makes it better at a task, without training.

    import laser

    model = laser.load("path-or-hf-name")
    task = laser.Task.from_jsonl("questions.jsonl")
    print(model.eval(task))
    run = laser.search(model, task, max_time="5m", progress=True)
    print(run.verdict, run.test.diff, run.test.ci95)
    model.edit(run.recipe).save("better")

The same package has the command ``laser``; ``laser --help`` describes it.
"""

from laser._laser import LaserError, version as _version
from laser.evaluation import Evaluation
from laser.model import EditedModel, Model, load
from laser.run import Proof, Recipe, Run, Trials, search
from laser.spectrum import Spectrum
from laser.task import Task

__version__ = _version()

__all__ = [
    "EditedModel",
    "Evaluation",
    "LaserError",
    "Model",
    "Proof",
    "Recipe",
    "Run",
    "Spectrum",
    "Task",
    "Trials",
    "load",
    "search",
]
