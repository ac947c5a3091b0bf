//! Experts of a layer and their router.

/// Function that turns the logits of a router into the scores of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpertScores {
    /// Probabilities by the softmax over all experts.
    Softmax,
    /// The sigmoid of each logit.
    Sigmoid,
}

/// Experts of a layer: `Σ_e p_e·mlp_e(x)` over the `per_token` experts with the largest scores `p_e`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Experts {
    /// Number of experts.
    pub count: usize,
    /// Number of experts that each token uses.
    pub per_token: usize,
    /// Width of an expert's MLP.
    pub d_expert: usize,
    /// True if the scores of the chosen experts are scaled to a sum of 1.
    pub normalised: bool,
    /// Width of the shared expert, which every token uses; 0 without.
    pub d_shared: usize,
    /// True if the shared expert is weighted by the sigmoid of its own gate.
    pub gated_shared: bool,
    /// Function that gives the scores.
    pub scores: ExpertScores,
    /// True if each expert has a correction, which is added to its score for the choice but not for its weight
    /// (arXiv 2408.15664).
    pub corrected: bool,
    /// Groups of experts, of which a token uses some; `None` if it may use all experts.
    pub groups: Option<ExpertGroups>,
    /// Factor on the scores of the chosen experts.
    pub scale: f64,
}

impl Experts {
    /// Experts weighted by their probabilities, without a shared expert.
    pub(crate) const fn new(count: usize, per_token: usize, d_expert: usize) -> Self {
        let (normalised, gated_shared, corrected) = (false, true, false);
        let (scores, scale) = (ExpertScores::Softmax, 1.0);
        Self {
            count,
            per_token,
            d_expert,
            normalised,
            d_shared: 0,
            gated_shared,
            scores,
            corrected,
            groups: None,
            scale,
        }
    }
}

/// Groups of equally many consecutive experts, of which a token uses some: its experts are all in these groups (DeepSeek V2,
/// arXiv 2405.04434).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpertGroups {
    /// Number of groups; a divisor of the number of experts.
    pub count: usize,
    /// Number of groups that each token uses: those of the largest scores.
    pub per_token: usize,
    /// Number of experts, those with the largest scores, whose scores add up to the score of their group.
    pub summed: usize,
}

impl ExpertGroups {
    /// These groups; `None` for groups that are all used, which change nothing.
    pub(crate) fn new(count: usize, per_token: usize, summed: usize) -> Option<Self> {
        (count != per_token).then_some(Self { count, per_token, summed })
    }
}
