//! The program `tenantctl`: hands its arguments to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenantctl::run(std::env::args_os())
}
