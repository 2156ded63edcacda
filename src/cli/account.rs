//! `assent account`: make tenants.

use serde_json::json;

use super::{Failure, Format, print, print_json, table};
use crate::app;
use crate::config::Config;
use crate::service::accounts::{self, NewAccount};

/// Make accounts: each is one tenant with its own stores, lists, contacts and consent records.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an account with an owner and an API client that has every scope.
    ///
    /// The password and the client secret are shown this once and never again.
    #[command(after_help = "\
Examples:
  assent account create --name 'Anna & Co' --owner-email anna@example.com
  assent account create --name Shop --owner-email a@example.com --format json > keys.json

Get an access token with what it prints:
  curl -d grant_type=client_credentials -d client_id=… -d client_secret=… http://127.0.0.1:8080/oauth/token")]
    Create {
        /// Display name, 1 to 255 characters.
        #[arg(long)]
        name: String,
        /// Address that the owner signs in with; unique over all accounts.
        #[arg(long, value_name = "EMAIL")]
        owner_email: String,
        /// How to print the result.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> Result<(), Failure> {
    let Command::Create { name, owner_email, format } = arguments.command;
    let app = app::build(config).await?;
    let account = accounts::create(&app, &name, &owner_email).await?;
    let NewAccount { account_id, owner_email, owner_password, client_id, client_secret } = account;
    match format {
        Format::Json => print_json(&json!({
            "accountId": account_id,
            "ownerEmail": owner_email,
            "ownerPassword": owner_password,
            "clientId": client_id,
            "clientSecret": client_secret,
        })),
        Format::Table => print(&table(
            &["what", "value"],
            &[
                vec!["account id".to_owned(), account_id.to_string()],
                vec!["owner email".to_owned(), owner_email],
                vec!["owner password".to_owned(), owner_password],
                vec!["client id".to_owned(), client_id.to_string()],
                vec!["client secret".to_owned(), client_secret],
            ],
        )),
    }
}
