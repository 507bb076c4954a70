//! The `docket` command.

/// Texts and rows are made on one thread and dropped on another all day long, which it is quick at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    docket_gateway::cli::main()
}
