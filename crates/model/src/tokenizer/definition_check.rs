//! References within a `tokenizer.json` document that the `tokenizers` crate follows without a check, so that a damaged
//! file would end the process.

use serde_json::Value;

use super::error::TokenizerError;

/// Checks the merges of a BPE vocabulary and the special tokens of post-processors.
///
/// # Errors
/// [`TokenizerError::Definition`], which names the merge or token.
pub(super) fn check(definition: &Value) -> Result<(), TokenizerError> {
    check_merges(&definition["model"])?;
    check_templates(&definition["post_processor"])
}

/// Checks that both parts of a merge together are a token. The crate joins them in a buffer as long as the longest token,
/// and cuts the prefix of continued words off the second part without looking.
fn check_merges(model: &Value) -> Result<(), TokenizerError> {
    let (Some(vocabulary), Some(merges)) = (model["vocab"].as_object(), model["merges"].as_array()) else {
        // Missing and other kinds of values are the parser's to reject.
        return Ok(());
    };
    let longest = vocabulary.keys().map(String::len).max().unwrap_or(0);
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default();
    for merge in merges {
        let parts = match merge {
            Value::String(both) => both.split_once(' '),
            pair => pair[0].as_str().zip(pair[1].as_str()),
        };
        let Some((first, second)) = parts else { continue };
        let joined = second.get(prefix.len()..).map(|rest| first.len() + rest.len());
        if joined.is_none_or(|len| len > longest) {
            return Err(TokenizerError::Definition(format!(
                "merge {merge}: expected two parts that together are a token of the vocabulary"
            )));
        }
    }
    Ok(())
}

/// Checks that a template's special tokens are described in it, at any depth of a sequence of post-processors.
fn check_templates(part: &Value) -> Result<(), TokenizerError> {
    let known = &part["special_tokens"];
    for key in ["single", "pair"] {
        for piece in part[key].as_array().into_iter().flatten() {
            if let Some(id) = piece["SpecialToken"]["id"].as_str()
                && known.get(id).is_none()
            {
                return Err(TokenizerError::Definition(format!(
                    "post_processor: `{key}` has the special token {id:?}, which is not among its `special_tokens`"
                )));
            }
        }
    }
    part["processors"].as_array().into_iter().flatten().try_for_each(check_templates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bpe(merges: Value, prefix: Value) -> Value {
        json!({"model": {"type": "BPE", "vocab": {"a": 0, "##b": 1, "ab": 2, "é": 3, "éa": 4}, "merges": merges,
            "continuing_subword_prefix": prefix}})
    }

    #[test]
    fn merges_that_make_no_token_are_refused() {
        for (merges, prefix) in [
            (json!([["é", "a"]]), Value::Null),
            (json!(["é a"]), Value::Null),
            (json!([["a", "##b"]]), json!("##")),
            // For the parser to reject.
            (json!([["a"], 7, "a"]), Value::Null),
        ] {
            check(&bpe(merges, prefix)).expect("sound");
        }
        for (merges, prefix) in [
            (json!([["ab", "##b"]]), Value::Null),
            (json!(["ab ##b"]), Value::Null),
            (json!([["ab", "éa"]]), Value::Null),
            (json!([["a", "a"]]), json!("##")),
            // The prefix would end within a character.
            (json!([["a", "é"]]), json!("x")),
        ] {
            let error = check(&bpe(merges.clone(), prefix)).expect_err("damaged").to_string();
            assert!(error.contains("merge") && error.contains("a token of the vocabulary"), "{merges}: {error}");
        }
    }

    #[test]
    fn templates_with_undescribed_tokens_are_refused() {
        let template = |used: &str, key: &str| {
            json!({"type": "TemplateProcessing", key: [{"SpecialToken": {"id": used, "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}})
        };
        let sequence = |inner: Value| json!({"type": "Sequence", "processors": [{"type": "ByteLevel"}, inner]});
        check(&json!({"post_processor": sequence(template("<s>", "pair"))})).expect("sound");
        check(&json!({"post_processor": null})).expect("sound");
        for damaged in [template("<s?", "single"), template("</s>", "pair"), sequence(template("x", "single"))] {
            let error = check(&json!({"post_processor": damaged})).expect_err("damaged").to_string();
            assert!(error.contains("special_tokens"), "{error}");
        }
    }
}
