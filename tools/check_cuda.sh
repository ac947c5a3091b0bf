#!/usr/bin/env bash
# Type-checks the code behind the feature `cuda` on a machine without a GPU and without the CUDA toolkit: `just gpu-check`.
#
# The kernels of the tensor library are not compiled: in place of `nvcc` stands a program that only writes empty files. The Rust
# code is checked as a real build would compile it. With the real nvcc on the PATH, `LASER_NVCC=nvcc` uses that instead and
# compiles the kernels too. Linking and running need a GPU's driver.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${LASER_NVCC:-}" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cat > "$folder/nvcc" <<'STUB'
#!/usr/bin/env bash
# Answers the questions that build scripts ask nvcc, and writes the files that they expect, empty.
set -e
output='' directory='' source='' archive=''
while [ $# -gt 0 ]; do
    case $1 in
        --version)
            printf 'nvcc: NVIDIA (R) Cuda compiler driver\nCopyright\nBuilt on\nCuda compilation tools, release 13.0, V13.0.88\n'
            exit ;;
        --list-gpu-code) printf 'sm_75\nsm_80\nsm_86\nsm_90\n'; exit ;;
        -o) shift; output=$1 ;;
        --output-directory) shift; directory=$1 ;;
        --lib) archive=yes ;;
        *.cu) source=$1 ;;
    esac
    shift
done
if [ -n "$archive" ]; then
    ar rcs "$output"
elif [ -n "$output" ]; then
    : > "$output"
elif [ -n "$directory" ]; then
    : > "$directory/$(basename "${source%.cu}").ptx"
fi
STUB
    chmod +x "$folder/nvcc"
    export NVCC=$folder/nvcc PATH=$folder:$PATH
fi
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80} CUDARC_CUDA_VERSION=${CUDARC_CUDA_VERSION:-13000}
# A folder of its own: the feature changes the features of most dependencies.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/cuda
cargo clippy --package laser-rank-cli --features cuda -- -D warnings
