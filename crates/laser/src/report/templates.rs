//! Templates of all pages: one layout with style sheet and script, shared macros, and a template for each kind of page.

use minijinja::{Environment, UndefinedBehavior};

/// The templates by name. All have the style sheet as `css` and the script as `script`.
///
/// # Errors
/// A template that is not well formed.
pub(crate) fn templates() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // A name that the template misspells is an error instead of an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_global("css", include_str!("report.css"));
    environment.add_global("script", include_str!("report.js"));
    // The names end in `.html`, which switches on escaping.
    for (name, source) in [
        ("layout.html", include_str!("layout.html.j2")),
        ("macros.html", include_str!("macros.html.j2")),
        ("report.html", include_str!("report.html.j2")),
        ("grid.html", include_str!("grid.html.j2")),
        ("flips.html", include_str!("flips.html.j2")),
        ("adapter.html", include_str!("adapter.html.j2")),
        ("page.html", include_str!("../page/page.html.j2")),
    ] {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}
