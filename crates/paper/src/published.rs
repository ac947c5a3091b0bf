//! The paper's own numbers (arXiv 2312.13558): facts to stand beside a reproduction.

use laser::model::ModelConfig;
use serde::Serialize;

/// A model of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum PaperModel {
    /// `roberta-base`.
    #[serde(rename = "RoBERTa")]
    Roberta,
    /// `EleutherAI/gpt-j-6B`.
    #[serde(rename = "GPT-J 6B")]
    GptJ,
    /// `meta-llama/Llama-2-7b`.
    #[serde(rename = "Llama 2 7B")]
    Llama2,
}

impl PaperModel {
    /// The paper's name of the model.
    pub fn name(self) -> &'static str {
        match self {
            Self::Roberta => "RoBERTa",
            Self::GptJ => "GPT-J 6B",
            Self::Llama2 => "Llama 2 7B",
        }
    }

    /// The model of the paper that has this configuration, by its family and sizes; `None` for any other model.
    pub fn of(config: &ModelConfig) -> Option<Self> {
        let sizes = (config.family.model_type, config.n_layers, config.d_model, config.vocab_size);
        match sizes {
            ("roberta", 12, 768, _) => Some(Self::Roberta),
            ("gptj", 28, 4096, _) => Some(Self::GptJ),
            ("llama", 32, 4096, 32_000) => Some(Self::Llama2),
            _ => None,
        }
    }
}

/// One cell of the paper's tables 1 and 3: a model on a data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PublishedCell {
    /// Accuracy of the unedited model, per cent.
    pub base_acc: f64,
    /// Its log-loss, nats a token.
    pub base_loss: f64,
    /// Accuracy with LASER, per cent.
    pub acc: f64,
    /// Its log-loss, nats a token.
    pub loss: f64,
    /// Matrix of the best edit, as the paper names it.
    pub matrix: &'static str,
    /// Its layer, counted from 0.
    pub layer: usize,
    /// The share of the rank that it keeps.
    pub rho: &'static str,
}

const fn cell(
    base: (f64, f64),
    laser: (f64, f64),
    (matrix, layer, rho): (&'static str, usize, &'static str),
) -> PublishedCell {
    PublishedCell { base_acc: base.0, base_loss: base.1, acc: laser.0, loss: laser.1, matrix, layer, rho }
}

/// The cells of one data set: RoBERTa, GPT-J, Llama 2.
pub(crate) type PublishedRow = [PublishedCell; 3];

/// Tables 1 and 3, by data set. The paper's U_in and U_out are `fc_in` and `fc_out`.
pub(crate) const COUNTERFACT: PublishedRow = [
    cell((17.3, 5.78), (19.3, 5.43), ("fc_in", 8, "0.8")),
    cell((13.1, 5.78), (24.0, 5.05), ("fc_in", 27, "0.01")),
    cell((35.6, 3.61), (37.6, 3.49), ("fc_in", 28, "0.05")),
];
pub(crate) const HOTPOTQA: PublishedRow = [
    cell((6.1, 10.99), (6.7, 10.53), ("fc_out", 2, "0.4")),
    cell((19.6, 3.40), (19.5, 3.39), ("fc_in", 27, "0.1")),
    cell((16.5, 3.15), (17.2, 2.97), ("fc_in", 27, "0.2")),
];
pub(crate) const FEVER: PublishedRow = [
    cell((50.0, 2.5), (52.3, 1.76), ("fc_in", 3, "0.4")),
    cell((50.2, 1.24), (56.2, 1.27), ("fc_in", 24, "0.01")),
    cell((59.3, 1.02), (64.5, 0.91), ("fc_in", 30, "0.2")),
];
pub(crate) const BIOS_GENDER: PublishedRow = [
    cell((87.5, 0.87), (93.7, 1.13), ("fc_in", 9, "0.9")),
    cell((70.9, 3.86), (97.5, 4.20), ("fc_in", 14, "0.01")),
    cell((75.5, 3.48), (88.4, 2.93), ("fc_in", 24, "0.01")),
];
pub(crate) const BIOS_PROFESSION: PublishedRow = [
    cell((64.5, 4.91), (72.5, 6.44), ("fc_in", 3, "0.9")),
    cell((75.6, 4.64), (82.1, 4.91), ("fc_in", 18, "0.01")),
    cell((85.0, 4.19), (86.7, 4.05), ("fc_out", 30, "0.4")),
];
pub(crate) const TRUTHFULQA: PublishedRow = [
    cell((56.2, 1.60), (56.2, 1.42), ("fc_in", 0, "0.01")),
    cell((54.9, 1.02), (55.6, 1.01), ("fc_in", 7, "0.8")),
    cell((50.5, 0.95), (56.2, 1.04), ("fc_in", 30, "0.05")),
];
pub(crate) const EPISTEMIC: PublishedRow = [
    cell((37.1, 9.39), (41.8, 6.80), ("fc_out", 1, "0.4")),
    cell((37.1, 0.74), (38.3, 0.62), ("fc_in", 26, "0.01")),
    cell((44.8, 0.78), (63.4, 0.73), ("fc_out", 28, "0.01")),
];
pub(crate) const WIKIDATAQA: PublishedRow = [
    cell((28.0, 9.07), (30.7, 7.69), ("fc_in", 7, "0.4")),
    cell((51.8, 3.52), (65.9, 2.86), ("fc_in", 27, "0.01")),
    cell((59.5, 2.40), (62.0, 2.31), ("fc_in", 27, "0.01")),
];

