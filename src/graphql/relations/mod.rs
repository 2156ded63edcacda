//! What GraphQL adds to the views: the way from one to the next.

mod consent;
mod contact;
mod integration;
mod list;
mod run;
