"""Family goldens: takes nothing, gives goldens/families, one tiny checkpoint and its golden per family.

    ../laser-venv/bin/python tools/make_family_goldens.py --out goldens

The weights are drawn in the layout of the hub's files and read back by transformers' own classes, for
every edit anew: what is truncated is what the file holds. f32, CPU, one thread, eager attention where it is right.
"""

import argparse
import itertools
import json
import math
import pathlib
import re
import shutil
import tempfile
import zlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, DecisionTransformerModel

import family_matrices
import tiny_families
import tiny_families_encoders
import tiny_families_gpt
import tiny_families_gpt_oss
import tiny_families_latent
import tiny_families_llama
import tiny_families_mixers
import tiny_families_phi
import tiny_families_recent
from make_goldens import EDIT_POSITIONS, MARGIN, NEW_TOKENS, rounded, write_json
from tiny_models import SEED

CLASSES = {
    "causal": AutoModelForCausalLM,
    "masked": AutoModelForMaskedLM,
    "decision": DecisionTransformerModel,
}
FAMILIES = {
    **tiny_families_gpt.FAMILIES,
    **tiny_families_phi.FAMILIES,
    **tiny_families_encoders.FAMILIES,
    **tiny_families_llama.FAMILIES,
    **tiny_families_recent.FAMILIES,
    **tiny_families_latent.FAMILIES,
    **tiny_families_gpt_oss.FAMILIES,
    **tiny_families_mixers.FAMILIES,
}
# An edit or a feature moves the outputs by more than this, over the largest one.
EDIT_CHANGE = 5e-3
# A greedy continuation should have so many different ids; so many sequences are tried for one.
DISTINCT, TRIALS = 4, 20
# No expert is chosen by less than this, over the largest router logit.
ROUTER_MARGIN = 1e-4


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--out", default="goldens", help="folder to write to (default: goldens)")
    args.add_argument("--only", help="families to make, with commas (default: all)")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    folder = pathlib.Path(args.out) / "families"
    for name in args.only.split(",") if args.only else FAMILIES:
        make(name, FAMILIES[name], folder)


