//! The `docket` command as the tests start it: built with them, so that it is never an older one.

fn main() -> std::process::ExitCode {
    docket_gateway::cli::main()
}
