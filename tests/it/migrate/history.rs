//! Histories that are not what the files or the registry say, and refinery's own runner beside ours.

use super::two_more;
use crate::support::Fleet;

#[test]
fn x() {
    let _ = Fleet::new(0);
    let _ = two_more;
}
