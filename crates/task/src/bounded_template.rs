//! Templates that cannot exhaust the memory: takes the text of a Jinja template that a stranger may have written, renders
//! it under a bound on the bytes that its values may take.
//!
//! The engine bounds the number of steps, but forty steps that double a text are enough for a terabyte. So a template is
//! compiled here with a check before every step that makes a value ([`instructions`]): the check charges what the step
//! reads and what it could make ([`charge`]) to the budget of the rendering ([`budget`]). Raw text is charged where it is
//! written, with everything else. The parts of the engine that this needs are those behind its feature
//! `unstable_machinery`, which is why `Cargo.toml` names one minor version.

mod budget;
mod charge;
mod instructions;

use std::fmt;

use minijinja::machinery::{CodeGenerator, Token, Vm, WhitespaceConfig, make_string_output, parse, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};

use budget::charge_output;

/// A factor that the engine does not know when it compiles a template; it is 1.
const ONE: &str = "one_";

/// A template of a sound syntax.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoundedTemplate {
    name: String,
    source: String,
    /// Blanks and line ends at the tags: those of the engine's settings of the same names.
    trim_blocks: bool,
    keep_trailing_newline: bool,
}

impl BoundedTemplate {
    /// Reads a template; `name` is its name in messages. `trim_blocks`: a line end after a tag, and blanks before one at
    /// the beginning of a line, are left out. `keep_trailing_newline`: a line end at the end is kept.
    ///
    /// # Errors
    /// The engine's message if the template does not parse.
    pub(crate) fn new(name: &str, source: &str, trim_blocks: bool, keep_trailing_newline: bool) -> Result<Self, Error> {
        let template = Self { name: name.to_owned(), source: source.to_owned(), trim_blocks, keep_trailing_newline };
        // With its own text, so that the message has the places that the author knows.
        parse(&template.source, &template.name, SyntaxConfig, template.whitespace())?;
        let source = template.without_constant_products()?;
        Ok(Self { source, ..template })
    }

    /// Renders the template in an environment that [`bound`] has prepared.
    ///
    /// # Errors
    /// The engine's message if rendering fails, or if the values or the text take too much memory.
    pub(crate) fn render(&self, environment: &Environment<'static>, variables: Value) -> Result<String, Error> {
        let tree = parse(&self.source, &self.name, SyntaxConfig, self.whitespace())?;
        let mut generator = CodeGenerator::new(&self.name, &self.source);
        generator.compile_stmt(&tree);
        let (main, blocks) = generator.finish();
        let main = instructions::with_checks(&main)?;
        let blocks = blocks.iter().map(|(name, block)| Ok((*name, instructions::with_checks(block)?)));
        let blocks = blocks.collect::<Result<_, Error>>()?;
        let mut text = String::new();
        let mut output = make_string_output(&mut text);
        Vm::new(environment).eval(&main, variables, &blocks, &mut output, AutoEscape::None)?;
        Ok(text)
    }

    fn whitespace(&self) -> WhitespaceConfig {
        WhitespaceConfig {
            keep_trailing_newline: self.keep_trailing_newline,
            lstrip_blocks: self.trim_blocks,
            trim_blocks: self.trim_blocks,
        }
    }

    /// The text with a factor [`ONE`] in every product: the engine computes products of constants when it compiles the
    /// template, where no check can stand before them.
    fn without_constant_products(&self) -> Result<String, Error> {
        let mut text = String::with_capacity(self.source.len());
        let mut copied = 0;
        let mut before = None;
        for token in tokenize(&self.source, false, SyntaxConfig, self.whitespace()) {
            let (token, span) = token?;
            // After these, `*` unpacks a list of arguments.
            let product = !matches!(before, None | Some(Token::ParenOpen | Token::Comma));
            if matches!(token, Token::Mul) && product {
                let end = span.end_offset as usize;
                text.push_str(self.source.get(copied..end).unwrap_or_default());
                text.push_str(&format!(" {ONE} * "));
                copied = end;
            }
            before = Some(token);
        }
        text.push_str(self.source.get(copied..).unwrap_or_default());
        Ok(text)
    }
}

/// Prepares an environment for bounded templates; `format` writes a value, which has been charged.
pub(crate) fn bound(
    environment: &mut Environment<'static>,
    format: impl Fn(&mut Output<'_>, &State<'_, '_>, &Value) -> Result<(), Error> + Send + Sync + 'static,
) {
    environment.add_global(ONE, 1);
    charge::add_checks(environment);
    environment.set_formatter(move |out, state, value| {
        charge_output(state, value)?;
        format(out, state, value)
    });
}

/// The error of a template that does what is not allowed.
fn refused(problem: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem.to_string())
}

#[cfg(test)]
mod tests;
