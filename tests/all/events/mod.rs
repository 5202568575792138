//! What one event can and cannot do: the API, its budgets, its sandbox.

mod abort;
mod api;
mod atomic;
mod binary;
mod budgets;
mod crypto;
mod failures;
mod fresh;
mod isolation;
mod sandbox;
mod urls;
mod values;
