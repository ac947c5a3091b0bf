"""Times torch.linalg.svd(full_matrices=False) in f32 on the shapes of crates/linalg/benches/decompose.rs.

    python tools/bench_svd.py [--threads 2]

Prints one line for each shape: median seconds, fastest seconds, number of runs. Compare the medians with those of
`cargo bench -p laser-rank-linalg --bench decompose`, which divan prints.
"""

import argparse
import statistics
import time

import torch

# The same list is in crates/linalg/benches/decompose.rs.
SHAPES = [(576, 576), (192, 576), (1536, 576), (768, 3072), (4096, 1024), (2048, 2048)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    print(f"torch {torch.__version__}, {threads} threads, f32, seconds")
    print(f"{'shape':>12} {'median':>9} {'fastest':>9} {'runs':>5}")
    generator = torch.Generator().manual_seed(1)
    for rows, cols in SHAPES:
        w = torch.randn(rows, cols, generator=generator)
        torch.linalg.svd(w, full_matrices=False)  # warm-up
        seconds = []
        for _ in range(7 if min(rows, cols) < 1000 else 3):
            start = time.perf_counter()
            torch.linalg.svd(w, full_matrices=False)
            seconds.append(time.perf_counter() - start)
        shape = f"{rows}x{cols}"
        print(f"{shape:>12} {statistics.median(seconds):9.4f} {min(seconds):9.4f} {len(seconds):5}")


if __name__ == "__main__":
    main()
