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

/* Its blocks come from allocator.rs, without the detour over two tables of functions that rquickjs
 * has for allocators, and over QuickJS's own arenas (patches/blocks.patch). Taking a small block and
 * giving it back is done here, so that it is compiled into QuickJS's functions: a small event does
 * both some fifteen times, which took 2,260 instructions with a call for each step, and takes 1,390. */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
enum { ZIGTTP_UNIT = 8, ZIGTTP_CLASSES = 124, ZIGTTP_LARGE = 0xffff };
/* `Written` of allocator.rs. In one page of the map by which the runtime restores an instance. */
struct zigttp_written {
    char *next, *end;
    void *freed[ZIGTTP_CLASSES];
    unsigned long long random;
};
_Static_assert(sizeof(struct zigttp_written) == 512, "as allocator.rs has it");
__attribute__((weak, visibility("hidden"), aligned(512))) struct zigttp_written zigttp_written;
void *zigttp_malloc(size_t size);
void *zigttp_calloc(size_t count, size_t size);
void *zigttp_realloc(void *block, size_t size);
void zigttp_free(void *block);
/* The header before each block (`JSMallocBlockHeader`) is a unit. Its first two bytes are the
 * allocator's: how many units a small block has, or that it is a large one, whose size stands a unit
 * before the header. The others are QuickJS's: the kind of an object, and the count of references. */
typedef uint16_t __attribute__((may_alias)) zigttp_units;
typedef size_t __attribute__((may_alias)) zigttp_size;
typedef void *__attribute__((may_alias)) zigttp_link;
static inline size_t zigttp_usable_size(const void *block)
{
    const char *header = (const char *)block - ZIGTTP_UNIT;
    size_t units = *(const zigttp_units *)header;
    return units == ZIGTTP_LARGE ? *(const zigttp_size *)(header - ZIGTTP_UNIT)
                                 : units * ZIGTTP_UNIT;
}
static inline void *zigttp_malloc_small(size_t size)
{
    if (size > (ZIGTTP_CLASSES - 1) * ZIGTTP_UNIT)
        return zigttp_malloc(size);
    size_t units = (size + ZIGTTP_UNIT - 1) / ZIGTTP_UNIT;
    void **list = &zigttp_written.freed[units];
    char *start = *list;
    if (start)
        *list = *(zigttp_link *)start;
    else if (zigttp_written.end - zigttp_written.next >= (units + 1) * ZIGTTP_UNIT) {
        start = zigttp_written.next;
        zigttp_written.next += (units + 1) * ZIGTTP_UNIT;
    } else
        return zigttp_malloc(size);
    *(zigttp_units *)start = units;
    return start + ZIGTTP_UNIT;
}
static inline void zigttp_free_small(void *block)
{
    if (!block)
        return;
    char *start = (char *)block - ZIGTTP_UNIT;
    size_t units = *(zigttp_units *)start;
    if (units == ZIGTTP_LARGE)
        return zigttp_free(block);
    *(zigttp_link *)start = zigttp_written.freed[units];
    zigttp_written.freed[units] = start;
}
#define malloc(size) zigttp_malloc_small(size)
#define calloc(count, size) zigttp_calloc(count, size)
#define realloc(block, size) zigttp_realloc(block, size)
#define free(block) zigttp_free_small(block)
#define malloc_usable_size(block) zigttp_usable_size(block)

/* Copies of a few bytes, of which strings and arguments are full: a bulk copy is a call of the host
 * in wasmtime, unless the length is a constant. All is read before anything is written, so the places
 * may overlap. */
#include <string.h>
static __attribute__((noinline, unused)) void *
zigttp_copy(void *to, const void *from, size_t size)
{
#define EACH_END(type)                                                      \
    do {                                                                    \
        type first, last;                                                   \
        __builtin_memcpy(&first, from, sizeof first);                       \
        __builtin_memcpy(&last, (char *)from + size - sizeof last,          \
                         sizeof last);                                      \
        __builtin_memcpy(to, &first, sizeof first);                         \
        __builtin_memcpy((char *)to + size - sizeof last, &last,            \
                         sizeof last);                                      \
    } while (0)
    typedef struct { unsigned long long words[2]; } two_words;
    typedef struct { unsigned long long words[4]; } four_words;
    if (size > 2 * sizeof(four_words))
        return __builtin_memmove(to, from, size);
    if (size >= sizeof(four_words))
        EACH_END(four_words);
    else if (size >= sizeof(two_words))
        EACH_END(two_words);
    else if (size >= sizeof(long long))
        EACH_END(long long);
    else if (size >= sizeof(int))
        EACH_END(int);
    else if (size >= sizeof(short))
        EACH_END(short);
    else if (size == 1)
        *(char *)to = *(const char *)from;
    return to;
#undef EACH_END
}
#define COPY(bulk, to, from, size) \
    (__builtin_constant_p(size) ? bulk(to, from, size) : zigttp_copy(to, from, size))
#define memcpy(to, from, size) COPY(__builtin_memcpy, to, from, size)
#define memmove(to, from, size) COPY(__builtin_memmove, to, from, size)
