//! The description of a model that `laser inspect` prints.

use indicatif::HumanBytes;
use laser::Session;
use laser::model::ModelConfig;
use laser::model::tokenizer::Tokenizer;
use laser::model::{MatrixPart, ModelFiles, WeightId, WeightKind};
use laser::session::SearchNeeds;
use serde_json::{Value, json};

use crate::output::table;

/// The model's tokenizer, or why it cannot be read.
type ReadTokenizer<'a> = Result<&'a Tokenizer, String>;

/// Memory, disk and time for a search of the model.
pub(crate) struct Needs {
    pub(crate) search: SearchNeeds,
    /// Time of a pass of 1,000 tokens, seconds, if it was measured.
    pub(crate) seconds: Option<f64>,
}

/// The description for machines: sizes, tokenizer, and every matrix of every layer.
pub(crate) fn model_json(session: &Session, tokenizer: &ReadTokenizer<'_>, needs: &Needs) -> Value {
    let (files, c) = (session.files(), session.config());
    let row = |id: WeightId| {
        let ([m, n], (tensor, dtype)) = (c.shape(id), stored(files, id));
        json!({"layer": id.layer, "matrix": id.in_layer(), "alias": alias(c, id), "tensor": tensor, "dtype": dtype,
            "shape": [m, n], "max_rank": c.max_rank(id), "parameters": m * n})
    };
    let matrices: Vec<Value> = (0..c.n_layers).flat_map(|layer| editable(files, layer)).map(row).collect();
    let tokenizer = match tokenizer {
        Ok(t) => json!({"vocab": t.vocab_size(), "bos": t.bos_id(), "eos": t.eos_ids(), "adds_bos": t.add_bos(),
            "chat_template": t.chat_template().is_some()}),
        Err(error) => json!({"error": error}),
    };
    json!({"model": session.name(), "architecture": c.family.model_type,
        "parameters": files.n_parameters(), "layers": c.n_layers, "d_model": c.d_model, "d_mlp": c.d_mlp,
        "heads": c.n_heads, "kv_heads": c.n_kv_heads, "d_head": c.d_head, "vocab": c.vocab_size,
        "context": c.max_positions, "tied": c.head.tied, "tokenizer": tokenizer, "notes": session.notes(),
        "search": {"memory_bytes": needs.search.memory_bytes, "file_bytes": needs.search.file_bytes,
            "decomposition_bytes": needs.search.decomposition_bytes, "seconds_per_1000_tokens": needs.seconds},
        "matrices": matrices})
}

