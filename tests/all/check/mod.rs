//! What `zigts check` and `zigts lsp` find, and how they show it.

mod fixes;
mod globals;
mod lsp;
mod one_mistake;
mod printable;
mod reports;
mod rules;
mod typescript;
