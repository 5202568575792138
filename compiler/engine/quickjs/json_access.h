/* What src/json needs of the insides of quickjs.c, where patches/json.patch includes this: to make an object of
 * all its properties at once, and to look at the properties of one without asking for each. What is JSON and how
 * it is written is decided in src/json. */

/* `JSON.parse` and `JSON.stringify` of src/json/global.rs. */
JSValue zigttp_json_parse(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv);
JSValue zigttp_json_stringify(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv);

/* Those of QuickJS, for what ours leave to them. */
JSValue zigttp_quickjs_parse(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    return js_json_parse(ctx, this_val, argc, argv);
}

JSValue zigttp_quickjs_stringify(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
    return js_json_stringify(ctx, this_val, argc, argv);
}

/* As `memcmp(one, other, len) == 0` of what is mostly short: that of the C library goes byte by byte. */
static inline bool zigttp_is_same(const uint8_t *one, const uint8_t *other, uint32_t len)
{
#define SAME(type, at) \
    ({ type a, b; memcpy(&a, one + (at), sizeof a); memcpy(&b, other + (at), sizeof b); a == b; })
    uint32_t at = 0;
    if (len >= 8) {
        for (; at + 8 <= len; at += 8)
            if (!SAME(uint64_t, at))
                return false;
        return SAME(uint64_t, len - 8);
    }
    if (len >= 4)
        return SAME(uint32_t, 0) && SAME(uint32_t, len - 4);
    for (; at < len; at++)
        if (one[at] != other[at])
            return false;
    return true;
#undef SAME
}

/* The atom of a name in Latin 1, or JS_ATOM_NULL after throwing. */
JSAtom zigttp_json_atom(JSContext *ctx, const uint8_t *units, uint32_t len)
{
    JSAtom atom;
    JSValue string;

    /* A number's atom is the number, which is not in the table. */
    if (len == 0 || !is_digit(units[0])) {
        JSRuntime *rt = ctx->rt;
        uint32_t hash = hash_string8(units, len, JS_ATOM_TYPE_STRING) & JS_ATOM_HASH_MASK;
        for (atom = rt->atom_hash[hash & (rt->atom_hash_size - 1)]; atom;) {
            JSAtomStruct *p = rt->atom_array[atom];
            if (p->hash == hash && p->atom_type == JS_ATOM_TYPE_STRING && p->len == len &&
                !p->is_wide_char && zigttp_is_same(str8(p), units, len))
                return JS_DupAtom(ctx, atom);
            atom = p->hash_next;
        }
    }
    string = js_new_string8_len(ctx, (const char *)units, len);
    if (JS_IsException(string))
        return JS_ATOM_NULL;
    atom = JS_NewAtomStr(ctx, JS_VALUE_GET_STRING(string));
    if (atom == JS_ATOM_NULL)
        JS_ThrowOutOfMemory(ctx);
    return atom;
}

/* The atom of a name, which is freed, or JS_ATOM_NULL after throwing. */
JSAtom zigttp_json_atom_of(JSContext *ctx, JSValue string)
{
    JSAtom atom = JS_NewAtomStr(ctx, JS_VALUE_GET_STRING(string));
    if (atom == JS_ATOM_NULL)
        JS_ThrowOutOfMemory(ctx);
    return atom;
}

/* The values of an object's properties are copied as they are. */
_Static_assert(sizeof(JSProperty) == sizeof(JSValue), "a property is a value");

static void zigttp_free_atoms(JSContext *ctx, uint32_t count, const JSAtom *names)
{
    for (uint32_t i = 0; i < count; i++)
        JS_FreeAtom(ctx, names[i]);
}

static bool zigttp_has_names(JSShape *sh, uint32_t count, const JSAtom *names)
{
    const JSShapeProperty *prop = get_shape_prop(sh);
    for (uint32_t i = 0; i < count; i++)
        if (prop[i].atom != names[i] || prop[i].flags != JS_PROP_C_W_E)
            return false;
    return true;
}

static uint32_t zigttp_shape_hash(JSObject *proto, uint32_t count, const JSAtom *names)
{
    uint32_t hash = shape_initial_hash(proto);
    for (uint32_t i = 0; i < count; i++)
        hash = shape_hash(shape_hash(hash, names[i]), JS_PROP_C_W_E);
    return hash;
}

/* A plain object of these properties in this order; of those with the same name the last counts, in the place of
 * the first. Takes names and values over, also where it throws.
 *
 * QuickJS adds properties one by one, which looks for a shape each time and makes the shape larger four times for
 * ten properties. Here the last shape is looked for, or made at once. */
