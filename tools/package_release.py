#!/usr/bin/env python3
"""Packs one archive of a release: the binary, completions of all shells, man pages, licences, README and CHANGELOG.

    cargo build --release -p laser-rank-cli
    tools/package_release.py --binary target/release/laser --target x86_64-unknown-linux-gnu --out dist

writes dist/laser-VERSION-TARGET.tar.gz (.zip for Windows) and its line in dist/SHA256SUMS. VERSION is the binary's own. The same
binary gives the same bytes: names are sorted, and neither times nor owners of this machine are packed. The binary must run on
this machine, because it writes its own completions and man pages; --generator names one that does where it is built for another
machine. Standard library only.
"""

import argparse
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHELLS = {"bash": "laser.bash", "zsh": "_laser", "fish": "laser.fish", "powershell": "laser.ps1", "elvish": "laser.elv"}
DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]
# Zip files know no earlier time.
EPOCH = (1980, 1, 1, 0, 0, 0)


def run(binary, *arguments):
    """What the binary prints."""
    return subprocess.run([binary, *arguments], check=True, stdout=subprocess.PIPE).stdout


def contents(binary, generator):
    """Bytes and whether they are a program, by name in the archive."""
    files = {binary.name: (binary.read_bytes(), True)}
    for shell, name in SHELLS.items():
        files[f"completions/{name}"] = (run(generator, "generate", "completions", shell), False)
    with tempfile.TemporaryDirectory() as folder:
        run(generator, "generate", "man", "--out", folder, "--quiet")
        for page in Path(folder).glob("*.1"):
            files[f"man/man1/{page.name}"] = (page.read_bytes(), False)
    for name in DOCUMENTS:
        files[name] = ((ROOT / name).read_bytes(), False)
    return files


def tar_gz(files, top):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            data, is_program = files[name]
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode = len(data), 0o755 if is_program else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), mtime=0)


def zipped(files, top):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            data, is_program = files[name]
            entry = zipfile.ZipInfo(f"{top}/{name}", EPOCH)
            entry.external_attr = (0o755 if is_program else 0o644) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def write(path, data):
    """Writes under another name first, so that a stop leaves no half archive."""
    draft = path.with_name(path.name + ".tmp")
    draft.write_bytes(data)
    draft.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--generator", type=Path, help="a laser of the same version that runs here [default: the binary]")
    parser.add_argument("--target", required=True, help="triple of the machine that the binary is for")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    generator = (args.generator or args.binary).resolve()
    version = run(generator, "--version").decode().split()[1]
    if f'version = "{version}"' not in (ROOT / "Cargo.toml").read_text():
        sys.exit(f"{generator}: expected a binary of the version in Cargo.toml, found {version}")
    top = f"laser-{version}-{args.target}"
    files = contents(args.binary.resolve(), generator)
    is_windows = "windows" in args.target
    name, data = (f"{top}.zip", zipped(files, top)) if is_windows else (f"{top}.tar.gz", tar_gz(files, top))
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / name, data)
    sums = args.out / "SHA256SUMS"
    lines = sums.read_text().splitlines() if sums.exists() else []
    lines = [line for line in lines if not line.endswith(f"  {name}")] + [f"{hashlib.sha256(data).hexdigest()}  {name}"]
    write(sums, "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.split("  ")[1])).encode())
    print(f"{args.out / name}: {len(files)} files, {len(data):,} bytes")


if __name__ == "__main__":
    main()
