#!/bin/sh
# Rebuilds engine.wasm from the sources of this folder and of runtime/abi.
#
#   compiler/engine/build.sh            build, and write engine.wasm and engine.sha256
#   compiler/engine/build.sh --sources  print the hash over the sources, and build nothing
#
# It takes the first way that is there:
#   1. a Rust toolchain with the target (rustup target add wasm32-wasip1), libclang and patch; the WASI SDK
#      is the one in the folder $WASI_SDK_PATH, or else fetched by the crate rquickjs-sys;
#   2. the packages of Debian:
#      apt-get install rustc-web rust-web-src clang-22 lld-22 libclang-22-dev \
#          libclang-rt-22-dev-wasm32 wasi-libc patch
#
# engine.sha256 has two lines, `<hash>  sources` and `<hash>  engine.wasm`. The first is the
# SHA-256 of one record a file: its path from the root of the repository, a zero byte, its content,
# a zero byte. The files are Cargo.lock, Cargo.toml, build.sh and everything under src/ of this
# folder, everything under quickjs/, and Cargo.toml and everything under src/ of runtime/abi but
# manifest.rs and state.rs (which are not compiled in), in the order of the bytes of their paths.
set -eu

cd "$(dirname "$0")/../.."
root=$(pwd)
engine=compiler/engine

sources_hash() {
    {
        printf '%s\n' "$engine/Cargo.lock" "$engine/Cargo.toml" "$engine/build.sh" \
            runtime/abi/Cargo.toml
        find "$engine/src" "$engine/quickjs" runtime/abi/src -type f ! -path runtime/abi/src/manifest.rs \
            ! -path runtime/abi/src/state.rs
    } | LC_ALL=C sort | while IFS= read -r path; do
        printf '%s\0' "$path"
        cat "$path"
        printf '\0'
    done | sha256sum | cut -d' ' -f1
}

if [ "${1-}" = --sources ]; then
    sources_hash
    exit
fi

command -v patch >/dev/null || {
    echo "build.sh: the program patch is not installed, which applies $engine/quickjs/patches" >&2
    exit 1
}

target=wasm32-wasip1
# C is compiled in a folder of Cargo's choosing; no path of this machine may get into the engine.
c_flags="-O3 -include $root/$engine/src/quickjs_wasi.h -ffile-prefix-map=$root=."
# Cargo does not know of this header and of the patches; it does know when the flags change.
c_sources=$(cat "$engine/src/quickjs_wasi.h" "$engine"/quickjs/cc.sh "$engine"/quickjs/*.h "$engine"/quickjs/patches/* |
    sha256sum | cut -c1-16)
c_flags="$c_flags -DSOURCES=$c_sources"
export CC_wasm32_wasip1="$root/$engine/quickjs/cc.sh"
# 448 KiB of the stack are JavaScript's (runtime.rs); the rest is for native code below the check.
rust_flags="-C link-arg=-zstack-size=524288 -C target-feature=+bulk-memory"
cargo_home=${CARGO_HOME:-$HOME/.cargo}
rust_flags="$rust_flags --remap-path-prefix=$root=. --remap-path-prefix=$cargo_home=cargo"

debian_llvm=/usr/lib/llvm-22
debian_sysroot=/usr/lib/wasm32-wasi
if [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$target/lib" ]; then
    if [ -n "${WASI_SDK_PATH-}" ]; then export WASI_SDK="$WASI_SDK_PATH"; fi
    # rquickjs-sys adds where the SDK is, and names its compiler in CC.
    export CFLAGS_wasm32_wasip1="$c_flags"
    build_std=
elif [ -x /usr/bin/wasm-ld-22 ] && [ -x /usr/bin/clang-22 ] && [ -x /usr/bin/rustc ] &&
    [ -d /usr/lib/rustlib/src/rust/library ] && [ -f "$debian_sysroot/crt1-reactor.o" ] &&
    [ -d "$debian_llvm/lib/clang/22/lib/wasi" ]; then
    # Debian's compiler has no standard library for the target, so that is built with the rest.
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    build_std="-Z build-std=std,panic_abort"
    export RQUICKJS_SYS_NO_WASI_SDK=1
    export QUICKJS_CC=clang-22 AR_wasm32_wasip1=llvm-ar-22
    includes="--target=wasm32-wasi -isystem /usr/include/wasm32-wasi"
    export CFLAGS_wasm32_wasip1="$includes $c_flags"
    export LIBCLANG_PATH="$debian_llvm/lib"
    export BINDGEN_EXTRA_CLANG_ARGS="$includes -fvisibility=default"
    rust_flags="$rust_flags -C linker=/usr/bin/wasm-ld-22 -C link-self-contained=no"
    rust_flags="$rust_flags -L $debian_sysroot -C link-arg=$debian_sysroot/crt1-reactor.o"
    rust_flags="$rust_flags -L $debian_llvm/lib/clang/22/lib/wasi -C link-arg=--export-memory"
    rust_src=$(cd /usr/lib/rustlib/src/rust && pwd -P)
    rust_flags="$rust_flags --remap-path-prefix=$rust_src=rust"
    rust_flags="$rust_flags --remap-path-prefix=/usr/lib/rustlib/src/rust=rust"
else
    echo "build.sh: neither the Rust target $target (rustup target add $target) nor all of the Debian packages rustc-web rust-web-src clang-22 lld-22 libclang-22-dev libclang-rt-22-dev-wasm32 wasi-libc patch is installed" >&2
    exit 1
fi
export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="$rust_flags"

# shellcheck disable=SC2086 # two words, or none
(cd "$engine" && CARGO_TARGET_DIR="$root/$engine/target" \
    cargo build --locked --release --target "$target" $build_std)

install -m 644 "$engine/target/$target/release/zigttp_engine.wasm" "$engine/engine.wasm"
{
    printf '%s  sources\n' "$(sources_hash)"
    printf '%s  engine.wasm\n' "$(sha256sum <"$engine/engine.wasm" | cut -d' ' -f1)"
} >"$engine/engine.sha256"
