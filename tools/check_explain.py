#!/usr/bin/env python3
"""Computes the numbers of a `laser explain` folder again with numpy and torch, and compares them.

    laser apply MODEL --edit L0.up_proj@1 --out FOLDER      # a Hugging Face folder of the model, with its own values
    laser explain FOLDER --task T --edit E --out EXPLAINED
    tools/check_explain.py FOLDER EXPLAINED [--items 200]

Nothing of Laser is used: matrices are decomposed by numpy, replaced in a transformers model, and the first token of each
answer is read from its logits. Checked are effective rank and energy, the answers, ranks and log-probabilities of the unedited
model and of every kind of part, the classes of all answers, the cosines, and the attribution by tenths (torch's own gradient; only
if all items are run). Four thousand answers take about five minutes.
Needs numpy, torch and transformers (checked with 2.4, 2.9 and 5.24).
"""

import argparse
import json
import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def fraction(text, whole):
    """floor(share * whole) without the errors of floats."""
    whole_part, _, digits = text.partition(".")
    scaled = int(whole_part + digits) * whole
    return scaled // 10 ** len(digits)


def rank_of(text, singular):
    if text.startswith("r"):
        return int(text[1:])
    if text.startswith("e"):
        energy = np.cumsum(singular**2)
        return int(np.searchsorted(energy, float(text[1:]) * energy[-1]) + 1)
    return fraction(text, len(singular))


