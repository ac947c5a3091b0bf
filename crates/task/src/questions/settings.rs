//! The user's own words for files of questions: templates, the place of the records, and the text before answers.

/// Settings of files of questions. A template is Jinja over the fields of a record, `{{ statement }}`, or the name of a
/// field. It replaces what the layout of the file gives; the other parts stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuestionSettings {
    /// Template of the prompt.
    pub prompt: Option<String>,
    /// Template of the gold answer, or of a list of it and its aliases as Python writes one.
    pub answer: Option<String>,
    /// Template of the choices, a list as Python writes one.
    pub choices: Option<String>,
    /// Template of the right choice: its index from 0, its letter or its text.
    pub gold: Option<String>,
    /// Key of the list of records in a JSON document; keys inside one another are joined by dots.
    pub records: Option<String>,
    /// Text between prompts and answers, for records without `target_delimiter`.
    pub target_delimiter: Option<String>,
}

impl QuestionSettings {
    /// No settings.
    pub const NONE: &'static Self =
        &Self { prompt: None, answer: None, choices: None, gold: None, records: None, target_delimiter: None };

    /// The settings that are given, by their names.
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("prompt", &self.prompt),
            ("answer", &self.answer),
            ("choices", &self.choices),
            ("gold", &self.gold),
            ("records", &self.records),
            ("target-delimiter", &self.target_delimiter),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}