def make(name, family, folder):
    """Writes <name>/, <name>.golden.json and <name>.golden.safetensors into `folder`."""
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).mkdir(parents=True)
    tensors = draw(name, family)
    config, stored = family.stored(family.config, tensors) if family.stored else (family.config, tensors)
    (folder / name / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file({k: v.contiguous() for k, v in stored.items()}, folder / name / "model.safetensors", metadata={"format": "pt"})
    for seed in range(SEED, SEED + 100000, 1000):
        try:
            golden, arrays = compute(name, family, tensors, seed)
            break
        except NearTie:
            continue
    save_file({k: v.contiguous() for k, v in arrays.items()}, folder / f"{name}.golden.safetensors")
    for file in [folder / name / "model.safetensors", folder / f"{name}.golden.safetensors"]:
        file.chmod(0o644)  # safetensors makes them private to the user
    write_json(folder / f"{name}.golden.json", golden)
    smallest = min(golden["edits"], key=lambda e: e["max_abs_change"])
    print(name, "smallest edit", smallest["edit"], smallest["max_abs_change"], golden["without"])
    print("   ", [{k: v for k, v in g.items() if k != "ids"} for g in golden.get("greedy", [])])


def compute(name, family, tensors, seed):
    """The golden and its arrays, with inputs drawn from `seed`."""
    model = load(family, tensors)
    outputs = {"causal": causal, "masked": masked, "decision": decision}[family.kind]
    about = {"model": name, "about": family.about, "kind": family.kind, "stored_dtype": "float32"}
    golden, arrays = outputs(family, model, about, seed)
    whole = arrays[golden["edited"]]
    largest = whole.abs().max()

    golden["edits"] = []
    for selector, block, rank in family_matrices.edits(family.layout):
        edited = answer(family, load(family, block.truncated(tensors, rank)), golden, arrays)[-EDIT_POSITIONS:]
        change = (edited - whole[-EDIT_POSITIONS:]).abs().max()
        if not change > EDIT_CHANGE * largest:
            raise SystemExit(f"{name}: {selector} changes the output by {change} only, of {largest}")
        array = "s0.edit." + selector.removeprefix(f"L{family_matrices.EDIT_LAYER}.")
        arrays[array] = edited
        golden["edits"].append(
            {
                "edit": f"{selector}@r{rank}",
                "max_rank": min(block.of(tensors).shape),
                "array": array,
                "max_abs_change": rounded(change),
            }
        )
    golden["without"] = {}
    for feature, plain in family.without.items():
        model = load(family, plain(tensors)) if callable(plain) else load(family, tensors, **plain)
        change = (answer(family, model, golden, arrays) - whole).abs().max()
        if not change > EDIT_CHANGE * largest:
            raise SystemExit(f"{name}: without {feature} the output changes by {change} only, of {largest}")
        golden["without"][feature] = rounded(change)
    return golden, arrays


# Checkpoints


def draw(name, family):
    """The file's tensors: names and shapes as transformers saves them, seeded weights, put into the hub's layout."""
    config = family.config
    if family.readable:
        config, _ = family.readable(config, {})
    make = getattr(CLASSES[family.kind], "from_config", CLASSES[family.kind])
    with tempfile.TemporaryDirectory() as folder:
        make(read_config(config)).save_pretrained(folder)
        shapes = {k: v.shape for k, v in load_file(folder + "/model.safetensors").items()}
    # One stream a checkpoint, seeded by its name: adding a family leaves the others as they are.
    stream = torch.Generator().manual_seed(SEED + zlib.crc32((family.weights_of or name).encode()))
    tensors = {k: random(k, shapes[k], family, stream) for k in sorted(shapes)}
    tensors = family.hub(tensors) if family.hub else tensors
    return {k: tensors[k].contiguous() for k in sorted(tensors)}


def random(name, shape, family, stream):
    """Weights wide enough that attention is selective and outputs are spread; no norm or bias is trivial."""
    noise = torch.randn(shape, generator=stream)
    noise = noise * math.prod(factor for part, factor in family.widths.items() if part in name)
    if name.endswith("bias"):
        return 0.5 * noise
    if len(shape) < 2:
        return 0.3 * noise + (0.0 if family.norm_offset else 1.0)
    if re.search(r"embed_tokens|embed_in|embeddings|wte|wpe|embed_pos|embed_time", name):
        return 0.5 * noise
    conv1d = family.layout.conv1d and (".c_" in name)
    return noise * 1.8 / math.sqrt(shape[0] if conv1d else shape[-1])


def read_config(config):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        return AutoConfig.from_pretrained(folder)


def load(family, tensors, **overrides):
    """The model transformers makes of these tensors; fails if one is missing, unknown or of another shape."""
    config = family.config | overrides
    if family.readable:
        config, tensors = family.readable(config, tensors)
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        save_file(tensors, folder + "/model.safetensors", metadata={"format": "pt"})
        model, info = CLASSES[family.kind].from_pretrained(
            folder,
            dtype=torch.float32,
            attn_implementation=family.attention,
            experts_implementation="eager",
            output_loading_info=True,
        )
    odd = {k: v for k, v in info.items() if v}
    unknown = [k for k in odd.pop("unexpected_keys", []) if not ignored(k)]
    if odd or unknown:
        raise SystemExit(f"transformers does not read the file: {odd} {unknown}")
    return model.eval()


def ignored(name):
    """The buffers old versions stored, and the heads of pre-training."""
    return re.search(r"(attn|attention)\.(masked_)?bias$|\.position_ids$|\.pooler\.|\.seq_relationship\.", name)


# Passes


def blocks(model):
    """The list of the model's blocks."""
    return next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList))


def fresh_positions(model):
    """Forgets the longest sequence seen: transformers' length-dependent rotary tables depend on past calls."""
    for module in list(model.modules()):
        rotary = getattr(module, "rotary_emb", None)
        if rotary is not None:
            module.rotary_emb = type(rotary)(rotary.config)