def reduced(reduction, w, u, s, vt):
    """The part of a matrix that a reduction keeps; None for random draws, which are not repeated here."""
    n = len(s)
    name, _, inner = reduction.rstrip(")").partition("(")
    if reduction == "zero":
        return np.zeros_like(w)
    if not inner:
        kept = range(rank_of(name, s))
    elif name == "bottom":
        kept = range(n - fraction(inner, n), n)
    elif name == "band":
        start, _, end = inner.partition("..")
        kept = range(fraction(start, n), fraction(end, n))
    elif name in ("sparse", "magnitude"):
        m, k = w.shape
        count = fraction(inner, m * k) if name == "sparse" else min(fraction(inner, n) * (m + k), m * k)
        flat = np.abs(w).ravel()
        keep = np.zeros(flat.size, bool)
        keep[np.argsort(-flat, kind="stable")[:count]] = True
        return np.where(keep.reshape(w.shape), w, 0)
    else:
        return None
    kept = list(kept)
    return (u[:, kept] * s[kept]) @ vt[kept]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("explained", type=Path)
    parser.add_argument("--items", type=int, default=200, help="number of items to run through every part")
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    explanation = json.loads((arguments.explained / "explain.json").read_text())
    records = [json.loads(line) for line in (arguments.explained / "explain.jsonl").open()]
    sample = records[:: max(1, len(records) // arguments.items)][: arguments.items]
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()
    worst = defaultdict(float)
    wrong = Counter()
    counted = Counter()

    def question(record):
        prompt = tokenizer(record["prompt"])["input_ids"]
        both = tokenizer(record["prompt"] + " " + record["target"])["input_ids"]
        return both[: len(prompt)], both[len(prompt)], both

    questions = [question(record) for record in sample]
    # A right answer may begin with any token that reads alike.
    alike = defaultdict(list)
    for token in range(len(tokenizer)):
        alike[tokenizer.decode([token]).strip().lower()].append(token)

    def answers():
        found = []
        order = sorted(range(len(questions)), key=lambda i: len(questions[i][0]))
        by_index = {}
        for start in range(0, len(order), 32):
            batch = order[start : start + 32]
            width = max(len(questions[i][0]) for i in batch)
            ids = torch.zeros(len(batch), width, dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, i in enumerate(batch):
                ids[row, : len(questions[i][0])] = torch.tensor(questions[i][0])
                mask[row, : len(questions[i][0])] = 1
            logits = model(ids, attention_mask=mask).logits
            for row, i in enumerate(batch):
                by_index[i] = torch.log_softmax(logits[row, len(questions[i][0]) - 1].double(), -1)
        for i in range(len(questions)):
            gold = questions[i][1]
            logprobs = by_index[i]
            best = max(float(logprobs[token]) for token in alike[tokenizer.decode([gold]).strip().lower()])
            found.append((int(logprobs.argmax()), float(logprobs[gold]), int((logprobs > best).sum()) + 1))
        return found

    def compare(name, computed, given):
        for (token, logprob, rank), answer in zip(computed, given):
            counted[name] += 1
            wrong[name] += tokenizer.decode([token]) != answer["answer"]
            # Logits of ten thousand tokens that differ in the last digits may change places.
            worst[name + ", rank"] = max(worst[name + ", rank"], abs(rank - answer["gold_rank"]) / rank)
            worst[name + ", log-probability"] = max(
                worst[name + ", log-probability"], abs(logprob - answer["gold_logprob"])
            )

    unedited = answers()
    compare("unedited", unedited, [record["base"] for record in sample])
    head = model.get_output_embeddings().weight.double().numpy()
    head = head - head.mean(0)
    head /= np.linalg.norm(head, axis=1, keepdims=True)

    for matrix in explanation["matrices"]:
        layer, _, name = matrix["matrix"].partition(".")
        layer = int(layer[1:])
        block = model.model.layers[layer]
        parameter = dict(block.named_parameters())[
            ("mlp." if name in ("gate_proj", "up_proj", "down_proj") else "self_attn.") + name + ".weight"
        ]
        w = parameter.double().numpy().copy()
        u, s, vt = np.linalg.svd(w, full_matrices=False)
        p = s / s.sum()
        effective = math.exp(-(p[p > 0] * np.log(p[p > 0])).sum())
        worst["effective rank, relative"] = abs(effective - matrix["effective_rank"]) / effective
        worst["energy"] = abs((s[: matrix["rank"]] ** 2).sum() / (s**2).sum() - matrix["energy"])
        shown = Counter()
        for part in matrix["parts"]:
            # All shares of the components, and two of the others.
            shown[part["kind"]] += 1
            if part["kind"] in ("magnitude", "sparse") and shown[part["kind"]] % 6:
                continue
            new = reduced(part["reduction"], w, u, s, vt)
            if new is None:
                continue
            parameter.copy_(torch.tensor(new, dtype=torch.float32))
            computed = answers()
            given = [
                next(
                    p
                    for p in record["parts"]
                    if p["matrix"] == matrix["matrix"]
                    and p["kind"] == part["kind"]
                    and p["reduction"] == part["reduction"]
                )
                for record in sample
            ]
            compare(part["kind"], computed, given)
        parameter.copy_(torch.tensor(w, dtype=torch.float32))

        # Classes from their definition.
        normal = lambda text: text.strip().lower()
        types = defaultdict(set)
        for record in records:
            types[record["relation"]].add(record["gold_token"])
        golds = set().union(*types.values())
        frequent = Counter(r["base"]["answer"] for r in records if r["base"]["answer"] not in golds)
        frequent = {text for text, count in frequent.most_common(100) if count > 1}
        if set(explanation["generic"]) != frequent and len(frequent) < 100:
            print(f"generic answers differ: {sorted(set(explanation['generic']) ^ frequent)}")
        words = {normal(word) for word in explanation["manifest"]["config"]["generic"]}

        def class_of(record, answer):
            if normal(answer) == normal(record["gold_token"]):
                return "gold"
            if answer in types[record["relation"]]:
                return "same-type"
            if answer in frequent or normal(answer) in words or not any(c.isalnum() for c in answer):
                return "generic"
            return "other"

        for record in records:
            for part in record["parts"]:
                counted["classes"] += 1
                wrong["classes"] += part["class"] != class_of(record, part["answer"])

        # Scores and cosines follow from the items' own records.
        for part in matrix["parts"]:
            mine = [
                p
                for record in records
                for p in record["parts"]
                if p["matrix"] == matrix["matrix"]
                and p["kind"] == part["kind"]
                and p["reduction"] == part["reduction"]
            ]
            shares = [sum(p["class"] == c for p in mine) / len(mine) for c in ("gold", "same-type", "generic", "other")]
            worst["shares of classes"] = max(worst["shares of classes"], *(abs(a - b) for a, b in zip(shares, part["classes"])))
            worst["accuracy"] = max(worst["accuracy"], abs(sum(p["right"] for p in mine) / len(mine) - part["acc"]))
            worst["accuracy among ten"] = max(
                worst["accuracy among ten"], abs(sum(p["gold_rank"] <= 10 for p in mine) / len(mine) - part["acc10"])
            )
        fixed = [r for r in records if not r["base"]["right"] and r["edited"]["right"]]
        token_of = {tokenizer.decode([i]): i for i in reversed(range(len(tokenizer)))}
        for point in matrix["cosines"]:
            if point["kept"] == 1 or point["to_gold"] is None:
                continue
            values = []
            for record in fixed:
                said = next(
                    p["answer"]
                    for p in record["parts"]
                    if p["matrix"] == matrix["matrix"]
                    and p["kind"] == "bottom"
                    and abs(float(p["reduction"][7:-1]) - point["kept"]) < 1e-9
                )
                # A text that several tokens have cannot be looked up.
                if said in token_of and "\ufffd" not in said:
                    values.append(head[token_of[said]] @ head[token_of[record["gold_token"]]])
            worst["cosine"] = max(worst["cosine"], abs(np.mean(values) - point["to_gold"]["mean"]))
        # The gradient of the mean log-probability of the whole answer, by tenths.
        if len(sample) == len(records):
            bands = np.zeros(len(matrix["attribution"]))
            with torch.enable_grad():
                for tokens, _, both in questions:
                    logits = model(torch.tensor([both[:-1]])).logits[0].double()
                    logprobs = torch.log_softmax(logits, -1)
                    answer = sum(logprobs[i - 1, both[i]] for i in range(len(tokens), len(both)))
                    (gradient,) = torch.autograd.grad(answer, [parameter])
                    effects = s * np.einsum("oi,oj,ij->i", u, gradient.double().numpy(), vt, optimize=True)
                    edges = [i * len(s) // len(bands) for i in range(len(bands) + 1)]
                    bands += [effects[a:b].sum() for a, b in zip(edges, edges[1:])]
            bands /= len(questions)
            given = np.array([band["all"] for band in matrix["attribution"]])
            worst["attribution, nats"] = float(np.abs(bands - given).max())

    print(f"{len(sample)} of {len(records)} items, {sum(counted.values())} answers of parts")
    for name in counted:
        print(f"{name:24} {wrong[name]} of {counted[name]} answers differ")
    for name, value in worst.items():
        print(f"{name:48} {value:.2e}")


main()
