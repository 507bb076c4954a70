//! `docket config`: every setting, its value, where it came from, its unit and what it does.

use super::{Failed, LAYERS, StoreArgs};
use crate::settings::{self, Explained, Layers, Settings};
use clap::Args;
use std::process::ExitCode;

/// Shows every setting: its value, where it came from, what it does. Secrets are masked.
#[derive(Args)]
pub struct Config {
    #[command(flatten)]
    store: StoreArgs,
    /// Prints a docket.toml in which every setting is commented out with its default.
    #[arg(long)]
    example: bool,
}

impl Config {
    pub(super) fn run(self) -> Result<ExitCode, Failed> {
        if self.example {
            print!("{}", settings::example());
            return Ok(ExitCode::SUCCESS);
        }
        let layers = LAYERS.get_or_init(Layers::default);
        match layers.file() {
            Some(path) => println!("# read from {}", path.display()),
            None => println!(
                "# no file: there is no {} here, and --config names none",
                settings::FILE
            ),
        }
        for strange in layers.strange_variables() {
            println!("# {strange} is in the environment, and no setting is called so");
        }
        for one in self.store.settings()?.explained() {
            println!("{}", told(one));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn told(one: &Explained) -> String {
    let Explained { spec, value, from } = one;
    let value = value.as_deref().unwrap_or("(not set)");
    let mut ways = vec![spec.env];
    ways.extend(spec.flag);
    format!(
        "\n{} = {value}\n    from {from} ({}; {})\n    {}",
        spec.name,
        spec.kind.unit(),
        ways.join(", "),
        spec.about
    )
}

/// Shows that the settings could be read; a mistake in them stops every command before it begins.
pub(super) fn summary(settings: &Settings) -> String {
    let layers = LAYERS.get_or_init(Layers::default);
    let given = settings
        .explained()
        .iter()
        .filter(|one| one.from != settings::Source::Default)
        .count();
    let file = layers
        .file()
        .map_or_else(|| "no file".into(), |path| path.display().to_string());
    format!("{given} given, the others as by default; {file}; `docket config` explains them")
}

/// Variables in the environment that look like settings and are none.
pub(super) fn strange() -> Vec<&'static str> {
    LAYERS.get_or_init(Layers::default).strange_variables()
}
