//! Where a measurement takes place: a database of its own, and a service over it.

use std::net::SocketAddr;
use std::path::PathBuf;

use assent::app::{self, App};
use assent::config::Config;
use sea_orm::{ConnectionTrait as _, Database};
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use crate::Failure;

/// Seals what only these measurements hold: 32 bytes of zero.
pub(crate) const SECRET_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A database of its own.
pub(crate) struct Place {
    pub(crate) app: App,
    /// Where it is.
    pub(crate) url: String,
    folder: PathBuf,
    /// On which server it was made, and its name there.
    server: Option<(String, String)>,
}

impl Place {
    /// Makes a database on the server, or a SQLite file if there is none, and brings its tables up to date.
    pub(crate) async fn new(server: Option<&str>) -> Result<Self, Failure> {
        let name = format!("assent_bench_{}", Uuid::new_v4().simple());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder)?;
        let url = match server {
            Some(server) => {
                let connection = Database::connect(server).await?;
                connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
                connection.close().await?;
                let mut url: Url = server.parse()?;
                url.set_path(&name);
                url.to_string()
            }
            None => format!("sqlite:{}", folder.join("assent.sqlite").display()),
        };
        let config = Config {
            data_dir: folder.clone(),
            database_url: Some(SecretString::from(url.clone())),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret_key: Some(SecretString::from(SECRET_KEY)),
            allow_private_hosts: true,
            ..Config::load(None)?
        };
        let app = app::build(&config).await?;
        Ok(Self { app, url, folder, server: server.map(|server| (server.to_owned(), name)) })
    }

    /// Takes the database away.
    pub(crate) async fn remove(self) -> Result<(), Failure> {
        self.app.db.close().await?;
        if let Some((server, name)) = self.server {
            let connection = Database::connect(server).await?;
            connection.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
            connection.close().await?;
        }
        std::fs::remove_dir_all(self.folder)?;
        Ok(())
    }
}
