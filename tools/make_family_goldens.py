"""Family goldens: takes nothing, gives goldens/families, one tiny checkpoint and its golden per family.

    ../laser-venv/bin/python tools/make_family_goldens.py --out goldens

The weights are drawn in the layout of the hub's files and read back by transformers' own classes, for
every edit anew: what is truncated is what the file holds. f32, CPU, one thread, eager attention.
"""

import argparse
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
from make_goldens import EDIT_POSITIONS, MARGIN, NEW_TOKENS, rounded, write_json
from tiny_models import SEED

CLASSES = {
    "causal": AutoModelForCausalLM,
    "masked": AutoModelForMaskedLM,
    "decision": DecisionTransformerModel,
}
ROUTER_MARGIN = 1e-3
EDIT_CHANGE = 1e-2


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--out", default="goldens", help="folder to write to (default: goldens)")
    args.add_argument("--only", help="families to make, with commas (default: all)")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    folder = pathlib.Path(args.out) / "families"
    for name in args.only.split(",") if args.only else tiny_families.FAMILIES:
        make(name, tiny_families.FAMILIES[name], folder)


def make(name, family, folder):
    """Writes <name>/, <name>.golden.json and <name>.golden.safetensors into `folder`."""
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).mkdir(parents=True)
    (folder / name / "config.json").write_text(json.dumps(family.config, indent=2) + "\n")
    tensors = draw(name, family)
    save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})
    model = load(family, tensors)
    golden = {"model": name, "about": family.about, "kind": family.kind, "stored_dtype": "float32"}
    golden, arrays = {"causal": causal, "masked": masked, "decision": decision}[family.kind](family, model, golden)
    reference = arrays[golden["edited"]][-EDIT_POSITIONS:]
    largest = arrays[golden["edited"]].abs().max()
    run = lambda changed, **keys: answer(family, load(family, changed, **keys), golden)  # noqa: E731

    golden["edits"] = []
    for selector, block, rank in family_matrices.edits(family.layout):
        edited = run(block.truncated(tensors, rank))[-EDIT_POSITIONS:]
        change = (edited - reference).abs().max()
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
        changed = run(plain(tensors)) if callable(plain) else run(tensors, **plain)
        golden["without"][feature] = rounded((changed - arrays[golden["edited"]]).abs().max())
    if small := [f for f, change in golden["without"].items() if not change > EDIT_CHANGE * largest]:
        raise SystemExit(f"{name}: the golden does not depend on {small}")
    save_file({k: v.contiguous() for k, v in arrays.items()}, folder / f"{name}.golden.safetensors")
    for file in [folder / name / "model.safetensors", folder / f"{name}.golden.safetensors"]:
        file.chmod(0o644)  # safetensors makes them private to the user
    write_json(folder / f"{name}.golden.json", golden)
    smallest = min(golden["edits"], key=lambda e: e["max_abs_change"])
    print(name, "max", rounded(largest), "smallest edit", smallest["edit"], smallest["max_abs_change"], golden["without"])
    print("   ", [{k: v for k, v in g.items() if k != "ids"} for g in golden.get("greedy", [])])


# Checkpoints


def draw(name, family):
    """The file's tensors: names and shapes as transformers saves them, put into the hub's layout, seeded weights."""
    config = read_config(family.config)
    with tempfile.TemporaryDirectory() as folder:
        make = getattr(CLASSES[family.kind], "from_config", CLASSES[family.kind])
        make(config).save_pretrained(folder)
        shapes = {k: v.shape for k, v in load_file(folder + "/model.safetensors").items()}
    # One stream a checkpoint, seeded by its name: adding a family leaves the others as they are.
    stream = torch.Generator().manual_seed(SEED + zlib.crc32(name.encode()))
    tensors = {k: random(k, shapes[k], family, stream) for k in sorted(shapes)}
    tensors = family.hub(tensors) if family.hub else tensors
    return {k: tensors[k].contiguous() for k in sorted(tensors)}