@torch.no_grad()
def trace(model, **inputs):
    """(hidden states, the model's output) of one sequence without a cache.

    hidden[0] is what block 0 takes, hidden[l + 1] what block l gives; the last one is taken before the
    final norm, where transformers' own `hidden_states[-1]` is taken after it.
    """
    fresh_positions(model)
    hidden, layers = [], blocks(model)
    first = lambda module, args, kwargs: hidden.append((args[0] if args else kwargs["hidden_states"])[0])  # noqa: E731
    keep = lambda module, args, out: hidden.append((out if torch.is_tensor(out) else out[0])[0])  # noqa: E731
    hooks = [layers[0].register_forward_pre_hook(first, with_kwargs=True)]
    hooks += [layer.register_forward_hook(keep) for layer in layers]
    routers = ("TopKRouter", "TopkRouter", "TopKGating")
    hooks += [m.register_forward_hook(clear_routes) for m in model.modules() if type(m).__name__.endswith(routers)]
    out = model(output_hidden_states=True, **inputs)
    for hook in hooks:
        hook.remove()
    if len(hidden) != len(layers) + 1:
        raise SystemExit(f"{len(hidden)} hidden states from {len(layers)} layers")
    for ours, theirs in zip(hidden[:-1], out.hidden_states[:-1]):
        if not torch.equal(ours, theirs[0]):
            raise SystemExit("a hook saw another hidden state than transformers returns")
    return hidden, out


def clear_routes(router, args, output):
    """Fails where another implementation may choose another expert."""
    ranked = output[-1] if type(router).__name__.endswith("TopKGating") else output[0]
    # What is added to the scores before the choice.
    statics = getattr(router, "moe_statics", router)
    correction = getattr(statics, "e_score_correction_bias", args[1] if len(args) > 1 else None)
    if correction is not None:
        ranked = (ranked.softmax(dim=-1) if statics is not router else ranked.sigmoid()) + correction.squeeze()
    largest = ranked.abs().max()
    groups, used = getattr(router, "num_group", None) or 1, getattr(router, "topk_group", None) or 1
    if groups > used:
        by_group = ranked.unflatten(-1, (groups, -1))
        summed = 1 if correction is None else 2
        scores = by_group.topk(summed, dim=-1).values.sum(dim=-1)
        best = scores.topk(used + 1, dim=-1)
        if (best.values[:, used - 1] - best.values[:, used]).min() / scores.abs().max() < ROUTER_MARGIN:
            raise NearTie("two groups of experts are too close")
        of_others = torch.ones_like(scores, dtype=torch.bool).scatter(-1, best.indices[:, :used], False)
        ranked = by_group.masked_fill(of_others[..., None], -1e3).flatten(-2)
    ranked = ranked.sort(dim=-1, descending=True).values
    gap = (ranked[:, router.top_k - 1] - ranked[:, router.top_k]).min() / largest
    if gap < ROUTER_MARGIN:
        raise NearTie(f"two experts are {gap} apart")


class NearTie(Exception):
    """A choice that rounding could turn."""


def trace_ids(model, ids):
    hidden, out = trace(model, input_ids=torch.tensor([ids]))
    return hidden, out.logits[0]


def answer(family, model, golden, arrays):
    """What the edits are compared by, of sequence 0."""
    if family.kind == "decision":
        return trace(model, **trajectory(golden, arrays, 0))[1].action_preds[0]
    return trace_ids(model, golden["sequences"][0])[1]


def sequence_arrays(model, sequences):
    arrays = {}
    for i, ids in enumerate(sequences):
        hidden, logits = trace_ids(model, ids)
        arrays[f"s{i}.logits"] = logits
        arrays |= {f"s{i}.hidden.{layer}": h for layer, h in enumerate(hidden)}
    return arrays


def causal(family, model, golden, seed):
    sequences, greedy = zip(*(clear_sequence(model, n, seed) for n in family.lengths))
    arrays = sequence_arrays(model, sequences)
    golden |= {
        "sequences": list(sequences),
        "max_abs_logit": rounded(arrays["s0.logits"].abs().max()),
        "greedy": list(greedy),
        "edited": "s0.logits",
    }
    return golden, arrays


def clear_sequence(model, length, seed):
    """(ids, greedy continuation) of a seeded random sequence whose continuation has no near tie.

    The first with DISTINCT different ids, or of TRIALS sequences the one with the most: small tied models repeat
    themselves.
    """
    stream = torch.Generator().manual_seed(seed + length)
    clear = []
    for trial in itertools.count():
        ids = torch.randint(3, tiny_families.VOCAB, (length,), generator=stream).tolist()
        try:
            greedy = continuation(model, ids)
        except NearTie:
            continue
        if greedy["smallest_relative_margin"] >= MARGIN:
            clear.append((len(set(greedy["ids"])), -trial, ids, greedy))
        if clear and (trial >= TRIALS or clear[-1][0] >= DISTINCT):
            return max(clear)[2:]


