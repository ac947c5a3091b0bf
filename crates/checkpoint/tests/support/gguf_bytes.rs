//! GGUF files byte by byte, so that a test can put anything anywhere.

/// The parts of a file; counts are taken from the lists unless given.
pub(crate) struct GgufBytes {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) key_count: Option<u64>,
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) tensors: Vec<Vec<u8>>,
    pub(crate) alignment: usize,
    pub(crate) data: Vec<u8>,
}

impl Default for GgufBytes {
    /// One key, one 2 × 32 tensor of type Q8_0 and one vector of four floats.
    fn default() -> Self {
        let mut data = vec![1; 2 * 34];
        data.resize(96, 0);
        data.extend([1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()));
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            key_count: None,
            keys: vec![key("general.architecture", 8, &text("none"))],
            tensors: vec![tensor("matrix", &[32, 2], 8, 0), tensor("vector", &[4], 0, 96)],
            alignment: 32,
            data,
        }
    }
}

impl GgufBytes {
    /// The whole file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut file = self.magic.to_vec();
        file.extend(self.version.to_le_bytes());
        file.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        file.extend(self.key_count.unwrap_or(self.keys.len() as u64).to_le_bytes());
        for part in self.keys.iter().chain(&self.tensors) {
            file.extend(part);
        }
        file.resize(file.len().next_multiple_of(self.alignment), 0);
        file.extend(&self.data);
        file
    }
}

/// Length and bytes.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text.as_bytes());
    out
}

/// A key with a value of type number `kind`.
pub(crate) fn key(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    let mut out = text(name);
    out.extend(kind.to_le_bytes());
    out.extend(value);
    out
}

/// A tensor description; `dims` innermost first, as in the file.
pub(crate) fn tensor(name: &str, dims: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut out = text(name);
    out.extend((dims.len() as u32).to_le_bytes());
    out.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
    out.extend(kind.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out
}
