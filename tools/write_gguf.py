"""Tiny checkpoints as GGUF: takes Hugging Face folders of goldens/, gives goldens/gguf.

    ../laser-venv/bin/python tools/write_gguf.py --out goldens

Written as llama.cpp's converter would (gguf_layouts.py). What a file cannot say is made so in the config first
(`Source`), and then the file has a golden of its own. `check_gguf.py` compares the files with transformers' and with
llama.cpp's answers.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import shutil
import tempfile

import gguf
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from gguf_layouts import FAMILIES, first, rope_factors, stacked, xielu_keys
from make_goldens import write_json
from tiny_families_gpt_oss import unpacked


@dataclasses.dataclass
class Source:
    """One file: the folder it is made from, and what is changed first because GGUF has no words for it."""

    folder: str
    config: dict = dataclasses.field(default_factory=dict)
    # Blocks in the file: the first ones, or all of them over again.
    blocks: int | None = None
    # Tensors left out, as a pattern.
    drop: str | None = None
    # The entry of `gguf_layouts.FAMILIES`, if it is not that of the `model_type`.
    layout: str = ""
    # Matrices are rounded to f16 first and stored so, which halves the file; the others are f32.
    half: bool = False
    # Experts are stored in blocks of MXFP4, which hold their values; the other tensors are f32.
    mxfp4: bool = False

    def read(self, goldens):
        """(config, tensors) with the changes made."""
        config = json.loads((goldens / self.folder / "config.json").read_text()) | self.config
        tensors = unpacked(load_file(goldens / self.folder / "model.safetensors"))
        if self.drop:
            tensors = {k: v for k, v in tensors.items() if not re.search(self.drop, k)}
        if self.blocks:
            key = "n_layer" if "n_layer" in config else "num_hidden_layers"
            tensors = dict(self.repeated(tensors, config[key]))
            config[key] = self.blocks
        if self.half:
            tensors = {k: v.half().float() if stored_half(k, v) else v for k, v in tensors.items()}
        return config, tensors

    def repeated(self, tensors, blocks):
        for name, tensor in tensors.items():
            match = re.search(r"\b(layers|h)\.(\d+)\.", name)
            if not match:
                yield name, tensor
                continue
            for i in range(int(match[2]), self.blocks, blocks):
                yield name.replace(match[0], f"{match[1]}.{i}."), tensor.clone()

    def stored(self):
        return "float16" if self.half else "mxfp4" if self.mxfp4 else "float32"

    def changed(self):
        return bool(self.config or self.blocks or self.drop or self.half)


def stored_half(name, tensor):
    """As the converter's f16 files: vectors, biases, norms, routers, positions and kernels of convolutions stay f32."""
    single = r"norm|\.gate\.weight|wpe|position_embd|ffn_gate_inp|[._]bias$|\.conv\.conv\.|shortconv\.conv\."
    return tensor.squeeze().dim() > 1 and not re.search(single, name)


