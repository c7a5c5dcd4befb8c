//! Tenants: what they are called, where they are registered, and which of them are meant.

mod app;
pub mod attribute;
pub mod batch;
mod domain;
pub mod fingerprints;
mod registration;
pub mod registry;
mod registry_error;
mod row;
mod selection;
mod slug;

pub use self::app::App;
pub use self::domain::{Domain, DomainError};
pub use self::registry::{Change, Changes, NewTenant, RegistryError, Status, Tenant};
pub use self::selection::{Selection, SelectionError, Which};
pub use self::slug::{Naming, NamingError, Slug, SlugError};
