//! Analyses what an adapter that is merged into a session's model does to the matrices.

use laser_linalg::{Matrix, RankFraction};
use laser_model::weight_id::WeightId;

use super::Session;
use crate::edit::reduction::Reduction;
use crate::edit::seed::derived_seed;
use crate::edit::truncation::SvdMethod;
use crate::edit::{Edit, parse_selector};
use crate::error::{Error, Result};
use crate::lora::{AdapterAnalysis, AdapterSummary, AnalysedMatrix, CutRank, MatrixPair, analyse};

/// Shares of the largest rank at which the update is analysed.
const GRID: [&str; 8] = ["0.01", "0.05", "0.1", "0.2", "0.4", "0.6", "0.8", "0.9"];

/// Options of the analysis of an adapter.
#[derive(Debug, Clone)]
pub struct AdapterOptions {
    /// Values of ρ at which matrices are truncated.
    pub rhos: Vec<RankFraction>,
    /// An edit whose ranks are added for the matrices it changes.
    pub edit: Edit,
    /// Selector of the matrices; `None`: all adapted ones.
    pub matrices: Option<String>,
    /// Number of random updates with which each matrix is compared.
    pub draws: usize,
    /// Seed of the random updates.
    pub seed: u64,
}

impl Default for AdapterOptions {
    fn default() -> Self {
        let rhos = GRID.iter().map(|rho| rho.parse().expect("a fraction")).collect();
        Self { rhos, edit: Edit::default(), matrices: None, draws: 200, seed: 0 }
    }
}

impl Session {
    /// Analyses what the adapters of this session's model changed of `base`, a session of the same model without the last
    /// of them.
    ///
    /// # Errors
    /// A model without adapters, an edit that is not one of whole stored matrices by rank, matrices that cannot be
    /// decomposed, or an interruption.
    pub fn analyse_adapter(&self, base: &Session, options: &AdapterOptions) -> Result<AdapterAnalysis> {
        let ids = self.analysed_matrices(options)?;
        let truncation = self.truncation(SvdMethod::Exact);
        let ranks = |id: WeightId| self.cut_ranks(id, options);
        let is_single = base.files.adapters().is_empty();
        // One matrix at a time: its decompositions use all threads, and the rest is short.
        let mut matrices: Vec<AnalysedMatrix> = Vec::new();
        let total = ids.len();
        for (done, id) in ids.into_iter().enumerate() {
            if self.options.observer.stopped() {
                return Err(Error::Interrupted);
            }
            let named = |source| Error::Linalg { matrix: id.to_string(), source };
            let [w, tuned] = [base, self].map(|session| session.loaded_matrix(id));
            let (w, tuned) = (w?, tuned?);
            let factors = if is_single { self.files.update_factors(id)? } else { None };
            let pair = MatrixPair {
                base_svd: &truncation.svd(id, &w)?,
                tuned_svd: &truncation.svd(id, &tuned)?,
                base: &w,
                tuned: &tuned,
                factors: factors.as_ref(),
            };
            let name = [id.to_string(), id.kind.to_string()];
            let seed = derived_seed(options.seed, &format!("adapter {id}"));
            matrices.extend(analyse(name, &pair, &ranks(id)?, options.draws, seed).map_err(named)?);
            self.options.observer.progress("adapter", done + 1, total);
        }
        let mut adapters = self.adapters()?;
        let adapter = adapters.pop().ok_or_else(|| no_adapter(&self.name))?;
        Ok(AdapterAnalysis {
            model: base.name.clone(),
            model_sha256: base.sha256()?,
            adapter,
            edit: (!options.edit.is_empty()).then(|| options.edit.to_string()),
            draws: options.draws,
            seed: options.seed,
            summary: AdapterSummary::new(&matrices),
            matrices,
            behaviour: None,
            notes: self.notes(),
        })
    }

    /// The stored matrices to analyse: those that adapters change and that the options select.
    fn analysed_matrices(&self, options: &AdapterOptions) -> Result<Vec<WeightId>> {
        let mut ids = self.files.merged_matrices();
        if ids.is_empty() {
            return Err(no_adapter(&self.name));
        }
        if let Some(selector) = &options.matrices {
            let selected = parse_selector(selector, self.config())?;
            ids.retain(|id| selected.contains(id));
            if ids.is_empty() {
                let problem = format!("{selector}: the adapter changes none of these matrices");
                return Err(Error::setting("matrices", problem));
            }
        }
        Ok(ids)
    }

    /// The ranks at which a matrix is truncated, ascending.
    fn cut_ranks(&self, id: WeightId, options: &AdapterOptions) -> Result<Vec<CutRank>> {
        let max_rank = self.config().max_rank(id);
        let grid = options.rhos.iter().map(|rho| {
            let (rule, rank) = (rho.to_string(), rho.of(max_rank));
            CutRank { rule, rank, from_edit: false }
        });
        let mut ranks: Vec<CutRank> = grid.collect();
        if let Some((_, reduction)) = options.edit.reductions().find(|(of, _)| *of == id) {
            let [rows, cols] = self.config().shape(id);
            let rank = match reduction {
                Reduction::Leading(rule) if !rule.needs_spectrum() => rule.resolve(rows, cols, None),
                _ => {
                    let problem = "an adapter is analysed at a rank: expected ρ or r, such as 0.1 or r40".to_owned();
                    return Err(Error::Edit { edit: format!("{id}@{reduction}"), problem });
                }
            };
            let rank = rank.map_err(|source| Error::Linalg { matrix: id.to_string(), source })?;
            ranks.push(CutRank { rule: reduction.to_string(), rank, from_edit: true });
        }
        ranks.sort_by_key(|cut| cut.rank);
        Ok(ranks)
    }

    /// A stored matrix as it is loaded, without loading the model.
    pub(super) fn loaded_matrix(&self, id: WeightId) -> Result<Matrix> {
        let [rows, cols] = self.config().shape(id);
        let values = self.files.matrix_values(id)?;
        Matrix::new(rows, cols, values).map_err(|source| Error::Linalg { matrix: id.to_string(), source })
    }
}

/// The error that there is nothing to analyse.
pub(super) fn no_adapter(model: &str) -> Error {
    Error::setting("adapter", format!("{model}: no adapter changes a matrix of this model"))
}
