//! Empty: the tests are in `all/`, one binary over the two programs.
