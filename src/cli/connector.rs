//! `assent connector`: what the platforms can tell, and whether a store would work.

mod check;
mod document;
mod show;

use super::{Failure, Format};
use crate::config::Config;
use crate::domain::Platform;

pub(super) use document::document;

/// Look at the platforms, and try a store before it is installed. Needs no database.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the platforms: how fast an opt-out is seen, and what each can tell.
    #[command(after_help = "\
Examples:
  assent connector list
  assent connector list --format json")]
    List {
        /// How to print the result.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Show one platform: how people are found, what it can't tell, and what an installation takes.
    #[command(after_help = "\
Examples:
  assent connector show magento
  assent connector show shopify --format json")]
    Show {
        /// bigcommerce, magento, sfcc, shopify, shopware or woocommerce.
        platform: Platform,
        /// How to print the result.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    Check(check::Arguments),
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::List { format } => show::list(format),
        Command::Show { platform, format } => show::show(platform, format),
        Command::Check(arguments) => check::run(config, arguments).await,
    }
}
