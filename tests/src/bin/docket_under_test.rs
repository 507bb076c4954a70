//! The `docket` command as the tests start it: built with them, so that it is never an older one.

/// The product's: what a test sees of memory is what an operator does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    docket_gateway::cli::main()
}
