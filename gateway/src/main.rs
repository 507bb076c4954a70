//! The `docket` command.

fn main() -> std::process::ExitCode {
    docket_gateway::cli::main()
}
