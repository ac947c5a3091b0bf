# Recipes of this repository. `just` lists them; `just ci` runs everything that must hold before a change lands.

# Lists the recipes.
default:
    @just --list --unsorted

# Formats all Rust files.
fmt:
    cargo fmt --all

# Fails if a Rust file is not formatted.
fmt-check:
    cargo fmt --all --check

# Lints every target of every crate; a warning is an error.
clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# With the examples, because they select the features of dependencies that `clippy` and `test` select: without them, many
# dependencies would be compiled once more.

# Builds the documentation; a warning is an error.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --lib --examples

# Runs the test command that README.md shows, so that the README cannot go stale.
test:
    @command=$(sed -n 's/^\$ \(cargo test.*\)$/\1/p' README.md | head -n 1); \
    if [ -z "$command" ]; then echo "README.md names no test command" >&2; exit 1; fi; \
    echo "$command"; $command

# The examples are built with the whole workspace: a build of one crate selects fewer features of its dependencies and
# would compile all of them once more.

# Runs the example programs on the tiny models in goldens/.
examples:
    cargo build --workspace --examples
    @set -e; for source in crates/laser/examples/*.rs; do \
        name=$(basename "$source" .rs); \
        echo "example $name"; \
        "${CARGO_TARGET_DIR:-target}/debug/examples/$name"; \
    done

# `cargo test` runs every fuzz target briefly with a fixed seed. In the development profile, which is optimised here and
# checks for overflow, as the release profile does not.

# Runs the fuzz targets whose names contain `target` for `seconds` each, for instance `just fuzz 600 parquet`.
fuzz seconds="60" target="":
    BOLERO_RANDOM_TEST_TIME_MS=$(( {{ seconds }} * 1000 )) \
        cargo test -p laser-rank-fuzz --test parsers -- --nocapture --test-threads 1 {{ target }}

# Runs benchmarks, for instance `just bench --bench parity`.
bench *arguments:
    cargo bench {{ arguments }}

# Checks licences, banned crates and sources of all dependencies (deny.toml).
deny:
    @if cargo deny --version > /dev/null 2>&1; then \
        cargo deny check licenses bans sources; \
    else \
        echo "SKIPPED: just deny needs cargo-deny (cargo install cargo-deny --locked)" >&2; \
    fi

# Checks all dependencies for known vulnerabilities; fetches the advisory database from GitHub.
advisories:
    cargo deny check advisories

# Builds the optimised command, target/release/laser.
build:
    cargo build --release -p laser-rank-cli

# Type-checks the code behind the feature `cuda`, without a GPU and without CUDA.
gpu-check:
    tools/check_cuda.sh

# Packs every crate as a release would, builds each from its package, and uploads nothing; `--no-verify` leaves out the building.
publish-dry-run *arguments:
    cargo publish --workspace --dry-run --allow-dirty {{ arguments }}

# Builds the command and packs it with completions, man pages and licences: dist/laser-VERSION-TARGET.tar.gz (docs/releasing.md).
package target: build
    tools/package_release.py --binary "${CARGO_TARGET_DIR:-target}/release/laser" --target {{ target }} --out dist

# Everything that must hold before a change lands; .ci/run calls this.
ci: fmt-check deny clippy doc test examples

# Lints the Python package, builds its wheel, installs that into a new virtual environment outside the tree, and tests it there.
python:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo fmt --manifest-path crates/python/Cargo.toml --check
    cargo clippy --manifest-path crates/python/Cargo.toml --release -- -D warnings
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    # --target and virtualenv, because Python on Debian has no venv module by default.
    python3 -m pip install --quiet --target "$folder/tools" virtualenv
    PYTHONPATH="$folder/tools" python3 -m virtualenv --quiet "$folder/environment"
    "$folder/environment/bin/pip" install --quiet "maturin>=1.9,<2" pytest pandas matplotlib
    "$folder/environment/bin/maturin" build --release --out "$folder/wheels"
    "$folder/environment/bin/pip" install --quiet "$folder"/wheels/*.whl
    MPLBACKEND=agg "$folder/environment/bin/pytest" crates/python/tests
