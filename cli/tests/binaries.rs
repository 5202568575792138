//! Makes `cargo test --workspace` build the two programs, which the tests in `tests/` run: cargo
//! builds a package's programs for its own integration tests only.

#[test]
fn the_programs_are_built() {
    for program in [env!("CARGO_BIN_EXE_zigts"), env!("CARGO_BIN_EXE_zigttp")] {
        assert!(std::path::Path::new(program).exists(), "{program}");
    }
}