/// A claim of the paper about GPT-J that a figure or a sentence makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Where: section or figure.
    pub place: &'static str,
    /// The claim, with its numbers.
    pub text: &'static str,
}

/// Figure 2 and section 5.1.
pub(crate) const FIGURE_2: Claim = Claim {
    place: "Figure 2, GPT-J on CounterFact",
    text: "unedited log-loss about 5.78; first MLP matrix from about 9.25 (layer 1, strongest cut) to below the unedited model from \
           layer 18 to 20 on, about 4.98 at layer 27; second MLP matrix at most about 6.48 (layer 3), about 5.31 at layer 27; \
           attention matrices change little (5.68 to 6.14)",
};
/// Figure 3 and section 5.1.1.
pub(crate) const FIGURE_3: Claim = Claim {
    place: "Figure 3, GPT-J on CounterFact, documents of the Pile",
    text: "items that LASER turns right, divided by those that were right already: .190 with fewer than 50 documents, .138 with 50 to \
           1000, .087 with more; top-10 accuracy of items with at most 5200 documents .463, with LASER .528",
};
/// Figure 4.
pub(crate) const FIGURE_4: Claim = Claim {
    place: "Figure 4, GPT-J on CounterFact",
    text: "unedited 13.1 %, one matrix 24.0 %, several layers 29.2 %",
};
/// Figure 5 and section 5.1.2.
pub(crate) const FIGURE_5: Claim = Claim {
    place: "Figure 5, GPT-J on CounterFact",
    text: "the removed components say a wrong entity of the same type or a generic word; mean cosine of right and given answer .2230, \
           .2217, .2205, .217, .2135, .210, .207, .203 (read off) with 10, 25, 50, 75, 90, 95, 97.5 and 100 % of the smallest \
           components",
};
/// Figure 7, appendix C.1.
pub(crate) const FIGURE_7: Claim = Claim {
    place: "Figure 7, appendix C.1",
    text: "later layers have lower effective ranks than earlier ones, but far above the ranks that LASER keeps",
};
/// Figure 8, appendix C.2.
pub(crate) const FIGURE_8: Claim = Claim {
    place: "Figure 8, appendix C.2, GPT-J",
    text: "accuracy rises with the reduction and then falls; on CounterFact (top-10) it falls at 99.95 %, rank 2; removing the whole \
           matrix can be better than the whole matrix and is worse than its low-rank version",
};
/// Figure 9, appendix C.3.
pub(crate) const FIGURE_9: Claim =
    Claim { place: "Figure 9, appendix C.3", text: "the best layer differs between data sets" };
/// Figure 10, appendix D.
pub(crate) const FIGURE_10: Claim = Claim {
    place: "Figure 10, appendix D, GPT-J on CounterFact",
    text: "pruning the smallest entries of a late MLP matrix gains about as truncation does (no numbers)",
};
/// Section 5.1, perplexity.
pub(crate) const PERPLEXITY: Claim = Claim {
    place: "Section 5.1, GPT-J on the Pile's validation set",
    text: "perplexity 4.8 to 5.0 with the edit of the first MLP matrix, 4.8 to 4.9 with that of the second",
};
/// Section 5.1, paraphrases.
pub(crate) const PARAPHRASES: Claim = Claim {
    place: "Section 5.1, GPT-J on CounterFact",
    text: "of the questions that were right already, the share with all paraphrases right rises by about 24.8 points",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_edits_are_mostly_of_the_first_mlp_matrix() {
        let rows = [COUNTERFACT, HOTPOTQA, FEVER, BIOS_GENDER, BIOS_PROFESSION, TRUTHFULQA, EPISTEMIC, WIKIDATAQA];
        let cells: Vec<PublishedCell> = rows.into_iter().flatten().collect();
        // Both counts are in the paper's text.
        assert_eq!(cells.iter().filter(|cell| cell.matrix == "fc_in").count(), 20);
        assert_eq!(rows.iter().filter(|row| row[PaperModel::GptJ as usize].rho == "0.01").count(), 6);
        assert_eq!(cells.iter().filter(|cell| cell.acc > cell.base_acc && cell.loss > cell.base_loss).count(), 6);
    }
}