FILES = {
    "llama": Source("tiny/llama-gqa-untied"),
    "llama-rope_freqs": Source("tiny/llama3-rope", half=True),
    "qwen2": Source("tiny/qwen2-bias"),
    "qwen3": Source("families/qwen3"),
    # The query scale is 1/sqrt(head_dim) in llama.cpp's code (except for the 27B models).
    "gemma3": Source(
        "families/gemma3_text",
        {"query_pre_attn_scalar": 12, "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
        half=True,
    ),
    "gpt2": Source("families/gpt2"),
    "gptj": Source("families/gptj", blocks=1, half=True),
    "gptneox": Source("families/gpt_neox", half=True),
    "gptneox-serial": Source("families/gpt_neox-serial", blocks=1, half=True),
    "phi2": Source("families/phi", blocks=1, half=True),
    "phi3": Source("families/phi3"),
    "phi3-longrope": Source("families/phi3-longrope", blocks=1, half=True),
    # llama.cpp computes the tanh form, as the published models were trained.
    "gemma": Source("families/gemma", {"hidden_act": "gelu_pytorch_tanh"}, blocks=1, half=True),
    "gemma2": Source(
        "families/gemma2",
        {"query_pre_attn_scalar": 8, "attention_bias": False},
        drop=r"_proj\.bias$",
        half=True,
    ),
    "mixtral": Source("families/mixtral", blocks=1, half=True),
    "qwen3moe": Source("families/qwen3_moe", blocks=1, half=True),
    "qwen2moe": Source("families/qwen2_moe", blocks=1, half=True),
    "falcon": Source("families/falcon", blocks=1, half=True),
    "falcon-new": Source("families/falcon-new", blocks=1, half=True),
    "bloom": Source("families/bloom", blocks=1, half=True),
    "stablelm": Source("families/stablelm", blocks=1, half=True),
    "stablelm-parallel": Source("families/stablelm-parallel", blocks=1, half=True),
    "olmo2": Source("families/olmo2", {"attention_bias": False}, blocks=1, drop=r"_proj\.bias$", half=True),
    "granite": Source("families/granite", blocks=1, half=True),
    "granitemoe": Source("families/granitemoe", blocks=1, half=True),
    # llama.cpp reads no biases of OLMo.
    "olmo": Source("families/olmo", {"attention_bias": False}, blocks=1, drop=r"_proj\.bias$", half=True),
    "olmoe": Source("families/olmoe", blocks=1, half=True),
    "olmo3": Source("families/olmo3", half=True),
    "mistral3": Source("families/ministral3", blocks=1, half=True),
    "chatglm": Source("families/glm", blocks=1, half=True),
    "glm4": Source("families/glm4", blocks=1, half=True),
    "glm4moe": Source("families/glm4_moe", half=True),
    # Older converters leave the keys and values of all heads in one matrix.
    "deepseek2": Source("families/deepseek_v3", layout="deepseek-joined", half=True),
    "deepseek2-k_b": Source("families/deepseek_v3", half=True),
    "deepseek2-softmax": Source("families/deepseek_v2", layout="deepseek-joined", half=True),
    "minimax-m2": Source("families/minimax_m2", blocks=1, half=True),
    "gpt-oss": Source("families/gpt_oss", half=True),
    "gpt-oss-mxfp4": Source("families/gpt_oss-mxfp4", mxfp4=True),
    "ernie4_5-moe": Source("families/ernie4_5_moe", half=True),
    "exaone4": Source("families/exaone4", half=True),
    # llama.cpp reads no bias of its output of attention.
    "seed_oss": Source("families/seed_oss", {"attention_out_bias": False}, blocks=1, drop=r"o_proj\.bias$", half=True),
    "ernie4_5": Source("families/ernie4_5", {"use_bias": False}, blocks=1, drop=r"_proj\.bias$", half=True),
    "hunyuan-dense": Source("families/hunyuan_v1_dense", blocks=1, half=True),
    "command-r": Source("families/cohere", {"attention_bias": False}, blocks=1, drop=r"_proj\.bias$", half=True),
    "command-r-qk-norm": Source("families/cohere-qk-norm", blocks=1, half=True),
    # Every fourth layer goes without window and rotation.
    "cohere2": Source(
        "families/cohere2",
        {"layer_types": ["sliding_attention"] * 3 + ["full_attention"]},
        blocks=4,
        half=True,
    ),
    "lfm2": Source("families/lfm2", half=True),
    # llama.cpp has no window for it.
    "starcoder2": Source("families/starcoder2", {"sliding_window": None}, blocks=1, half=True),
    "nemotron": Source("families/nemotron", blocks=1, half=True),
    "apertus": Source("families/apertus", {"attention_bias": False}, drop=r"_proj\.bias$", half=True),
    "arcee": Source("families/arcee", {"mlp_bias": False}, blocks=1, drop=r"_proj\.bias$", half=True),
    # llama.cpp has no key for it: every fourth layer goes without rotary positions.
    "smollm3": Source(
        "families/smollm3",
        {"no_rope_layers": [1, 1, 1, 0], "no_rope_layer_interval": 4, "layer_types": ["full_attention"] * 4},
        blocks=4,
        half=True,
    ),
}


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--out", default="goldens", help="folder of the checkpoints, and to write to (default: goldens)")
    args.add_argument("--only", help="files to make, with commas (default: all)")
    args = args.parse_args()
    torch.set_num_threads(1)
    goldens = pathlib.Path(args.out)
    folder = goldens / "gguf"
    if not args.only:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    index = json.loads((folder / "index.json").read_text()) if args.only else {}
    for name in args.only.split(",") if args.only else FILES:
        source = FILES[name]
        config, tensors = source.read(goldens)
        write(folder / f"{name}.gguf", config, tensors, source)
        sequences = json.loads((goldens / f"{source.folder}.golden.json").read_text())["sequences"]
        sequences = {f"s{i}": ids for i, ids in enumerate(sequences)}
        golden = source.folder
        if source.changed():
            golden = f"gguf/{name}"
            # The first sequence is the long one of files whose rotary positions depend on the length.
            sequences = sequences if "longrope" in name else {"s1": sequences["s1"]}
            own_golden(config, tensors, sequences, goldens / f"{golden}.golden.safetensors")
        index[name] = {
            "checkpoint": source.folder,
            "config": source.config,
            "blocks": first(config, "num_hidden_layers", "n_layer"),
            "stored": source.stored(),
            "golden": f"{golden}.golden.safetensors",
            "sequences": sequences,
        }
        print(name, (folder / f"{name}.gguf").stat().st_size)
    write_json(folder / "index.json", dict(sorted(index.items())))


def own_golden(config, tensors, sequences, path):
    """Logits of the checkpoint's sequences under what was changed."""
    model = hf_model(config, tensors)
    with torch.no_grad():
        logits = {f"{i}.logits": model(torch.tensor([ids]), use_cache=False).logits[0] for i, ids in sequences.items()}
    save_file(logits, path)
    path.chmod(0o644)  # safetensors makes it private to the user


def hf_model(config, tensors):
    """transformers' model of a config in the hub's form, in f32 with eager attention."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        save_file(tensors, pathlib.Path(folder) / "model.safetensors", metadata={"format": "pt"})
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager"
        ).eval()


def write(path, config, tensors, source):
    """Writes `tensors` of a checkpoint with the hub's `config` to the GGUF `path`."""
    family, half = FAMILIES[source.layout or config["model_type"]], source.half
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[family.arch])
    writer.add_name(path.stem)
    kinds = {"float16": "MOSTLY_F16", "mxfp4": "MOSTLY_MXFP4_MOE", "float32": "ALL_F32"}
    writer.add_file_type(gguf.LlamaFileType[kinds[source.stored()]])
    writer.add_tokenizer_model("no_vocab")
    family.keys(writer, config)
    xielu_keys(writer, tensors)
    blocks = first(config, "num_hidden_layers", "n_layer")
    names = gguf.get_tensor_name_map(family.arch, blocks)
    for name, tensor in [*rope_factors(config), *stacked(family.tensors(config, tensors))]:
        known = name.startswith(("rope_", "blk."))
        name = name if known else names.get_name(name, try_suffixes=(".weight", ".bias"))
        # The converter drops axes of length one (Qwen2-MoE's shared_expert_gate becomes a vector).
        tensor = tensor.squeeze().float()
        if source.mxfp4 and name.endswith("_exps.weight"):
            kind = gguf.GGMLQuantizationType.MXFP4
            blocks = gguf.quants.quantize(np.ascontiguousarray(tensor.numpy()), kind)
            if not np.array_equal(gguf.quants.dequantize(blocks, kind), tensor.numpy()):
                raise SystemExit(f"{name}: its values are not those of MXFP4")
            writer.add_tensor(name, blocks, raw_dtype=kind)
            continue
        dtype = np.float16 if source.half and stored_half(name, tensor) else np.float32
        writer.add_tensor(name, np.ascontiguousarray(tensor.numpy().astype(dtype)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
