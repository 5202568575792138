/* Forced in before every C file of the engine (see build.sh), to correct what quickjs-ng assumes of
 * WASI. */

/* Where __wasi__ is defined it turns its stack check off, and a deep recursion traps instead of
 * throwing a RangeError. The C library's own header needs the macro, so it comes first. */
#include <wasi/api.h>
#undef __wasi__

/* It asks the allocator for the size of a block on a few systems only, and counts 0 bytes a block
 * elsewhere: garbage collection then knows nothing of large buffers, and `text += more` copies
 * the text each time. This macro is looked at for that question, and to include <malloc.h>. */
#define __ANDROID__
