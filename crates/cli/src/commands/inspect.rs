//! `laser inspect`: what is in a model.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser::model::config::ModelConfig;
use laser::model::load::ModelFiles;
use laser::model::weight_id::{MatrixPart, WeightId, WeightKind};
use serde_json::{Value, json};

use crate::args::{Global, Inspect};
use crate::output;
use crate::plan;
use crate::progress::Progress;

pub(super) fn run(args: &Inspect, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let session = plan::open(&args.model.model, global, progress)?;
    let (files, c) = (session.files(), session.config());
    let tokenizer = session.tokenizer();
    progress.finish();
    let alias = |id: WeightId| c.family.paper_alias(id.kind).unwrap_or("");
    let parameters: usize = files.checkpoint().tensors().map(laser::checkpoint::TensorInfo::elements).sum();
    if global.json {
        let row = |id: WeightId| {
            let ([m, n], (tensor, dtype)) = (c.shape(id), stored(files, id));
            json!({"layer": id.layer, "matrix": id.in_layer(), "alias": alias(id), "tensor": tensor, "dtype": dtype,
                "shape": [m, n], "max_rank": c.max_rank(id), "parameters": m * n})
        };
        let matrices: Vec<Value> = (0..c.n_layers).flat_map(|layer| editable(files, layer)).map(row).collect();
        let tokenizer = match &tokenizer {
            Ok(t) => json!({"vocab": t.vocab_size(), "bos": t.bos_id(), "eos": t.eos_ids(), "adds_bos": t.add_bos(),
                "chat_template": t.chat_template().is_some()}),
            Err(e) => json!({"error": e.to_string()}),
        };
        output::json(&json!({"model": session.name(), "architecture": c.family.model_type,
            "parameters": parameters, "layers": c.n_layers, "d_model": c.d_model, "d_mlp": c.d_mlp,
            "heads": c.n_heads, "kv_heads": c.n_kv_heads, "d_head": c.d_head, "vocab": c.vocab_size,
            "context": c.max_positions, "tied": c.head.tied, "tokenizer": tokenizer, "matrices": matrices}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!(
        "{}\n{}, {:.1} M parameters, {} layers, d_model {}, d_mlp {}, {} heads of {} on {} key/value heads, \
         vocabulary {}, context {}{}\n",
        session.name(),
        c.family.name,
        parameters as f64 / 1e6,
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
    text.push_str(&match &tokenizer {
        Ok(t) => {
            let special = |id: Option<u32>| id.and_then(|id| t.token_text(id)).unwrap_or_else(|| "none".into());
            format!(
                "tokenizer: {} tokens, BOS {}{}, EOS {}{}\n\n",
                t.vocab_size(),
                special(t.bos_id()),
                if t.add_bos() { " (added)" } else { " (not added)" },
                special(t.eos_id()),
                if t.chat_template().is_some() { ", chat template" } else { "" }
            )
        }
        Err(e) => format!("tokenizer: {e}\n\n"),
    });
    let header = ["matrix", "alias", "tensor", "shape", "dtype", "max rank", "parameters"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let layers: Vec<usize> = if args.all { (0..c.n_layers).collect() } else { kinds_of_layers(c) };
    let (mut shown, mut there) = (0, 0);
    for id in layers.iter().flat_map(|layer| editable(files, *layer)) {
        there += 1;
        if !args.all && matches!(id.part, MatrixPart::Expert(expert) if expert > 0) {
            continue; // experts are alike
        }
        shown += 1;
        let ([m, n], (tensor, dtype)) = (c.shape(id), stored(files, id));
        let max = c.max_rank(id).to_string();
        let parameters = (m * n).to_string();
        rows.push(vec![id.to_string(), alias(id).into(), tensor, format!("{m}×{n}"), dtype, max, parameters]);
    }
    text.push_str(&output::table(&rows));
    if layers.len() < c.n_layers || shown < there {
        let experts = c.mlp.experts.filter(|_| shown < there).map(|experts| experts.count);
        let experts = experts.map(|n| format!(", experts 1 to {} like expert 0", n - 1)).unwrap_or_default();
        text.push_str(&format!("\nall other layers are like these{experts} (--all lists them)"));
    }
    output::result(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The matrices of a layer: as the forward pass has them, and those that the files store as one.
fn editable(files: &ModelFiles, layer: usize) -> Vec<WeightId> {
    let mut ids = files.config().stored(layer);
    let fused = [WeightKind::Qkv, WeightKind::GateUp].map(|kind| WeightId::new(layer, kind));
    ids.extend(fused.into_iter().filter(|id| files.is_fused(*id)));
    ids
}

/// The first layer of each kind: with experts, without.
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

/// The tensor a matrix is in, marked where it holds more, and its type.
fn stored(files: &ModelFiles, id: WeightId) -> (String, String) {
    let name = files.tensor_names(id).join(" + ");
    let info = files.checkpoint().info(&name);
    let shape = files.config().shape(id);
    let part = info.is_some_and(|info| info.elements() > shape[0] * shape[1]);
    let dtype = info.map_or_else(String::new, |info| info.dtype.to_string());
    (if part { format!("{name} (part)") } else { name }, dtype)
}
