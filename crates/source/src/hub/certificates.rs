//! Certificate authorities that vouch for servers: those that the options name, else the system's, else Mozilla's.

use std::path::Path;
use std::sync::Arc;

use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use ureq::tls::{Certificate, RootCerts};

use crate::error::SourceError;
use crate::options::SourceOptions;

/// The authorities to trust.
///
/// # Errors
/// [`SourceError::Certificates`] if the options name a file or folder without certificates.
pub(super) fn trusted(options: &SourceOptions<'_>) -> Result<RootCerts, SourceError> {
    let [file, dir] = [&options.certificate_file, &options.certificate_dir].map(|path| path.as_deref());
    let named: Option<&Path> = file.or(dir);
    let found = match named {
        Some(_) => load_certs_from_paths(file, dir),
        None => load_native_certs(),
    };
    if found.certs.is_empty() {
        return match named {
            Some(path) => Err(SourceError::Certificates {
                path: path.to_owned(),
                reason: found.errors.first().map_or_else(|| "it has none".to_owned(), ToString::to_string),
            }),
            // Small containers have none.
            None => Ok(RootCerts::WebPki),
        };
    }
    let certificates = found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
    Ok(RootCerts::Specific(Arc::new(certificates.collect())))
}
