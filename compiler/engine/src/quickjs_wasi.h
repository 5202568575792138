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

/* It cuts small blocks from arenas, one of 4 KiB for each size: an event would write a page for each.
 * This macro is looked at for that question alone, and has every block come from the allocator. */
#define __SANITIZE_ADDRESS__

/* Its blocks come from allocator.rs, without the detour over two tables of functions that rquickjs
 * has for allocators. Taking a small block and giving it back is done here, so that it is compiled
 * into QuickJS's functions: a small event does both some fifteen times, which took 2,260 instructions
 * with a call for each step, and takes 1,390. */
#include <malloc.h>
#include <stdlib.h>
enum { ZIGTTP_UNIT = 8, ZIGTTP_CLASSES = 124 };
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
/* How many bytes a block has room for stands a unit before it. */
static inline size_t zigttp_usable_size(const void *block)
{
    return *(const size_t *)((const char *)block - ZIGTTP_UNIT);
}
static inline void *zigttp_malloc_small(size_t size)
{
    if (size > (ZIGTTP_CLASSES - 1) * ZIGTTP_UNIT)
        return zigttp_malloc(size);
    size_t room = (size + ZIGTTP_UNIT - 1) & -ZIGTTP_UNIT;
    void **list = &zigttp_written.freed[room / ZIGTTP_UNIT];
    char *start = *list;
    if (start)
        *list = *(void **)start;
    else if (zigttp_written.end - zigttp_written.next >= room + ZIGTTP_UNIT) {
        start = zigttp_written.next;
        zigttp_written.next += room + ZIGTTP_UNIT;
    } else
        return zigttp_malloc(size);
    *(size_t *)start = room;
    return start + ZIGTTP_UNIT;
}
static inline void zigttp_free_small(void *block)
{
    if (!block || zigttp_usable_size(block) > (ZIGTTP_CLASSES - 1) * ZIGTTP_UNIT)
        return zigttp_free(block);
    size_t class = zigttp_usable_size(block) / ZIGTTP_UNIT;
    void **start = (void **)((char *)block - ZIGTTP_UNIT);
    *start = zigttp_written.freed[class];
    zigttp_written.freed[class] = start;
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
