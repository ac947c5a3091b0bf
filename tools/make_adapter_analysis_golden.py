"""Golden of the analysis of an adapter: takes a tiny checkpoint and an adapter in goldens/, gives the numbers by numpy.

    ../laser-venv/bin/python tools/make_adapter_analysis_golden.py --goldens goldens

Everything is computed densely in f64, from the definitions: full projectors instead of Gram matrices, and random updates
drawn as orthonormalised normal matrices. The result is goldens/adapters/analysis.json; the test
crates/laser/tests/adapter.rs compares `laser lora` with it.
"""

import argparse
import json
import pathlib

import numpy as np
from safetensors.numpy import load_file

CHECKPOINT, ADAPTER = "tiny/llama-gqa-untied", "llama"
RHOS = [0.1, 0.4, 0.8]
MATRICES = ["self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"]
DRAWS, SEED = 2000, 7
THRESHOLDS = [0.3, 0.5, 0.6, 0.8]


def projector(vectors):
    return vectors @ vectors.T


def shares(update, u, v, k):
    m, n = update.shape
    kept = [projector(x[:, :k]) for x in (u, v)]
    removed = [projector(x[:, k:]) for x in (u, v)]
    energy = lambda left, right: np.sum((left @ update @ right) ** 2) / np.sum(update**2)
    found = [
        energy(kept[0], kept[1]),
        energy(removed[0], removed[1]),
        energy(kept[0], removed[1]),
        energy(removed[0], kept[1]),
    ]
    return found + [1 - sum(found)]


def haar(rows, r, rng):
    q, upper = np.linalg.qr(rng.standard_normal((rows, r)))
    return q * np.sign(np.diag(upper))


def analyse(w, update, rng):
    (u, s, vt), (p, values, qt) = np.linalg.svd(w, full_matrices=False), np.linalg.svd(update, full_matrices=False)
    r = int(np.sum(values > 1e-9 * values[0]))
    p, values, q, v = p[:, :r], values[:r], qt[:r].T, vt.T
    tuned = w + update
    tu, ts, tvt = np.linalg.svd(tuned, full_matrices=False)
    m, n = w.shape
    cuts = []
    for rho in RHOS:
        k = int(np.floor(rho * min(m, n) + 1e-9))
        draws = np.array(
            [shares(haar(m, r, rng) @ np.diag(values) @ haar(n, r, rng).T, u, v, k) for _ in range(DRAWS)]
        )
        truncated = lambda a, b, c: (a[:, :k] * b[:k]) @ c[:k]
        left = (truncated(tu, ts, tvt) - truncated(u, s, vt)) - update
        cosines = [
            np.linalg.svd(x.T @ y, compute_uv=False).tolist()
            for x, y in ((u[:, :k], p), (v[:, :k], q), (u[:, k:], p), (v[:, k:], q))
        ]
        cuts.append(
            {
                "rho": rho,
                "rank": k,
                "shares": shares(update, u, v, k),
                "chance_mean": draws.mean(0).tolist(),
                "chance_sd": draws.std(0, ddof=1).tolist(),
                "cosines": cosines,
                "retained": 1 - np.sum(left**2) / np.sum(update**2),
            }
        )
    changes = np.einsum("ik,ij,kj->k", u, update, vt) / s
    deciles = [changes[i * len(s) // 10 : (i + 1) * len(s) // 10] for i in range(10)]
    nearest = np.abs(u.T @ tu[:, :10]).max(0)
    return {
        "rank": r,
        "norm": float(np.linalg.norm(update)),
        "cuts": cuts,
        "growth": [{"mean_abs": float(np.abs(d).mean()), "rms": float(np.sqrt((d**2).mean()))} for d in deciles],
        "nearest_cosines": nearest.tolist(),
        "intruders": [int(np.sum(nearest < threshold)) for threshold in THRESHOLDS],
    }


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--goldens", default="goldens", type=pathlib.Path, help="folder of goldens (default: goldens)")
    args = args.parse_args()
    base = load_file(args.goldens / CHECKPOINT / "model.safetensors")
    adapter = load_file(args.goldens / "adapters" / ADAPTER / "adapter_model.safetensors")
    config = json.loads((args.goldens / "adapters" / ADAPTER / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / config["r"]
    rng = np.random.default_rng(SEED)
    found = {}
    for layer in (0, 2):
        for matrix in MATRICES:
            path = f"model.layers.{layer}.{matrix}"
            a, b = (adapter[f"base_model.model.{path}.lora_{x}.weight"].astype(np.float64) for x in "AB")
            w = base[f"{path}.weight"].astype(np.float64)
            found[f"L{layer}.{matrix.split('.')[1]}"] = analyse(w, scale * b @ a, rng)
    document = {"checkpoint": CHECKPOINT, "adapter": ADAPTER, "draws": DRAWS, "seed": SEED, "matrices": found}
    out = args.goldens / "adapters" / "analysis.json"
    out.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{out}: {len(found)} matrices")


if __name__ == "__main__":
    main()
