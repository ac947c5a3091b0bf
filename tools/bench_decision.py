"""Expected held-out gain of the rules by which a search chooses its edit, replayed on stored outcomes.

    laser search MODEL --task known-1000 --data-dir DATA --strategy gradient+exhaustive --split-fractions 0.96,0.02 \
        --candidates 40 --out runs/known
    python tools/bench_decision.py known-1000=runs/known world-facts=runs/facts --out bench-results/decision-DATE

Takes folders of exhaustive searches, whose `trials.sqlite` has the outcome of every edit at nearly every item. Draws many
random divisions of those items into 40 % search, 20 % validation and 40 % test, replays each rule on them, and takes
the test gain of the edit it chooses; no edit gains 0. The rules of the search are written here once more, after
`docs/search.md` and the Rust code, without composition and guards. Writes OUT.md and OUT.json.

`--damage RUNFOLDER`, an exhaustive search of the same edits on the task `ordinary-text`, adds the choice of the least
damaging among equally good edits. `--races` adds a table of races with other measures, drop points and error rates.
`--make-null OUT.jsonl` writes a task without knowledge to gain: world-facts with its answers permuted in each relation.
Needs numpy.
"""

import argparse
import hashlib
import json
import math
import random
import re
import sqlite3
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

SOFTNESS = 0.5  # nats; `SOFTNESS` in objective/measure.rs
CANDIDATES = 24  # settings.rs
MOST_OF_ONE_MATRIX = 4  # candidate.rs
FINALISTS = 16  # settings.rs
FINALISTS_BEFORE = 10  # until November 2026
ERROR_RATE = 0.05  # settings.rs
FIRST_DROP = 48  # item_order.rs
LEAST_GAIN = 0.01  # stages/race.rs
PRIOR_ITEMS = 16  # stages/race.rs
CONTENDER = 1.0  # estimate.rs
HOPEFUL_Z = 0.5  # finalists.rs
ALIKE_Z = 2.0  # finalists.rs
LEAST_Z = 1.5  # decision.rs
CHEAPER = 0.5  # decision.rs
TAUS, LARGEST_TAU = 64, 3.0  # shrinkage.rs
NO_EFFECT_DIVISIONS = 200
FACTS = Path(__file__).parent.parent / "crates/task/data/world_facts"


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("runs", nargs="*", metavar="NAME=RUNFOLDER")
    args.add_argument("--seeds", type=int, default=40, help="number of random divisions (default: 40)")
    args.add_argument("--damage", metavar="RUNFOLDER")
    args.add_argument("--races", action="store_true", help="also compare races")
    args.add_argument("--model", help="model of the stored outcomes, for the report")
    args.add_argument("--command", action="append", help="command that made the stores or this report, for the report")
    args.add_argument("--out", metavar="PREFIX")
    args.add_argument("--make-null", metavar="OUT.jsonl")
    args.add_argument("--limit", type=int, help="number of items of --make-null (default: all)")
    args = args.parse_args()
    if args.make_null:
        make_null(Path(args.make_null), args.limit)
    if not args.runs:
        return
    damage = read_damage(Path(args.damage)) if args.damage else None
    result = {"date": time.strftime("%Y-%m-%d"), "model": args.model, "commands": args.command}
    result |= {"seeds": args.seeds, "tasks": {}}
    for run in args.runs:
        name, _, folder = run.partition("=")
        task = read_task(Path(folder))
        result["tasks"][name] = bench(task, args.seeds, damage)
        if args.races:
            result["tasks"][name]["races"] = bench_races(task, args.seeds)
    text = report(result)
    print(text)
    if args.out:
        Path(args.out + ".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        Path(args.out + ".md").write_text(text, encoding="utf-8")


# Stored outcomes


@dataclass
class Task:
    """Outcomes of edits at the items of one task, each minus the unedited model's."""

    edits: list  # names of the edits
    screened: np.ndarray  # indices of the edits that the screen keeps
    gain: np.ndarray  # change of right (1) or wrong (0), [edits, items]
    soft: np.ndarray  # change of the soft accuracy, [edits, items]
    logprob: np.ndarray  # change of the gold answer's log-probability, nats, [edits, items]
    groups: np.ndarray  # group of each item, [items]
    base: float  # accuracy of the unedited model


def read_outcomes(folder):
    """Positions of the items in the task; {edit: (right, log-probability, margin), each [items]}; the screen's predictions by
    edit; the store's fingerprint.
    Edits without an outcome at every item are left out."""
    store = sqlite3.connect(f"file:{folder / 'trials.sqlite'}?mode=ro", uri=True)
    manifest = dict(store.execute("SELECT key, value FROM manifest"))
    order = json.loads(manifest["order of search"])
    found = {}
    rows = store.execute("SELECT edit, start, correct, logprobs, margins FROM trials WHERE split = 'search'")
    for edit, start, *blobs in rows:
        columns = found.setdefault(edit, np.full((3, len(order)), np.nan))
        for column, blob, kind in zip(columns, blobs, ["u1", "<f8", "<f8"]):
            values = np.frombuffer(blob, kind)
            column[start : start + len(values)] = values
    predicted = dict(store.execute("SELECT edit, value FROM screens"))
    complete = {edit: columns for edit, columns in sorted(found.items()) if not np.isnan(columns).any()}
    if "" not in complete:
        sys.exit(f"{folder}: the unedited model was not scored on all {len(order)} items: let the search end first")
    return order, complete, predicted, manifest["fingerprint"]


def read_task(folder):
    order, found, predicted, fingerprint = read_outcomes(folder)
    edits = [edit for edit in found if edit and "," not in edit]
    right, logprob, margin = (np.stack([found[e][i] for e in edits]) - found[""][i] for i in range(3))
    soft = right
    # As `Objective::evidence`: only where the next tokens decide whether an item is right.
    if re.search(r"score (Top1|Greedy)", fingerprint):
        step = lambda margin: 1 / (1 + np.exp(np.clip(-margin / SOFTNESS, -700, 700)))  # noqa: E731
        soft = np.stack([step(found[e][2]) for e in edits]) - step(found[""][2])
    keys = {}
    if (folder / "samples.jsonl").exists():
        with open(folder / "samples.jsonl", encoding="utf-8") as lines:
            keys = {row["doc_id"]: row.get("group") for row in map(json.loads, lines)}
    keys = [keys.get(item) or f"item {item}" for item in order]
    groups = np.unique(keys, return_inverse=True)[1]
    return Task(edits, screened(edits, predicted), right, soft, logprob, groups, float(found[""][0].mean()))


def screened(edits, predicted):
    """Indices of the edits with the best predictions, at most four of one matrix unless there are too few others."""
    by_prediction = sorted(range(len(edits)), key=lambda i: -predicted.get(edits[i], -math.inf))
    of_matrix, exceeds = Counter(), {}
    for i in by_prediction:
        matrix = edits[i].partition("@")[0]
        of_matrix[matrix] += 1
        exceeds[i] = of_matrix[matrix] > MOST_OF_ONE_MATRIX
    return np.array(sorted(by_prediction, key=lambda i: exceeds[i])[:CANDIDATES])


def read_damage(folder):
    """Rise of the log-loss of the store's passages for each edit, nats a token."""
    _, found, _, _ = read_outcomes(folder)
    # The margin of running text is its mean log-probability a token.
    tokens = (found[""][1] / found[""][2]).sum()
    return {edit: float((found[""][1] - outcomes[1]).sum() / tokens) for edit, outcomes in found.items()}


# Statistics, after crates/statistics


def stderr(values, groups):
    """Standard error of the mean of each row of `values [rows, items]`, items clustered by group."""
    ids = np.unique(groups, return_inverse=True)[1]
    count = ids.max() + 1
    if count < 2:
        return np.full(len(values), np.inf)
    rest = values - values.mean(1, keepdims=True)
    sums = np.stack([np.bincount(ids, row, count) for row in rest])
    return np.sqrt(count / (count - 1) * (sums**2).sum(1)) / len(ids)


def catch_up(seen, total):
    """Probability that the sum of each row of differences is positive after `total` items."""
    n = seen.shape[1]
    expected = total * seen.mean(1)
    spread = np.sqrt((total - n) * total / n * seen.var(1, ddof=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(expected / spread)
        z = (8 * (n - 1) + 1) / (8 * (n - 1) + 3) * np.sqrt((n - 1) * np.log1p(t * t / (n - 1))) * np.sign(expected)
    p = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in np.where(spread > 0, z, 0)])
    return np.where(spread > 0, p, (np.sign(expected) + 1) / 2)


def shrink(value, error):
    """Posterior means and standard deviations of true values that scatter normally, with flat priors on μ and τ."""
    span = value.max() - value.min()
    if len(value) < 3 or span <= 0 or (error <= 0).any():
        return value, error
    tau = (LARGEST_TAU * span * np.arange(TAUS) / (TAUS - 1))[:, None]
    w = 1 / (error**2 + tau**2)
    total = w.sum(1, keepdims=True)
    mu = (w * value).sum(1, keepdims=True) / total
    log_p = 0.5 * (np.log(w).sum(1) - np.log(total[:, 0]) - (w * (value - mu) ** 2).sum(1))
    p = np.exp(log_p - log_p.max())[:, None] / np.exp(log_p - log_p.max()).sum()
    b = tau**2 * w
    given, variance = mu + b * (value - mu), b * error**2 + (1 - b) ** 2 / total
    mean = (p * given).sum(0)
    return mean, np.sqrt((p * (variance + (given - mean) ** 2)).sum(0))


def mcnemar(broken, fixed):
    """McNemar's exact two-sided p."""
    n = broken + fixed
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(min(broken, fixed) + 1)) / 2**n)


