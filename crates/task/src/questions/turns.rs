//! Conversations in data: takes a list of messages, gives turns with roles and texts.

use serde_json::Value;

use super::values::brief;
use crate::dataset::BadField;
use crate::task::Turn;

/// Reads messages as `{"role", "content"}` or `{"from", "value"}`. A content may be a text or a list of text parts.
///
/// # Errors
/// A message without a known role or without a text.
pub(super) fn turns(field: &str, value: &Value) -> Result<Vec<Turn>, BadField> {
    let bad = |problem: String| BadField::new(field, problem);
    // In a table, the list is a text.
    let written = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let list = written.as_ref().unwrap_or(value);
    let list = list.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| bad(format!("expected a list of messages, found {}", brief(value))))?;
    let turn = |(i, message): (usize, &Value)| {
        let part = |names: [&str; 2]| names.iter().find_map(|name| message.get(name));
        let role = part(["role", "from"]).and_then(Value::as_str).and_then(role);
        let content = part(["content", "value"]).and_then(content).filter(|text| !text.trim().is_empty());
        match (role, content) {
            (Some(role), Some(content)) => Ok(Turn { role: role.to_owned(), content }),
            _ => Err(bad(format!(
                "message {i}: expected a role (system, user or assistant) and a text as its content, found {}",
                brief(message)
            ))),
        }
    };
    list.iter().enumerate().map(turn).collect()
}

/// The role of a turn in the words of chat templates.
fn role(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "system" | "developer" => Some("system"),
        "user" | "human" | "prompter" => Some("user"),
        "assistant" | "gpt" | "model" | "bot" => Some("assistant"),
        _ => None,
    }
}

fn content(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => parts.iter().map(|part| part.get("text").and_then(Value::as_str)).collect(),
        _ => None,
    }
}

/// Turns without a chat template: their texts, a blank line apart.
pub(super) fn plain(turns: &[Turn]) -> String {
    turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>().join("\n\n")
}
