//! The laser command: arguments in, a library call, a printed result and an exit code out.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod host;
mod output;
mod plan;
mod print;
mod progress;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    laser::kernels::tensor_library::compute_in_calling_thread();
    let arguments = args::Arguments::parse();
    match commands::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            output::failure(&error);
            ExitCode::from(2)
        }
    }
}
