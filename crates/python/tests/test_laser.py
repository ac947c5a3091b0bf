"""The package as a user has it: installed, with tiny models of the repository."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest

import laser
from laser.run import seconds

REPOSITORY = Path(__file__).resolve().parents[3]
MODEL = REPOSITORY / "goldens" / "tiny" / "llama-bytes"
QUESTIONS = REPOSITORY / "crates" / "laser" / "examples" / "questions.jsonl"
EDIT = "L1.up_proj@0.25"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LASER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def model():
    return laser.load(MODEL)


def test_the_ten_lines_of_the_readme(model, tmp_path):
    task = laser.Task.from_jsonl(QUESTIONS)
    base = model.eval(task)
    assert 0 <= base.acc <= 1 and base.log_loss > 0 and base.items == len(base.samples)
    told = []
    run = laser.search(model, task, max_time="5m", progress=lambda stage, share: told.append((stage, share)))
    assert run.verdict in ("gain", "loss", "unproven", "none") and run.reason
    assert all(0 <= share <= 1 for _, share in told) and told
    table = run.trials.to_pandas()
    assert len(table) == len(run.trials) > 0 and {"edit", "items", "accuracy"} <= set(table.columns)
    assert "<iframe" in run._repr_html_() and run.reason in run.html
    top = model.edit("L1.up_proj@0.1").topk("The capital of France is", 5)
    assert len(top) == 5 and top[0][1] >= top[4][1] > 0
    assert len(model.spectrum("L1.up_proj").plot().lines) == 1


def test_a_planted_edit_is_found_proved_and_written(model, tmp_path):
    planted = model.edit("L1.gate_proj@0.1")
    letters = "abcdefghijklmnopqrst"
    prompts = [f"{first} {second} {third}" for first in letters for second in letters[:8] for third in "xy"]
    answers = [(prompt, planted.topk(prompt, 1)[0][0]) for prompt in prompts[:240]]
    # One byte is one token; half a character cannot be written down.
    whole = [(prompt, answer) for prompt, answer in answers if answer.isascii() and answer.strip()]
    records = [{"question": prompt, "answer": answer, "target_delimiter": ""} for prompt, answer in whole]
    task = laser.Task.from_records(records, score="top1")
    options = {"layers": 1, "matrices": ["gate_proj"], "rho": [0.1], "strategy": "exhaustive", "side_effects": False}
    run = laser.search(model, task, **options)
    assert (run.verdict, run.edit, str(run.recipe)) == ("gain", "L1.gate_proj@0.1", "L1.gate_proj@0.1")
    assert run.test.acc == 1 and run.test.diff == pytest.approx(1 - run.test.base_acc)
    assert run.test.ci95[0] <= run.test.diff <= run.test.ci95[1] and run.test.mcnemar_p < 0.05
    model.edit(run.recipe).save(tmp_path / "better")
    better = laser.load(tmp_path / "better")
    assert better.eval(task, split="test").acc == 1


def test_numbers_are_those_of_numpy(model):
    matrix = model.matrix("L1.up_proj")
    assert matrix.dtype == numpy.float32 and matrix.shape == model.matrices("L1.up_proj")["L1.up_proj"]
    values = numpy.linalg.svd(matrix.astype(float), compute_uv=False)
    spectrum = model.spectrum("L1.up_proj")
    numpy.testing.assert_allclose(spectrum.values, values, rtol=1e-6)
    numpy.testing.assert_allclose(numpy.asarray(spectrum), values, rtol=1e-6)
    assert 1 <= spectrum.effective_rank <= len(values)
    assert spectrum.energy(len(values)) == pytest.approx(1)


def test_an_edit_is_what_the_written_model_has(model, tmp_path):
    edited = model.edit(EDIT)
    assert edited.edit_text == EDIT and EDIT in repr(edited) and model.edit_text == ""
    edited.save(tmp_path / "edited")
    written = laser.load(tmp_path / "edited")
    prompt = "abc"
    assert [token for token, _ in written.topk(prompt, 3)] == [token for token, _ in edited.topk(prompt, 3)]
    assert edited.topk(prompt, 3) != model.topk(prompt, 3)
    assert written.generate(prompt, 4) == edited.generate(prompt, 4)
    # A delta stands where an edit does, and rebuilds the model to the byte.
    edited.save(tmp_path / "edit.safetensors")
    shared = model.edit(tmp_path / "edit.safetensors")
    assert shared.topk(prompt, 3) == edited.topk(prompt, 3)
    shared.save(tmp_path / "rebuilt")
    for name in ("model.safetensors", "recipe.yaml"):
        assert (tmp_path / "rebuilt" / name).read_bytes() == (tmp_path / "edited" / name).read_bytes()
    with pytest.raises(laser.LaserError, match="factoredd"):
        edited.save(tmp_path / "other", "factoredd")
    # numpy's own reduction of the same matrix.
    left, values, right = numpy.linalg.svd(model.matrix("L1.up_proj").astype(float), full_matrices=False)
    rank = round(0.25 * len(values))
    reduced = (left[:, :rank] * values[:rank]) @ right[:rank]
    numpy.testing.assert_allclose(written.matrix("L1.up_proj"), reduced, atol=1e-6)


def test_questions_come_from_memory(model):
    records = [{"question": "a b c d", "answer": "e"}, {"question": "b c d", "answer": "e"}]
    found = model.eval(laser.Task.from_records(records, score="top1"), side_effects=False)
    assert found.items == 2 and len(found.to_pandas()) == 2
    assert repr(found).startswith("Evaluation(accuracy")


def test_a_run_is_read_again_and_resumed(model, tmp_path):
    task = laser.Task.from_jsonl(QUESTIONS)
    options = {"layers": "1", "matrices": "up_proj", "rho": [0.25, 0.5], "strategy": "exhaustive", "side_effects": False}
    first = model.search(task, out=tmp_path / "run", **options)
    again = laser.Run(tmp_path / "run")
    assert (again.verdict, again.edit) == (first.verdict, first.edit)
    with pytest.raises(laser.LaserError, match="holds this run"):
        model.search(task, out=tmp_path / "run", **options)
    resumed = model.search(task, out=tmp_path / "run", resume=True, **options)
    assert resumed.results["best"] == first.results["best"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda model: laser.load("nowhere"), "nowhere"),
        (lambda model: model.edit("L9.up_proj@0.1"), "layers"),
        (lambda model: model.matrix("mlp"), "one matrix"),
        (lambda model: laser.Task("no-such-task") and model.eval(laser.Task("no-such-task")), "no-such-task"),
        (lambda model: model.eval(laser.Task.from_jsonl(QUESTIONS), splitt="test"), "splitt"),
        (lambda model: model.search(laser.Task.from_jsonl(QUESTIONS), rho="x"), "x"),
        (lambda model: model.search(laser.Task.from_jsonl(QUESTIONS), layerz="1"), "layerz"),
        (lambda model: model.search(laser.Task.from_jsonl(QUESTIONS), max_time="5 parsecs"), "parsecs"),
        (lambda model: laser.Run("nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_used_is_named(model, wrong, words):
    with pytest.raises(laser.LaserError, match=words):
        wrong(model)


def test_times_are_read():
    assert [seconds(time) for time in (None, 5, "90s", "5m", "1h30m", "1.5h")] == [None, 5, 90, 300, 5400, 5400]


def test_what_progress_raises_ends_the_job(model):
    def refuse(stage, share):
        raise ZeroDivisionError(stage)

    with pytest.raises(ZeroDivisionError):
        model.search(laser.Task.from_jsonl(QUESTIONS), progress=refuse)


def test_ctrl_c_ends_a_search(tmp_path):
    script = f"""
import laser
model = laser.load({str(MODEL)!r})
records = [{{"question": f"a b c {{i}} d", "answer": "e"}} for i in range(20000)]
print("begins", flush=True)
try:
    model.search(laser.Task.from_records(records, score="top1"), strategy="exhaustive")
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "begins\n"
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    begun = time.monotonic()
    assert child.communicate(timeout=30)[0] == "interrupted\n"
    assert child.returncode == 0 and time.monotonic() - begun < 10


def test_the_command_is_there(tmp_path):
    command = Path(sys.executable).with_name("laser")
    run = lambda *arguments: subprocess.run([command, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert run("--version").stdout.split()[-1] == laser.__version__
    assert run("inspect", os.fspath(MODEL)).returncode == 0
    refused = run("inspect", "nowhere")
    assert refused.returncode == 2 and "nowhere" in refused.stderr