def continuation(model, ids, count=NEW_TOKENS):
    """Greedy ids, the whole sequence computed anew for every token, and never stopped by an EOS."""
    all_ids, margin = list(ids), float("inf")
    for _ in range(count):
        last = trace_ids(model, all_ids)[1][-1]
        best, second = last.topk(2).values
        margin = min(margin, ((best - second) / last.abs().max()).item())
        all_ids.append(last.argmax().item())
        if margin < MARGIN:
            return {"smallest_relative_margin": margin}
    fresh_positions(model)
    with torch.no_grad():
        cached = model.generate(
            torch.tensor([ids]), max_new_tokens=count, min_new_tokens=count, do_sample=False, eos_token_id=None
        )
    return {
        "ids": all_ids[len(ids) :],
        "smallest_relative_margin": rounded(margin),
        "same_with_cache": cached[0].tolist() == all_ids,
    }


def masked(family, model, golden, seed):
    sequences, fills = zip(*(clear_fills(model, i, n, seed) for i, n in enumerate(family.lengths)))
    arrays = sequence_arrays(model, sequences)
    golden |= {
        "sequences": list(sequences),
        "max_abs_logit": rounded(arrays["s0.logits"].abs().max()),
        "mask_token_id": tiny_families.MASK,
        "fills": list(fills),
        "edited": "s0.logits",
    }
    return golden, arrays


def clear_fills(model, i, length, seed):
    """(ids, fills) of a seeded sequence with two masks; the fills are no near tie, and differ if one of TRIALS does."""
    stream = torch.Generator().manual_seed(seed + length)
    clear = []
    while True:
        ids = torch.randint(3, tiny_families.MASK, (length,), generator=stream).tolist()
        ids[1 + i] = ids[length - 3] = tiny_families.MASK
        logits = trace_ids(model, ids)[1]
        at = [p for p, token in enumerate(ids) if token == tiny_families.MASK]
        best = logits[at].topk(2).values
        margin = ((best[:, 0] - best[:, 1]) / logits[at].abs().amax(1)).min()
        found = logits[at].argmax(1).tolist()
        if margin < MARGIN:
            continue
        clear.append((ids, {"positions": at, "ids": found, "smallest_relative_margin": rounded(margin)}))
        if len(set(found)) > 1:
            return clear[-1]
        if len(clear) == TRIALS:
            return clear[0]


def decision(family, model, golden, seed):
    """Seeded trajectories; what is compared is the actions."""
    arrays, timesteps = {}, []
    for i, steps in enumerate(family.lengths):
        stream = torch.Generator().manual_seed(seed + steps)
        first = int(torch.randint(1, 9, (), generator=stream))
        timesteps.append(list(range(first, first + steps)))
        arrays[f"s{i}.states"] = torch.randn(steps, model.config.state_dim, generator=stream)
        arrays[f"s{i}.actions"] = torch.randn(steps, model.config.act_dim, generator=stream)
        arrays[f"s{i}.returns_to_go"] = torch.randn(steps, 1, generator=stream)
        inputs = trajectory(golden := golden | {"timesteps": timesteps}, arrays, i)
        hidden, out = trace(model, **inputs)
        arrays |= {f"s{i}.hidden.{layer}": h for layer, h in enumerate(hidden)}
        arrays |= {f"s{i}.{k}": out[k][0] for k in ("state_preds", "action_preds", "return_preds")}
    check_trajectory(model, inputs, out)
    return golden | {"edited": "s0.action_preds"}, arrays


def trajectory(golden, arrays, i):
    inputs = {k: arrays[f"s{i}.{k}"][None] for k in ("states", "actions", "returns_to_go")}
    return inputs | {"timesteps": torch.tensor([golden["timesteps"][i]])}


def check_trajectory(model, inputs, out):
    """A step's state changes its own and all later actions, no earlier one."""
    steps = inputs["states"].shape[1]
    for step in range(steps):
        states = inputs["states"].clone()
        states[0, step] += 1.0
        actions = trace(model, **inputs | {"states": states})[1].action_preds
        moved = ((actions - out.action_preds)[0].abs().amax(-1) > 0).tolist()
        if moved != [later >= step for later in range(steps)]:
            raise SystemExit(f"state {step} changes actions {moved}")


if __name__ == "__main__":
    main()
