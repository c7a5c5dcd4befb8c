//! Who may read a file that holds a secret.

use std::fs::Metadata;

/// Whether the group or everybody may do anything with the file: not right for a password file.
#[cfg(unix)]
pub(super) fn is_open_to_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o077 != 0
}

/// Whether a private key lies too open. A key owned by root may be readable, and only that, to its group: that is how
/// systems share one between services.
#[cfg(unix)]
pub(super) fn is_exposed_key(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    metadata.mode() & forbidden != 0
}

#[cfg(not(unix))]
pub(super) fn is_open_to_others(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
pub(super) fn is_exposed_key(_: &Metadata) -> bool {
    false
}
