//! Groups of experts, of which a token uses some: its experts are all in these groups (DeepSeek V2, arXiv 2405.04434).

/// Groups of equally many consecutive experts.
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
