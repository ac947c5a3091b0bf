"""Compares goldens/tokenizer/pre_tokenizers.json with llama.cpp: takes the goldens, prints the texts that differ.

    pip install --no-deps xllamacpp==2026.10.11549 llama-cpp-py-sync==0.11548 && pip install cffi gguf
    python tools/check_pre_tokenizers.py goldens/tokenizer

For each name, a file without tensors is written and llama.cpp asked for the token ids of every text.
"""

import argparse
import json
import pathlib
import tempfile

import gguf
import xllamacpp
from llama_cpp_py_sync._cffi_bindings import ffi

# Where llama.cpp departs from the models' own tokenizer.json, by what we find in its code.
NFC = "does not bring text to normal form C"
MARKS = "counts no combining mark as part of a word"
CASES = "does not cut between lower and upper case"
KNOWN = {
    "olmo": NFC,
    "command-r": NFC,
    "qwen2": NFC,
    "qwen35": NFC,
    "tekken": MARKS,
    "gpt-4o": MARKS,
    "tiny_aya": CASES,
    "youtu": CASES,
    "deepseek-llm": "keeps digits together, which no merge of the model joins",
    "falcon": "lacks the step that separates digits from the space before them",
}


@ffi.callback("void(enum ggml_log_level, const char *, void *)")
def quiet(level, text, data):
    """Errors (level 4) only."""
    if level == 4:
        print(ffi.string(text).decode(errors="replace"), end="")


def write(path, golden, pre):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(8)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(golden["tokens"])
    writer.add_token_merges(golden["merges"])
    writer.add_token_types([gguf.TokenType.NORMAL] * len(golden["tokens"]))
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goldens", type=pathlib.Path)
    golden = json.loads((parser.parse_args().goldens / "pre_tokenizers.json").read_text())
    lib = ffi.dlopen(str(pathlib.Path(xllamacpp.__file__).parent / "xllamacpp.abi3.so"))
    lib.llama_log_set(quiet, ffi.NULL)
    lib.llama_backend_init()
    params = lib.llama_model_default_params()
    params.vocab_only = True
    buffer = ffi.new("int32_t[4096]")
    unknown = []
    with tempfile.TemporaryDirectory() as folder:
        for group in golden["groups"]:
            for name in group["names"]:
                path = pathlib.Path(folder) / "vocabulary.gguf"
                write(path, golden, name)
                model = lib.llama_model_load_from_file(str(path).encode(), params)
                if model == ffi.NULL:
                    raise SystemExit(f"{name}: llama.cpp does not know it")
                vocab = lib.llama_model_get_vocab(model)
                differing = []
                for text, ids in zip(golden["texts"], group["ids"]):
                    data = text.encode()
                    count = lib.llama_tokenize(vocab, data, len(data), buffer, 4096, False, False)
                    if list(buffer[0:count]) != ids:
                        differing.append(text)
                lib.llama_model_free(model)
                why = KNOWN.get(group["names"][0])
                if differing and not why:
                    unknown.append(name)
                print(f"{name:18} {len(differing):3} of {len(golden['texts'])} differ", why if differing else "", flush=True)
    if unknown:
        raise SystemExit(f"different for reasons unknown: {unknown}")


if __name__ == "__main__":
    main()