JSValue zigttp_json_object(JSContext *ctx, uint32_t count, JSAtom *names, JSValue *values)
{
    JSRuntime *rt = ctx->rt;
    JSObject *proto = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]);
    uint32_t hash = zigttp_shape_hash(proto, count, names);
    JSShape *sh = rt->shape_hash[get_shape_hash(hash, rt->shape_hash_bits)];

    for (; sh; sh = sh->shape_hash_next) {
        if (sh->hash == hash && sh->proto == proto && sh->prop_count == count &&
            zigttp_has_names(sh, count, names)) {
            zigttp_free_atoms(ctx, count, names);
            return JS_NewObjectFromShape(ctx, js_dup_shape(sh), JS_CLASS_OBJECT, (JSProperty *)values);
        }
    }

    if (2 * (rt->shape_hash_count + 1) > rt->shape_hash_size)
        resize_shape_hash(rt, rt->shape_hash_bits + 1);
    uint32_t hash_size = JS_PROP_INITIAL_HASH_SIZE;
    while (hash_size < count)
        hash_size *= 2;
    sh = js_new_shape_nohash(ctx, proto, hash_size, max_int(count, JS_PROP_INITIAL_SIZE));
    if (!sh) {
        zigttp_free_atoms(ctx, count, names);
        for (uint32_t i = 0; i < count; i++)
            JS_FreeValue(ctx, values[i]);
        return JS_EXCEPTION;
    }
    JSShapeProperty *prop = get_shape_prop(sh);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *first = &prop_hash_end(sh)[-(intptr_t)hash_atom(names[i], sh->prop_hash_mask) - 1];
        uint32_t at = *first;
        while (at && prop[at - 1].atom != names[i])
            at = prop[at - 1].hash_next;
        if (at) {
            JS_FreeAtom(ctx, names[i]);
            JS_FreeValue(ctx, values[at - 1]);
            values[at - 1] = values[i];
            continue;
        }
        at = sh->prop_count++;
        prop[at].atom = names[at] = names[i];
        prop[at].flags = JS_PROP_C_W_E;
        prop[at].hash_next = *first;
        *first = at + 1;
        values[at] = values[i];
    }
    sh->hash = sh->prop_count == count ? hash : zigttp_shape_hash(proto, sh->prop_count, names);
    sh->is_hashed = true;
    js_shape_hash_link(rt, sh);
    return JS_NewObjectFromShape(ctx, sh, JS_CLASS_OBJECT, (JSProperty *)values);
}

/* `View` of src/json/view.rs. */
struct zigttp_json_view {
    JSShape *shape;
    JSObject *proto;
    /* Names of its own properties, of which those deleted are null. */
    const JSShapeProperty *names;
    uint32_t name_count;
    /* Of an object the properties' values; of an array the items. */
    const JSProperty *values;
    uint32_t item_count;
    /* Where the text of names is. */
    JSAtomStruct **atoms;
};

enum { ZIGTTP_OTHER, ZIGTTP_OBJECT, ZIGTTP_ARRAY, ZIGTTP_SPARSE_ARRAY };

/* What kind of object this is; all but others are looked into. */
int zigttp_json_view(JSContext *ctx, JSValueConst object, struct zigttp_json_view *view)
{
    JSObject *p = JS_VALUE_GET_OBJ(object);
    JSShape *sh = p->shape;

    view->shape = sh;
    view->proto = sh->proto;
    view->names = get_shape_prop(sh);
    view->name_count = sh->prop_count;
    view->atoms = ctx->rt->atom_array;
    if (p->class_id == JS_CLASS_OBJECT && !p->is_exotic) {
        view->values = p->prop;
        view->item_count = 0;
        return ZIGTTP_OBJECT;
    }
    if (p->class_id != JS_CLASS_ARRAY)
        return ZIGTTP_OTHER;
    /* A length beyond the items is of empty ones. */
    if (!p->fast_array || JS_VALUE_GET_TAG(p->prop[0].u.value) != JS_TAG_INT ||
        JS_VALUE_GET_INT(p->prop[0].u.value) != p->u.array.count) {
        view->values = NULL;
        view->item_count = 0;
        return ZIGTTP_SPARSE_ARRAY;
    }
    view->values = (const JSProperty *)p->u.array.u.values;
    view->item_count = p->u.array.count;
    return ZIGTTP_ARRAY;
}

/* Whether the object has a `toJSON`, or it takes JavaScript to find that out. */
bool zigttp_json_has_to_json(JSContext *ctx, JSValueConst object)
{
    JSObject *p = JS_VALUE_GET_OBJ(object);
    for (; p; p = p->shape->proto)
        if ((p->is_exotic && p->class_id != JS_CLASS_ARRAY) || find_own_property1(p, JS_ATOM_toJSON))
            return true;
    return false;
}

/* The text of a finite number, without a zero behind it; of at most 128 bytes. */
uint32_t zigttp_json_dtoa(char *text, double number)
{
    JSDTOATempMem memory;
    return js_dtoa(text, number, 10, 0, JS_DTOA_FORMAT_FREE, &memory);
}
