#!/bin/sh
# The C compiler of build.sh: $QUICKJS_CC, or else $CC. Before it compiles quickjs.c, which the crate
# rquickjs-sys has just copied to where it builds, it applies the patches beside this script.
set -eu

for argument; do
    case $argument in
    */quickjs.c)
        for patch in "$(dirname "$0")"/patches/*.patch; do
            patch --quiet --forward --fuzz 0 "$argument" "$patch" >&2
        done
        ;;
    esac
done
# With json_access.h.
exec ${QUICKJS_CC:-$CC} "-I$(dirname "$0")" "$@"
