//! The reader held against what is whole, and against what is not.
