//! `laser inspect`: what is in a model.

use std::process::ExitCode;

use anyhow::Result;
use laser::weight::{WeightId, WeightKind};
use serde_json::{Value, json};

use crate::args::{Global, Inspect};
use crate::output;
use crate::progress::Progress;
use crate::session::Session;

pub(super) fn run(args: &Inspect, global: &Global, progress: &Progress) -> Result<ExitCode> {
    let session = Session::open(&args.model.model, global, progress)?;
    let (files, c) = (&session.files, session.files.config());
    let tokenizer = session.tokenizer();
    progress.finish();
    let matrix = |id: WeightId| {
        let name = files.tensor_name(id);
        let dtype = files.checkpoint().info(&name).map_or_else(String::new, |t| t.dtype.to_string());
        (name, dtype, c.shape(id.kind))
    };
    let ids = |layers: usize| {
        (0..layers).flat_map(|layer| WeightKind::ALL.into_iter().map(move |kind| WeightId { layer, kind }))
    };
    let alias = |kind| c.architecture.paper_alias(kind).unwrap_or("");
    let parameters: usize = files.checkpoint().tensors().map(laser::checkpoint::TensorInfo::elements).sum();
    if global.json {
        let matrices: Vec<Value> = ids(c.n_layers)
            .map(|id| {
                let (tensor, dtype, shape) = matrix(id);
                json!({"layer": id.layer, "matrix": id.kind.name(), "alias": alias(id.kind), "tensor": tensor,
                    "dtype": dtype, "shape": shape, "max_rank": c.max_rank(id.kind)})
            })
            .collect();
        let tokenizer = match &tokenizer {
            Ok(t) => json!({"vocab": t.vocab_size(), "bos": t.bos_id(), "eos": t.eos_ids(), "adds_bos": t.add_bos(),
                "chat_template": t.chat_template().is_some()}),
            Err(e) => json!({"error": e.to_string()}),
        };
        output::json(&json!({"model": session.name, "architecture": c.architecture.model_type,
            "parameters": parameters, "layers": c.n_layers, "d_model": c.d_model, "d_mlp": c.d_mlp,
            "heads": c.n_heads, "kv_heads": c.n_kv_heads, "d_head": c.d_head, "vocab": c.vocab_size,
            "context": c.max_positions, "tied": c.tied, "tokenizer": tokenizer, "matrices": matrices}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!(
        "{}\n{}, {:.1} M parameters, {} layers, d_model {}, d_mlp {}, {} heads of {} on {} key/value heads, \
         vocabulary {}, context {}{}\n",
        session.name,
        c.architecture.name,
        parameters as f64 / 1e6,
        c.n_layers,
        c.d_model,
        c.d_mlp,
        c.n_heads,
        c.d_head,
        c.n_kv_heads,
        c.vocab_size,
        c.max_positions,
        if c.tied { ", head tied to the embedding" } else { "" },
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
    let mut rows = vec![["matrix", "paper", "tensor", "shape", "dtype", "max rank"].map(str::to_owned).to_vec()];
    for id in ids(if args.all { c.n_layers } else { 1 }) {
        let (tensor, dtype, [m, n]) = matrix(id);
        let max = c.max_rank(id.kind).to_string();
        rows.push(vec![id.to_string(), alias(id.kind).into(), tensor, format!("{m}×{n}"), dtype, max]);
    }
    text.push_str(&output::table(&rows));
    if !args.all && c.n_layers > 1 {
        text.push_str(&format!("\nand the same in layers 1 to {} (--all lists them)", c.n_layers - 1));
    }
    output::result(&text)?;
    Ok(ExitCode::SUCCESS)
}
