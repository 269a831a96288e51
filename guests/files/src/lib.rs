//! What file-edit, file-glob and file-grep share. Input comes from a model,
//! names and contents from whoever wrote the workspace: all hostile.

pub mod call;
pub mod edit;
pub mod grep;
pub mod place;
pub mod replace;
pub mod text;
pub mod walk;