# Rules


def before(task, search, validation):
    """The rule until November 2026: the ten best by accuracy on search, of these the best on validation."""

    def ranked(edits, items):
        gain, logprob = (x[edits][:, items].mean(1) for x in (task.gain, task.logprob))
        return edits[np.lexsort((-logprob, -gain))]

    finalists = ranked(np.arange(len(task.edits)), search)[:FINALISTS_BEFORE]
    return int(ranked(finalists, validation)[0])


def race(measures, soft, first_drop=FIRST_DROP, error_rate=ERROR_RATE):
    """Edits that finish a race, and the number of items asked. An edit may lead if it may by any of `measures`, each
    `[edits, items]` in this order of items; whether it may gain is judged by `soft` accuracy."""
    total = soft.shape[1]
    points = sorted(first << k for first in (16, 24) for k in range(20))
    running, asked, seen = np.arange(len(soft)), 0, 0
    for point in [p for p in points if first_drop <= p < total] + [total]:
        asked += len(running) * (point - seen)
        seen = point
        if point == total or not len(running):
            break
        may_lead = np.zeros(len(running), bool)
        for values in measures:
            now = values[running][:, :point]
            # Rust's max_by takes the last of equals.
            best = [len(now) - 1 - now[::-1, half::2].sum(1).argmax() for half in (0, 1)]
            leader = np.where(np.arange(point) % 2 == 0, now[best[1]], now[best[0]])
            may_lead |= catch_up(now - leader, total) >= error_rate
        ahead = soft[running][:, :point]
        usual = np.sort((ahead**2).mean(1))[len(ahead) // 2]
        spread = np.sqrt(max(usual, 1 / ahead.size))
        prior = np.tile([spread, -spread], (len(running), PRIOR_ITEMS // 2))
        ahead = np.hstack([ahead, prior])
        least = np.maximum(LEAST_GAIN, ahead.std(1, ddof=1) / np.sqrt(total + PRIOR_ITEMS))
        may_gain = catch_up(ahead - least[:, None], total + PRIOR_ITEMS) >= error_rate
        running = running[may_lead & may_gain]
    return running, asked


def rank_order(edit):
    """Matrix, and a number that grows with the rank kept; `None` if the edit is no truncation."""
    matrix, _, reduction = edit.partition("@")
    found = re.fullmatch(r"r?([\d.]+)", reduction)
    return (matrix, float(found[1])) if found else None


def share(edits, own, groups):
    """Evidence of each finalist `own [finalists, items]`, averaged with its neighbouring ranks, which count half; without those
    that are clearly better or worse."""
    places = sorted((*rank_order(edit), i) for i, edit in enumerate(edits) if rank_order(edit))
    shared = own.copy()
    for at, (matrix, _, i) in enumerate(places):
        beside = [places[k] for k in (at - 1, at + 1) if 0 <= k < len(places)]
        near = [j for other, _, j in beside if other == matrix]
        near = [j for j in near if abs((own[i] - own[j]).mean()) <= ALIKE_Z * stderr((own[i] - own[j])[None], groups)[0]]
        shared[i] = (2 * own[i] + own[near].sum(0)) / (2 + len(near))
    return shared


def decide(task, finishers, search, validation, damage, floor=True):
    """The edit that the search would propose, `None` for none. `floor`: an estimate is never surer than its measurement."""
    if not len(finishers):
        return None
    both = np.concatenate([search, validation])

    def measure(edits, items, of=task.gain):
        values = of[edits][:, items]
        return values.mean(1), np.maximum(stderr(values, task.groups[items]), 1 / len(items))

    finishers = finishers[np.argsort(-task.soft[finishers][:, search].mean(1), kind="stable")]
    z_on_search = [value / error for value, error in (measure(finishers, search, of) for of in (task.soft, task.gain))]
    hopeful = np.maximum(*z_on_search) >= HOPEFUL_Z
    hopeful[0] = True
    finalists = finishers[hopeful][:FINALISTS]
    others = finishers[~np.isin(finishers, finalists)]

    measured, measured_error = measure(finalists, both)
    near = measured.max() - measured <= CONTENDER * measured_error
    value, error = measured[near], measured_error[near]
    if len(others):
        value_of_others, error_of_others = measure(others, search)
        others_near = measured.max() - value_of_others <= CONTENDER * error_of_others
        value, error = np.append(value, value_of_others[others_near]), np.append(error, error_of_others[others_near])
    # A finalist that is no contender keeps its measured gain.
    estimate, estimate_error = measured.copy(), measured_error.copy()
    shrunk, shrunk_error = shrink(value, error)
    # To have been chosen makes a measured gain too large, never too small.
    estimate[near], estimate_error[near] = np.minimum(shrunk[: near.sum()], value[: near.sum()]), shrunk_error[: near.sum()]
    error = np.maximum(estimate_error, measured_error) if floor else estimate_error
    z = np.divide(estimate, error, out=np.zeros_like(estimate), where=estimate != 0)
    evidence = share([task.edits[i] for i in finalists], task.soft[finalists][:, both], task.groups[both])
    merit = evidence.mean(1)
    # Of equal merit, the larger accuracy, then the larger log-probability.
    tie = [task.logprob[finalists][:, both].mean(1), task.gain[finalists][:, both].mean(1)]
    by_merit = np.lexsort((*(-t for t in tie), -merit))
    best = by_merit[0]
    if z[best] < LEAST_Z:
        return None
    if damage is None:
        return int(finalists[best])
    gain = task.gain[finalists][:, both]
    as_good = (measured[best] - measured <= stderr(gain[best] - gain, task.groups[both])) & (z >= LEAST_Z)
    # An edit without a measurement counts as very damaging; the best by merit comes first among equals.
    cost = [damage.get(task.edits[i], math.inf) for i in finalists]
    equals = [i for i in by_merit if as_good[i]]
    cheaper = [i for i in equals if cost[i] <= CHEAPER * cost[equals[0]] < math.inf]
    return int(finalists[(cheaper or equals)[0]])


# The bench


def divide(task, seed):
    """Items of search, validation and test, each in random order; whole groups go together."""
    rng = np.random.default_rng(seed)
    uniform = rng.random(task.groups.max() + 1)[task.groups]
    order = rng.permutation(len(uniform))
    part = np.digitize(uniform[order], [0.4, 0.6])
    return [order[part == i] for i in range(3)]


def race_as_search(task, search):
    """The race as a search runs it: of the screened edits, by soft accuracy or by accuracy."""
    soft, gain = (values[task.screened][:, search] for values in (task.soft, task.gain))
    finishers, asked = race([soft, gain], soft)
    return task.screened[finishers], asked


def bench(task, seeds, damage):
    fixed = int(task.gain.mean(1).argmax())
    # [test gain, whether it is proved, edit] of each seed, by rule.
    found, asked, finished = {}, [], []
    for seed in range(seeds):
        search, validation, test = divide(task, seed)
        on_test = task.gain[:, test].mean(1)
        finishers, items = race_as_search(task, search)
        asked.append(items)
        finished.append(len(finishers))
        chosen = {"before": before(task, search, validation), "now": decide(task, finishers, search, validation, None)}
        if damage is not None:
            chosen["now, by damage"] = decide(task, finishers, search, validation, damage)
        chosen["all edits + now"] = decide(task, np.arange(len(task.edits)), search, validation, None)
        chosen["best fixed"] = fixed if task.gain[fixed].mean() > 0 else None
        chosen["hindsight"] = int(on_test.argmax()) if on_test.max() > 0 else None
        for rule, edit in chosen.items():
            gain = 0.0 if edit is None else float(on_test[edit])
            found.setdefault(rule, []).append((gain, edit is not None and is_proved(task, edit, test), edit))
    rules = {rule: summary(task, rows, damage) for rule, rows in found.items()}
    for row in rules.values():
        row["share of best fixed"] = row["gain"] / rules["best fixed"]["gain"] if rules["best fixed"]["gain"] else None
    return {
        "items": task.gain.shape[1],
        "groups": int(task.groups.max()) + 1,
        "edits": len(task.edits),
        "unedited": task.base,
        "edits without measured damage": damage and sum(edit not in damage for edit in task.edits),
        "items asked": float(np.mean(asked)),
        "items of all edits": float(np.mean([len(task.screened) * len(divide(task, s)[0]) for s in range(seeds)])),
        "finishers": float(np.mean(finished)),
        "without effect": bench_no_effect(task, NO_EFFECT_DIVISIONS),
        "rules": rules,
    }


def is_proved(task, edit, test):
    """Whether the test split proves a gain: McNemar p < .05 and a normal 95 % interval above 0."""
    changes = task.gain[edit, test]
    p = mcnemar(int((changes < 0).sum()), int((changes > 0).sum()))
    return p < 0.05 and changes.mean() - 1.96 * stderr(changes[None], task.groups[test])[0] > 0


def summary(task, rows, damage):
    gains = np.array([gain for gain, _, _ in rows])
    edits = Counter("none" if edit is None else task.edits[edit] for _, _, edit in rows)
    row = {
        "gain": float(gains.mean()),
        "standard error": float(gains.std(ddof=1) / len(gains) ** 0.5) if len(gains) > 1 else None,
        "proved": float(np.mean([proved for _, proved, _ in rows])),
        "none": edits["none"] / len(rows),
        "edits": dict(edits.most_common()),
    }
    if damage is not None:
        costs = [0.0 if edit is None else damage.get(task.edits[edit], math.nan) for _, _, edit in rows]
        row["damage"] = float(np.nanmean(costs))
    return row


def bench_no_effect(task, seeds):
    """What the rule does where no edit has an effect: the signs of all edits' differences in a group of items are flipped
    together at random, so that every true gain is 0 and the edits' errors stay correlated. With the bound on an
    estimate's standard error, as in a search, and without it."""
    rows = []
    for seed in range(seeds):
        sign = np.random.default_rng([seed, 1]).choice([-1.0, 1.0], task.groups.max() + 1)[task.groups]
        flipped = replace(task, gain=task.gain * sign, soft=task.soft * sign, logprob=task.logprob * sign)
        search, validation, test = divide(flipped, seed)
        finishers = race_as_search(flipped, search)[0]
        edits = [decide(flipped, finishers, search, validation, None, floor) for floor in (True, False)]
        rows.append([f for e in edits for f in (e is not None, e is not None and is_proved(flipped, e, test))])
    proposed, proved, proposed_without, proved_without = np.mean(rows, axis=0).tolist()
    return {
        "divisions": seeds,
        "proposed": proposed,
        "proved": proved,
        "without the bound": {"proposed": proposed_without, "proved": proved_without},
    }


def bench_races(task, seeds):
    """Gain and items asked of races by soft accuracy, accuracy or either, with other drop points and error rates."""
    rows = []
    soft, gain = task.soft[task.screened], task.gain[task.screened]
    for measure, by in [("either", [soft, gain]), ("soft accuracy", [soft]), ("accuracy", [gain])]:
        for first in (16, 48, 96):
            for rate in (0.05, 0.2):
                gains, asked = [], []
                for seed in range(seeds):
                    search, validation, test = divide(task, seed)
                    finishers, items = race([values[:, search] for values in by], soft[:, search], first, rate)
                    edit = decide(task, task.screened[finishers], search, validation, None)
                    gains.append(0.0 if edit is None else float(task.gain[edit, test].mean()))
                    asked.append(items)
                row = {"measure": measure, "first drop point": first, "error rate": rate}
                rows.append(row | {"gain": float(np.mean(gains)), "items asked": float(np.mean(asked))})
    return rows


def report(result):
    percent = lambda x: f"{100 * x:.0f} %"  # noqa: E731
    percent1 = lambda x: f"{100 * x:.1f} %"  # noqa: E731
    points = lambda x: f"{100 * x:.2f}"  # noqa: E731
    lines = [
        "# Expected held-out gain of the rules by which a search chooses its edit",
        "",
        f"{result['date']}, {result['model'] or 'model not given'}, `tools/bench_decision.py`, {result['seeds']} random divisions into 40 % search, 20 % validation, "
        "40 % test, whole groups together. Gain: change of test accuracy in points, mean over divisions ± its standard "
        "error. The divisions share their items: the error says how far the mean depends on the divisions drawn, not on "
        "the items. Proved: share of divisions in which McNemar's p is below .05 and the 95 % interval is above 0.",
    ]
    for name, task in result["tasks"].items():
        with_damage = "damage" in task["rules"]["now"]
        lines += [
            "",
            f"## {name}",
            "",
            f"{task['items']} items in {task['groups']} groups, {task['edits']} edits, unedited accuracy "
            f"{100 * task['unedited']:.1f} %. The race asks {task['items asked']:.0f} items of {task['items of all edits']:.0f}; "
            f"{task['finishers']:.1f} edits finish it.",
            "",
            "| rule | gain, points | of best fixed | proved | no edit | " + ("damage, nats a token | " if with_damage else "") + "chosen most often |",
            "|---|---:|---:|---:|---:|" + ("---:|" if with_damage else "") + "---|",
        ]
        for rule, row in task["rules"].items():
            of_best = "–" if row["share of best fixed"] is None else percent(row["share of best fixed"])
            error = "" if row["standard error"] is None else f" ± {points(row['standard error'])}"
            often = ", ".join(f"{edit} ({n})" for edit, n in list(row["edits"].items())[:3])
            lines.append(
                f"| {rule} | {points(row['gain'])}{error} | {of_best} | {percent(row['proved'])} | {percent(row['none'])} | "
                + (f"{row['damage']:.3f} | " if with_damage else "")
                + f"{often} |"
            )
        flipped = task["without effect"]
        lines += [
            "",
            "With the signs of all differences flipped at random by group, so that no edit has an effect: the rule now "
            f"proposes an edit in {percent1(flipped['proposed'])} of {flipped['divisions']} divisions, and the test split proves "
            f"a gain in {percent1(flipped['proved'])}. Without the bound on the standard error of an estimate: "
            f"{percent1(flipped['without the bound']['proposed'])} and {percent1(flipped['without the bound']['proved'])}.",
        ]
        if task.get("edits without measured damage"):
            lines += ["", f"{task['edits without measured damage']} edits have no measured damage: they count as very damaging, and are not in the mean."]
        if "races" in task:
            lines += ["", "| race by | first drop point | error rate | gain, points | items asked |", "|---|---:|---:|---:|---:|"]
            for r in task["races"]:
                lines.append(
                    f"| {r['measure']} | {r['first drop point']} | {r['error rate']} | {points(r['gain'])} | {r['items asked']:.0f} |"
                )
    if result["commands"]:
        lines += ["", "## Commands", "", "```console", *(f"$ {command}" for command in result["commands"]), "```"]
    return "\n".join(lines) + "\n"


def make_null(path, limit):
    """Writes world-facts' plain statements with the answers permuted in each relation, one item a line.

    The model's knowledge cannot help here, but an edit can still have a small true effect: answers are of the right kind, so
    that an edit which makes the model name a typical answer of the relation raises the chance of a hit. A permutation also
    leaves some answers right, above all where many facts of a relation share one.
    """
    rng, items = random.Random(7), []
    for file in sorted(FACTS.glob("*.json")):
        relation = json.loads(file.read_text(encoding="utf-8"))
        facts = relation["facts"]
        answers = [fact["answer"] for fact in facts]
        rng.shuffle(answers)
        for wording, prompt in enumerate(relation["prompts"]):
            for i, (fact, answer) in enumerate(zip(facts, answers)):
                question = prompt.replace("{}", fact["subject"])
                # Sixteen facts of one wording follow one another, so that a search can share their prompts.
                block = hashlib.sha256(f"{relation['relation']}/{wording}/{i // 16}".encode()).digest()
                row = {"question": question[0].upper() + question[1:], "answer": answer, "group": fact["subject"]}
                items.append((block, i, row | {"id": f"{relation['relation']}/{i}/{wording}"}))
    items.sort(key=lambda item: item[:2])
    path.write_text("".join(json.dumps(row) + "\n" for _, _, row in items[:limit]), encoding="utf-8")


if __name__ == "__main__":
    main()
