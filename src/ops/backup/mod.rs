//! Backups: one file per tenant, and back.
//!
//! A backup is taken from one snapshot (`take`): what it says before its rows (`prepare`) and the rows go to a thread that
//! writes (`sending`). It is a file only when it is whole (`pack`). What is restored is read
//! twice: first to find out whether the file is whole (`planned`), without a database, and then into one transaction
//! (`restore`).
//! Rows stream; the text of the file is described in `format`.

mod error;
mod feed;
mod folder;
pub mod format;
mod home;
mod keep;
mod left_out;
mod pack;
mod planned;
mod prepare;
mod relocate;
mod restore;
mod sending;
mod shared;
mod take;
mod verify;

pub use self::error::BackupError;
pub use self::folder::{Folder, Kept};
pub use self::home::Home;
pub use self::keep::Keep;
pub use self::pack::{Identities, Recipients};
pub use self::planned::{Planned, Request as RestoreRequest, plan};
pub(in crate::ops) use self::prepare::{hold_alone_in_tx, hold_still_in_tx};
pub use self::relocate::{MoveRequest, Moved, may_move, relocate};
pub use self::restore::{Restored, Target};
pub(in crate::ops) use self::shared::Shared;
pub(in crate::ops) use self::take::take_in_tx;
pub use self::take::{Options, Request, Taken, run};
pub use self::verify::{Verified, verify};
