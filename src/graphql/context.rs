//! What every resolver starts from.

use async_graphql::Context;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Error;

/// Gives resolvers the service and who calls.
pub(super) trait Parts {
    /// The service and the caller.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] without a caller. The HTTP edge refuses earlier; this holds for any transport.
    fn parts(&self) -> Result<(&App, &Caller), Error>;
}

impl Parts for Context<'_> {
    fn parts(&self) -> Result<(&App, &Caller), Error> {
        match (self.data_opt::<App>(), self.data_opt::<Caller>()) {
            (Some(app), Some(caller)) => Ok((app, caller)),
            _ => Err(Error::Unauthenticated),
        }
    }
}