def random(name, shape, family, stream):
    """Weights wide enough that attention is selective and outputs are spread; no norm or bias is trivial."""
    noise = torch.randn(shape, generator=stream)
    noise = noise * math.prod(factor for part, factor in family.widths.items() if part in name)
    if name.endswith("bias"):
        return 0.5 * noise
    if len(shape) == 1:
        return 0.3 * noise + (0.0 if family.norm_offset else 1.0)
    if any(part in name for part in ("embed_tokens", "embed_in", "embeddings", "wte", "wpe", "embed_pos", "embed_time")):
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
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    odd = {k: v for k, v in info.items() if v}
    unknown = [k for k in odd.pop("unexpected_keys", []) if not ignored(k)]
    if odd or unknown:
        raise SystemExit(f"transformers does not read the file: {odd} {unknown}")
    return model.eval()


def ignored(name):
    """The buffers old versions stored."""
    return re.search(r"(attn|attention)\.(masked_)?bias$|\.position_ids$", name)


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
    keep = lambda module, args, output: hidden.append((output if torch.is_tensor(output) else output[0])[0])  # noqa: E731
    hooks = [layers[0].register_forward_pre_hook(first, with_kwargs=True)]
    hooks += [layer.register_forward_hook(keep) for layer in layers]
    out = model(output_hidden_states=True, **inputs)
    for hook in hooks:
        hook.remove()
    if len(hidden) != len(layers) + 1:
        raise SystemExit(f"{len(hidden)} hidden states from {len(layers)} layers")
    for ours, theirs in zip(hidden[:-1], out.hidden_states[:-1]):
        if not torch.equal(ours, theirs[0]):
            raise SystemExit("a hook saw another hidden state than transformers returns")
    return hidden, out


def trace_ids(model, ids):
    hidden, out = trace(model, input_ids=torch.tensor([ids]))
    return hidden, out.logits[0]


def answer(family, model, golden):
    """What the edits are compared by, of sequence 0."""
    return trace_ids(model, golden["sequences"][0])[1]


def sequence_arrays(model, sequences):
    arrays = {}
    for i, ids in enumerate(sequences):
        hidden, logits = trace_ids(model, ids)
        arrays[f"s{i}.logits"] = logits
        arrays |= {f"s{i}.hidden.{layer}": h for layer, h in enumerate(hidden)}
    return arrays


def causal(family, model, golden):
    sequences, greedy = zip(*(clear_sequence(model, n) for n in family.lengths))
    arrays = sequence_arrays(model, sequences)
    golden |= {
        "sequences": list(sequences),
        "max_abs_logit": rounded(arrays["s0.logits"].abs().max()),
        "greedy": list(greedy),
        "edited": "s0.logits",
    }
    return golden, arrays


def clear_sequence(model, length):
    """(ids, greedy continuation) of the first seeded random sequence whose continuation has no near tie."""
    stream = torch.Generator().manual_seed(SEED + length)
    for _ in range(200):
        ids = torch.randint(3, tiny_families.VOCAB, (length,), generator=stream).tolist()
        greedy = continuation(model, ids)
        if greedy["smallest_relative_margin"] >= MARGIN:
            return ids, greedy
    raise SystemExit(f"no sequence of {length} tokens has a clear greedy continuation")


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


def masked(family, model, golden):
    sequences, fills = [], []
    for i, length in enumerate(family.lengths):
        stream = torch.Generator().manual_seed(SEED + length)
        for _ in range(200):
            ids = torch.randint(3, tiny_families.MASK, (length,), generator=stream).tolist()
            ids[1 + i] = ids[length - 3] = tiny_families.MASK
            logits = trace_ids(model, ids)[1]
            at = [p for p, token in enumerate(ids) if token == tiny_families.MASK]
            best = logits[at].topk(2).values
            margin = ((best[:, 0] - best[:, 1]) / logits[at].abs().amax(1)).min().item()
            if margin >= MARGIN:
                break
        else:
            raise SystemExit(f"no sequence of {length} tokens has clear fills")
        sequences.append(ids)
        fills.append(
            {"positions": at, "ids": logits[at].argmax(1).tolist(), "smallest_relative_margin": rounded(margin)}
        )
    arrays = sequence_arrays(model, sequences)
    golden |= {
        "sequences": sequences,
        "max_abs_logit": rounded(arrays["s0.logits"].abs().max()),
        "mask_token_id": tiny_families.MASK,
        "fills": fills,
        "edited": "s0.logits",
    }
    return golden, arrays


def decision(family, model, golden):
    raise NotImplementedError


if __name__ == "__main__":
    main()
