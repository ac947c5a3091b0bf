//! A document's line in `samples_TASK.jsonl`, with the keys of the harness.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::document::DocumentOutcome;
use super::metric_value::{MetricInput, MetricValue, gold_likelihood, metric_value};
use crate::evaluate::EvaluatedTask;
use crate::evaluate::outcome::Likelihood;
use laser_task::harness::{MAX_GEN_TOKS, Metric, OutputType, python};
use laser_task::score::Score;

/// A line of samples and the values of the metrics in it.
pub(super) struct Sample {
    pub(super) json: Value,
    /// One value for each metric.
    pub(super) values: Vec<MetricValue>,
}

/// Index and name of a filter pipeline of a task.
#[derive(Clone, Copy)]
pub(super) struct FilterName<'a> {
    pub(super) index: usize,
    pub(super) name: &'a str,
}

impl Sample {
    /// The line of a document for one filter pipeline of its task.
    pub(super) fn new(
        document: &DocumentOutcome<'_>,
        part: &EvaluatedTask<'_>,
        metrics: &[Metric],
        filter: FilterName<'_>,
    ) -> Self {
        let (task, item, output_type) = (part.task, document.item, OutputType::of_score(part.score));
        let filtered = task.filters.nth(filter.index, document.prediction);
        let requests = requests(document, part);
        let responses: Vec<Value> = requests.responses.iter().map(|response| json!([response])).collect();
        let filtered_responses = match output_type {
            OutputType::GenerateUntil => vec![json!(filtered)],
            _ => requests.responses, // log-likelihoods pass no filters
        };
        let doc = if item.doc.is_null() { json!({"id": item.id}) } else { Value::clone(&item.doc) };
        let (doc_id, target) = doc_id_and_target(document, part);
        let prompt = requests.arguments.first().and_then(|argument| argument["arg_0"].as_str()).unwrap_or_default();
        let [doc_hash, prompt_hash, target_hash] =
            [python::json_dumps(&doc), prompt.to_owned(), target.clone()].map(|text| hex::encode(Sha256::digest(text)));
        let arguments = requests.arguments.into_iter().enumerate();
        let arguments: Map<String, Value> = arguments.map(|(i, value)| (format!("gen_args_{i}"), value)).collect();
        let mut sample = Map::new();
        for (key, value) in [
            ("doc_id", json!(doc_id)),
            ("doc", doc),
            ("target", json!(target)),
            ("arguments", Value::Object(arguments)),
            ("resps", json!(responses)),
            ("filtered_resps", json!(filtered_responses)),
            ("filter", json!(filter.name)),
            ("metrics", metrics.iter().map(Metric::name).collect()),
            ("doc_hash", json!(doc_hash)),
            ("prompt_hash", json!(prompt_hash)),
            ("target_hash", json!(target_hash)),
        ] {
            sample.insert(key.to_owned(), value);
        }
        let right = document.record.is_right();
        let input = MetricInput { item, output_type, candidates: &document.candidates, text: &filtered, right };
        let values: Vec<MetricValue> = metrics.iter().map(|metric| metric_value(metric, &input)).collect();
        for (metric, value) in metrics.iter().zip(&values) {
            sample.insert(metric.name().to_owned(), value.json());
        }
        sample.insert("laser".into(), json!(document.record));
        Self { json: Value::Object(sample), values }
    }
}

/// The requests that the harness would send to the model for a document, and the model's responses.
struct Requests {
    /// Arguments of each request, `{"arg_0": context, "arg_1": continuation}`.
    arguments: Vec<Value>,
    /// The response to each request.
    responses: Vec<Value>,
}

fn requests(document: &DocumentOutcome<'_>, part: &EvaluatedTask<'_>) -> Requests {
    let (item, candidates) = (document.item, &document.candidates);
    let delimiter = part.task.delimiter(item);
    let continued = |text: &str| json!({"arg_0": item.prompt, "arg_1": format!("{delimiter}{text}")});
    // The harness stores a log-likelihood and whether greedy decoding gives the text, both as Python texts.
    let response = |l: &Likelihood| json!([python::float_repr(l.logprob), python::to_str(&json!(l.greedy))]);
    let output_type = OutputType::of_score(part.score);
    let gold = gold_likelihood(item, output_type, candidates);
    let (arguments, responses) = match output_type {
        OutputType::MultipleChoice => {
            let arguments = item.choices.iter().map(|choice| continued(choice)).collect();
            (arguments, candidates.iter().map(response).collect())
        }
        OutputType::Loglikelihood => (vec![continued(item.target())], vec![response(gold)]),
        OutputType::LoglikelihoodRolling => {
            (vec![json!({"arg_0": item.target()})], vec![json!(python::float_repr(gold.logprob))])
        }
        OutputType::GenerateUntil => {
            let argument = json!({"arg_0": item.prompt, "arg_1": generation_kwargs(part)});
            (vec![argument], vec![json!(document.prediction)])
        }
    };
    Requests { arguments, responses }
}

/// The harness's `doc_id` and `target` of a document.
fn doc_id_and_target(document: &DocumentOutcome<'_>, part: &EvaluatedTask<'_>) -> (usize, String) {
    let (item, position) = (document.item, document.position);
    let output_type = OutputType::of_score(part.score);
    let doc_id = match part.task.definition {
        // A harness item's id is its row, which differs from its position if bad rows were left out.
        Some(_) => item.id.parse().unwrap_or(position),
        None => position,
    };
    let target = match &part.task.definition {
        Some(definition) if definition.output_type == output_type => definition.targets[position].clone(),
        _ if output_type == OutputType::MultipleChoice => item.gold.to_string(),
        _ => item.target().to_owned(),
    };
    (doc_id, target)
}

/// Options of the generation: the task file's, with the length that was used.
fn generation_kwargs(part: &EvaluatedTask<'_>) -> Value {
    let Score::Generate { max_tokens, .. } = part.score else { return Value::Null };
    match part.task.config.get("generation_kwargs") {
        Some(Value::Object(kwargs)) => {
            let mut kwargs = kwargs.clone();
            let file = kwargs.get("max_gen_toks").map_or(MAX_GEN_TOKS as u64, |n| n.as_u64().unwrap_or(0));
            // Set only if the user changed it: the harness writes the file's options as they are.
            if file != max_tokens as u64 {
                kwargs.insert("max_gen_toks".into(), json!(max_tokens));
            }
            Value::Object(kwargs)
        }
        _ => json!({"until": part.task.until, "max_gen_toks": max_tokens, "do_sample": false}),
    }
}
