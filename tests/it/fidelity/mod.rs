//! Clones of schemas that hold everything a schema can hold.
