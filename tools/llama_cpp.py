"""llama.cpp's own answer: takes a GGUF, perhaps an adapter, and token ids, gives the logits of every position.

    pip install --no-deps xllamacpp==2026.10.11549 llama-cpp-py-sync==0.11548 && pip install cffi

The first wheel brings llama.cpp b11549 compiled for old systems, the second the C declarations of b11548, one build
earlier. f32 key/value cache, no flash attention, one thread.
"""

import contextlib
import pathlib

import numpy as np
import xllamacpp
from llama_cpp_py_sync._cffi_bindings import ffi

F32, NO_FLASH_ATTENTION = 0, 0


@ffi.callback("void(enum ggml_log_level, const char *, void *)")
def quiet(level, text, data):
    """Errors (level 4) only."""
    if level == 4:
        print(ffi.string(text).decode(errors="replace"), end="")


def library():
    """llama.cpp, which prints errors only."""
    lib = ffi.dlopen(str(pathlib.Path(xllamacpp.__file__).parent / "xllamacpp.abi3.so"))
    lib.llama_log_set(quiet, ffi.NULL)
    lib.llama_backend_init()
    return lib


def open_model(lib, path):
    """The model of a GGUF file."""
    model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
    if model == ffi.NULL:
        raise SystemExit(f"{path}: llama.cpp does not load it")
    return model


@contextlib.contextmanager
def loaded(path, positions=1024, adapter=None):
    """Yields a function from token ids to logits (T, vocab), f32; `positions` is the longest text, `adapter` a LoRA."""
    lib = library()
    model = open_model(lib, path)
    vocab = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    lora = lib.llama_adapter_lora_init(model, str(adapter).encode()) if adapter else ffi.NULL
    if adapter and lora == ffi.NULL:
        raise SystemExit(f"{adapter}: llama.cpp does not load it on {path}")

    def logits(ids):
        keys = lib.llama_context_default_params()
        keys.n_ctx = keys.n_batch = keys.n_ubatch = positions
        keys.n_threads = keys.n_threads_batch = 1
        keys.type_k = keys.type_v = F32
        keys.flash_attn_type = NO_FLASH_ATTENTION
        context = lib.llama_init_from_model(model, keys)
        if adapter:
            adapters, scales = ffi.new("struct llama_adapter_lora *[1]", [lora]), ffi.new("float[1]", [1.0])
            if lib.llama_set_adapters_lora(context, adapters, 1, scales) != 0:
                raise SystemExit(f"{adapter}: llama.cpp does not set it")
        batch = lib.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0] = token, i, 1, 0
            batch.logits[i] = 1
        if lib.llama_decode(context, batch) != 0:
            raise SystemExit(f"{path}: llama.cpp cannot compute {len(ids)} tokens")
        rows = [np.array(ffi.unpack(lib.llama_get_logits_ith(context, i), vocab), np.float32) for i in range(len(ids))]
        lib.llama_batch_free(batch)
        lib.llama_free(context)
        return np.stack(rows)

    yield logits
    lib.llama_model_free(model)
