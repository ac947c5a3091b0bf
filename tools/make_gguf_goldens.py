"""Makes crates/checkpoint/tests/data/gguf_blocks.json: what gguf-py says about blocks of every quantised type.

Needs numpy and gguf (pip install gguf). From the repository root:

    python tools/make_gguf_goldens.py

Per type: `blocks`, random bytes with sensible scales, and `values`, gguf-py's dequantisation of them; where gguf-py can
quantise, also `source` and `quantised`. Everything is the hexadecimal of little-endian bytes, so nothing is rounded.
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES

# Where each block type keeps its half-precision scales, in bytes.
SCALES = {
    T.Q4_0: [0],
    T.Q4_1: [0, 2],
    T.Q5_0: [0],
    T.Q5_1: [0, 2],
    T.Q8_0: [0],
    T.Q2_K: [80, 82],
    T.Q3_K: [108],
    T.Q4_K: [0, 2],
    T.Q5_K: [0, 2],
    T.Q6_K: [208],
    T.MXFP4: [],  # an exponent in its first byte
}
QUANTISED_BY_GGUF_PY = [T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.MXFP4]


def blocks_of(kind, rng):
    """Random blocks; the first has the scale zero, the second a subnormal one."""
    length, size = GGML_QUANT_SIZES[kind]
    count = 8 if length == 32 else 3
    blocks = rng.integers(0, 256, size=(count, size), dtype=np.uint8)
    for at in SCALES[kind]:
        scales = rng.normal(0, 0.05, size=count).astype("<f2")
        scales[0] = 0
        scales[1] = np.float16(3e-6)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(count, 2)
    if kind == T.MXFP4:
        blocks[:, 0] = [0, 1, 2, 100, 120, 127, 130, 250]
    return blocks


def main():
    rng = np.random.default_rng(20240131)
    goldens = {}
    for kind in SCALES:
        blocks = blocks_of(kind, rng)
        values = quants.dequantize(blocks, kind).astype("<f4")
        golden = {"blocks": blocks.tobytes().hex(), "values": values.tobytes().hex()}
        if kind in QUANTISED_BY_GGUF_PY:
            source = rng.normal(0, 0.02, size=(1, 256)).astype("<f4")
            source[0, :32] = 0
            golden["source"] = source.tobytes().hex()
            golden["quantised"] = quants.quantize(source, kind).tobytes().hex()
        goldens[kind.name] = golden
    target = Path("crates/checkpoint/tests/data/gguf_blocks.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