/// The description for people. Without `all`, matrices of the first layer of each kind stand for all layers, and those of
/// the first expert for all experts.
pub(crate) fn model(session: &Session, tokenizer: &ReadTokenizer<'_>, needs: &Needs, all: bool) -> String {
    let (files, c) = (session.files(), session.config());
    let mut text = format!(
        "{}\n{}, {:.1} M parameters, {} layers, d_model {}, d_mlp {}, {} heads of {} on {} key/value heads, \
         vocabulary {}, context {}{}\n",
        session.name(),
        c.family.name,
        files.n_parameters() as f64 / 1e6,
        c.n_layers,
        c.d_model,
        c.d_mlp,
        c.n_heads,
        c.d_head,
        c.n_kv_heads,
        c.vocab_size,
        c.max_positions,
        if c.head.tied { ", head tied to the embedding" } else { "" },
    );
    text.push_str(&match tokenizer {
        Ok(tokenizer) => format!("tokenizer: {}\n", describe_tokenizer(tokenizer)),
        Err(error) => format!("tokenizer: {error}\n"),
    });
    text.push_str(&describe_needs(needs));
    for note in session.notes() {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push('\n');
    let header = ["matrix", "alias", "tensor", "shape", "dtype", "max rank", "parameters"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let layers: Vec<usize> = if all { (0..c.n_layers).collect() } else { kinds_of_layers(c) };
    let ids: Vec<WeightId> = layers.iter().flat_map(|layer| editable(files, *layer)).collect();
    let is_shown = |id: &&WeightId| all || !matches!(id.part, MatrixPart::Expert(expert) if expert > 0);
    for id in ids.iter().filter(is_shown) {
        let ([m, n], (tensor, dtype)) = (c.shape(*id), stored(files, *id));
        let (max, parameters) = (c.max_rank(*id).to_string(), (m * n).to_string());
        rows.push(vec![id.to_string(), alias(c, *id).into(), tensor, format!("{m}×{n}"), dtype, max, parameters]);
    }
    let hides_experts = rows.len() - 1 < ids.len();
    text.push_str(&table(&rows));
    if layers.len() < c.n_layers || hides_experts {
        let experts = c.mlp.experts.filter(|_| hides_experts).map(|experts| experts.count);
        let experts = experts.map(|n| format!(", experts 1 to {} like expert 0", n - 1)).unwrap_or_default();
        text.push_str(&format!("\nall other layers are like these{experts} (--all lists them)"));
    }
    text
}

fn describe_needs(Needs { search, seconds }: &Needs) -> String {
    let memory = HumanBytes(search.memory_bytes);
    let weights = match search.file_bytes {
        0 => format!("{memory} of memory for weights"),
        file => {
            format!("{memory} of memory for weights, reads {} of weights from the files at each pass", HumanBytes(file))
        }
    };
    let time = seconds.map_or_else(String::new, |seconds| format!(", about {seconds:.2} s for 1,000 tokens"));
    let disk = HumanBytes(search.decomposition_bytes);
    format!("a search takes: {weights}{time}, up to {disk} of disk for decompositions\n")
}

fn describe_tokenizer(t: &Tokenizer) -> String {
    let special = |id: Option<u32>| id.and_then(|id| t.token_text(id)).unwrap_or_else(|| "none".into());
    format!(
        "{} tokens, BOS {}{}, EOS {}{}",
        t.vocab_size(),
        special(t.bos_id()),
        if t.add_bos() { " (added)" } else { " (not added)" },
        special(t.eos_id()),
        if t.chat_template().is_some() { ", chat template" } else { "" }
    )
}

/// The paper's name of a matrix; empty if it has none.
fn alias(config: &ModelConfig, id: WeightId) -> &'static str {
    config.family.paper_alias(id.kind).unwrap_or("")
}

/// The matrices of a layer: those of the forward pass, and those that the files store as one.
fn editable(files: &ModelFiles, layer: usize) -> Vec<WeightId> {
    let mut ids = files.config().stored(layer);
    let fused = [WeightKind::Qkv, WeightKind::KeyValueB, WeightKind::GateUp].map(|kind| WeightId::new(layer, kind));
    ids.extend(fused.into_iter().filter(|id| files.is_fused(*id)));
    ids
}

/// The first layer of each kind: layers of one kind have the same matrices.
fn kinds_of_layers(config: &ModelConfig) -> Vec<usize> {
    let kinds = |layer: &usize| config.stored(*layer).into_iter().map(|id| (id.part, id.kind)).collect::<Vec<_>>();
    let mut firsts: Vec<usize> = Vec::new();
    for layer in 0..config.n_layers {
        if !firsts.iter().any(|first| kinds(first) == kinds(&layer)) {
            firsts.push(layer);
        }
    }
    firsts
}

/// The tensor that contains a matrix, marked if it contains more than that, and its element type.
fn stored(files: &ModelFiles, id: WeightId) -> (String, String) {
    let name = files.tensor_names(id).join(" + ");
    let info = files.checkpoint().info(&name);
    let shape = files.config().shape(id);
    let is_part = info.is_some_and(|info| info.elements() > shape[0] * shape[1]);
    let dtype = info.map_or_else(String::new, |info| info.dtype.to_string());
    (if is_part { format!("{name} (part)") } else { name }, dtype)
}
