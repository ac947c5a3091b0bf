//! Work of which only the results of the parts are needed, in the order of the parts.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SharedWork;
use crate::error::Result;

/// Work in numbered parts, each with a result of its own.
pub(crate) trait GatheredWork {
    /// Result of a part.
    type Part: Clone + Serialize + DeserializeOwned;

    /// As [`SharedWork::name`].
    fn name(&self) -> String;

    /// Number of parts.
    fn parts(&self) -> usize;

    /// As [`SharedWork::parts_at_once`].
    fn parts_at_once(&self, open: usize, members: usize) -> usize;

    /// Computes some parts; the results are in their order.
    fn compute(&self, parts: &[usize]) -> Result<Vec<Self::Part>>;
}

/// A work with the results that are known of it.
pub(super) struct Gathering<'a, W: GatheredWork> {
    work: &'a W,
    found: Vec<Option<W::Part>>,
}

impl<'a, W: GatheredWork> Gathering<'a, W> {
    /// A work of which nothing is done.
    pub(super) fn new(work: &'a W) -> Self {
        Self { work, found: vec![None; work.parts()] }
    }

    /// The results, once all parts are done.
    pub(super) fn results(self) -> Vec<W::Part> {
        self.found.into_iter().flatten().collect()
    }
}

impl<W: GatheredWork> SharedWork for Gathering<'_, W> {
    type Part = W::Part;

    fn name(&self) -> String {
        self.work.name()
    }

    fn parts(&self) -> usize {
        self.found.len()
    }

    fn parts_at_once(&self, open: usize, members: usize) -> usize {
        self.work.parts_at_once(open, members)
    }

    fn compute(&mut self, parts: &[usize]) -> Result<()> {
        for (part, result) in parts.iter().zip(self.work.compute(parts)?) {
            self.found[*part] = Some(result);
        }
        Ok(())
    }

    fn result(&self, part: usize) -> Result<W::Part> {
        Ok(self.found[part].clone().expect("this process computed the part"))
    }

    fn receive(&mut self, part: usize, result: W::Part) -> Result<()> {
        self.found[part] = Some(result);
        Ok(())
    }
}
