#!/usr/bin/env bash
# Runs every fuzz target for so many seconds (60 unless told), or those that are named:
#
#     fuzz/run.sh [seconds] [target...]
#
# Needs `cargo install cargo-fuzz` and a C++ compiler; the stable toolchain does, since the code
# under test is safe Rust and needs no sanitizer. What is learnt goes to fuzz/corpus, what fails to
# fuzz/artifacts; both stay out of the repository. A failure becomes a seed once it is mended.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  mapfile -t targets < <(cargo fuzz list)
fi

for target in "${targets[@]}"; do
  echo "== $target: $seconds s"
  seeds=("fuzz/seeds/$target")
  options=(-max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -print_final_stats=1)
  case $target in
    checker)
      seeds+=(tests/fixtures/corpus tests/fixtures/rules)
      options+=(-dict=fuzz/dictionaries/typescript -max_len=8192)
      ;;
    connection) seeds=(fuzz/seeds/frames) ;;
    host_calls) options+=(-dict=fuzz/dictionaries/numbers) ;;
  esac
  mkdir -p "fuzz/corpus/$target"
  cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "${seeds[@]}" -- "${options[@]}"
done
