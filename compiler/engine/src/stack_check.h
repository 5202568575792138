/* Forced in before every C file of the engine (see build.sh).
 *
 * quickjs-ng turns its stack check off where __wasi__ is defined, and a deep recursion then traps
 * instead of throwing a RangeError. The C library's own header needs the macro, so it comes first. */
#include <wasi/api.h>
#undef __wasi__
