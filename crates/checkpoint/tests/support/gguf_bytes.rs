//! GGUF files built byte by byte, so that a test can make any part invalid.

/// The parts of a file. The counts are the lengths of the lists unless they are given.
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
    /// Makes a valid file of one key, a tensor [2, 32] of type Q8_0 and a vector of four floats.
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
    /// Joins the parts into the bytes of the file.
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

/// Makes the bytes of a text: length and UTF-8.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text.as_bytes());
    out
}

/// Makes a metadata entry whose value has the type number `value_type`.
pub(crate) fn key(name: &str, value_type: u32, value: &[u8]) -> Vec<u8> {
    let mut out = text(name);
    out.extend(value_type.to_le_bytes());
    out.extend(value);
    out
}

/// Makes a tensor description; `dims` has the innermost dimension first, as in the file.
pub(crate) fn tensor(name: &str, dims: &[u64], type_number: u32, offset: u64) -> Vec<u8> {
    let mut out = text(name);
    out.extend((dims.len() as u32).to_le_bytes());
    out.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
    out.extend(type_number.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out
}
