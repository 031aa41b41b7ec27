/* SPDX-License-Identifier: GPL-3.0-or-later
   safetensors.c -- writing and strict reading of the container.
   What the tensors mean is not its business. */
#include "format/safetensors.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "format/field.h"

#define LENGTH_BYTES 8
#define ALIGNMENT    8 /* of the header's end */
#define HEADER_MAX   (INT64_C(100) << 20)
#define FILE_MAX     ((size_t)1 << 40)
#define METADATA     "__metadata__"

/* The format's names of types; NULL where it has none. */
static const char *const type_names[DTYPE_COUNT] = {
    [DTYPE_F32] = "F32",   [DTYPE_F64] = "F64", [DTYPE_F16] = "F16",
    [DTYPE_BF16] = "BF16", [DTYPE_S8] = "I8",   [DTYPE_U8] = "U8",
    [DTYPE_S16] = "I16",   [DTYPE_U16] = "U16", [DTYPE_S32] = "I32",
    [DTYPE_U32] = "U32",   [DTYPE_S64] = "I64", [DTYPE_U64] = "U64",
    [DTYPE_BOOL] = "BOOL",
};

/* Data are little-endian: on other machines each element is turned round. */
static void swap_elements(void *bytes, size_t length, size_t size)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    char *at = bytes;
    for (size_t i = 0; i + size <= length; i += size)
        for (size_t k = 0; k < size / 2; k++) {
            char first = at[i + k];
            at[i + k] = at[i + size - 1 - k];
            at[i + size - 1 - k] = first;
        }
#else
    (void)bytes;
    (void)length;
    (void)size;
#endif
}

/* ---- writing ---- */

status safetensors_add(safetensors_layout *l, safetensors_item item, error *e,
                       const char *name, ...)
{
    char words[1024];
    va_list arguments;
    va_start(arguments, name);
    int length = vsnprintf(words, sizeof words, name, arguments);
    va_end(arguments);
    if (length < 1 || length >= (int)sizeof words)
        return fail(e, E_NAME,
                    "safetensors: a tensor's name of %d bytes, wanted 1 to %zu", length,
                    sizeof words - 1);
    TRY(memory_grow((void **)&l->items, &l->capacity, l->count + 1, sizeof *l->items, e));
    item.name = memory_text(words, e);
    if (!item.name)
        return E_MEMORY;
    l->items[l->count++] = item;
    return E_OK;
}

void safetensors_layout_clear(safetensors_layout *l)
{
    for (int64_t i = 0; i < l->count; i++)
        memory_free(l->items[i].name);
    memory_free(l->items);
    memory_free(l->words);
    *l = (safetensors_layout){0};
}

static int64_t item_bytes(const safetensors_item *item)
{
    return shape_count(item->shape) * (int64_t)dtype_size(item->type);
}

/* Large elements first, so that each tensor lies aligned: the order in the file. */
static int compare_items(const void *a, const void *b)
{
    const safetensors_item *const *x = a, *const *y = b;
    size_t first = dtype_size((*x)->type), second = dtype_size((*y)->type);
    if (first != second)
        return first > second ? -1 : 1;
    return *x < *y ? -1 : 1;
}

static const safetensors_item **order_items(const safetensors_layout *l, error *e)
{
    const safetensors_item **order = memory_new(l->count, sizeof *order, e);
    for (int64_t i = 0; order && i < l->count; i++)
        order[i] = &l->items[i];
    if (order)
        qsort(order, (size_t)l->count, sizeof *order, compare_items);
    return order;
}

static status put_item(json_t *header, const safetensors_item *item, int64_t begin,
                       error *e)
{
    if (json_object_get(header, item->name))
        return fail(e, E_NAME, "safetensors: two tensors have the name '%s'", item->name);
    json_t *entry = json_object();
    TRY(field_put(header, item->name, entry, e));
    TRY(field_put(entry, "dtype", json_string(type_names[item->type]), e));
    TRY(field_put(entry, "shape", field_from_shape(item->shape), e));
    return field_put(
        entry, "data_offsets",
        json_pack("[I,I]", (json_int_t)begin, (json_int_t)(begin + item_bytes(item))), e);
}

static status build_header(const safetensors_layout *l, const safetensors_item **order,
                           json_t *header, int64_t *data_bytes, error *e)
{
    json_t *metadata = json_object();
    TRY(field_put(header, METADATA, metadata, e));
    TRY(field_put(metadata, l->key, json_string(l->words), e));
    *data_bytes = 0;
    for (int64_t i = 0; i < l->count; i++) {
        TRY(put_item(header, order[i], *data_bytes, e));
        *data_bytes += item_bytes(order[i]);
    }
    return E_OK;
}

/* The header's text, padded with spaces to ALIGNMENT; the caller frees *TEXT. */
static status make_header(const safetensors_layout *l, const safetensors_item **order,
                          char **words, int64_t *length, int64_t *data_bytes, error *e)
{
    json_t *header = json_object();
    status s = header ? build_header(l, order, header, data_bytes, e)
                      : fail(e, E_MEMORY, "json: no room for a header");
    char *dump = s ? NULL : json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (s)
        return s;
    int64_t used = dump ? (int64_t)strlen(dump) : 0;
    *length = (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *words = dump ? memory_new_raw(*length, 1, e) : NULL;
    if (*words) {
        memset(*words, ' ', (size_t)*length);
        memcpy(*words, dump, (size_t)used);
    }
    free(dump);
    if (!*words)
        return fail(e, E_MEMORY, "json: no room for a header");
    if (*length <= HEADER_MAX)
        return E_OK;
    memory_free(*words);
    return fail(e, E_RANGE,
                "safetensors: a header of %lld bytes, at most %lld are allowed",
                (long long)*length, (long long)HEADER_MAX);
}

status safetensors_bytes(const safetensors_layout *l, int64_t *bytes, error *e)
{
    char *header;
    int64_t length, data;
    const safetensors_item **order = order_items(l, e);
    if (!order)
        return E_MEMORY;
    status s = make_header(l, order, &header, &length, &data, e);
    memory_free(order);
    if (s)
        return s;
    memory_free(header);
    *bytes = LENGTH_BYTES + length + data;
    return E_OK;
}

static status put_bytes(FILE *to, const void *bytes, size_t length, const char *path,
                        error *e)
{
    if (fwrite(bytes, 1, length, to) != length)
        return fail(e, E_FILE, "%s: cannot be written", path);
    return E_OK;
}

static status write_items(const safetensors_layout *l, const safetensors_item **order,
                          FILE *to, const char *path, error *e)
{
    for (int64_t i = 0; i < l->count; i++) {
        size_t bytes = (size_t)item_bytes(order[i]);
        void *block = memory_new((int64_t)bytes, 1, e);
        status s = block ? order[i]->fill(order[i], block, e) : E_MEMORY;
        if (!s) {
            swap_elements(block, bytes, dtype_size(order[i]->type));
            s = put_bytes(to, block, bytes, path, e);
        }
        memory_free(block);
        TRY(s);
    }
    return E_OK;
}

static status write_all(const safetensors_layout *l, const safetensors_item **order,
                        FILE *to, const char *path, error *e)
{
    char *header;
    int64_t length, data;
    unsigned char size[LENGTH_BYTES];
    TRY(make_header(l, order, &header, &length, &data, e));
    for (int i = 0; i < LENGTH_BYTES; i++)
        size[i] = (unsigned char)(length >> 8 * i);
    status s = put_bytes(to, size, sizeof size, path, e);
    if (!s)
        s = put_bytes(to, header, (size_t)length, path, e);
    memory_free(header);
    return s ? s : write_items(l, order, to, path, e);
}

status safetensors_write(const safetensors_layout *l, const char *path, error *e)
{
    atomic_file file;
    const safetensors_item **order = order_items(l, e);
    if (!order)
        return E_MEMORY;
    status s = atomic_open(&file, path, e);
    if (!s) {
        s = write_all(l, order, file.stream, path, e);
        if (s)
            atomic_abandon(&file);
        else
            s = atomic_commit(&file, e);
    }
    memory_free(order);
    return s;
}

/* ---- reading ---- */

struct safetensors {
    const char *data; /* behind the header */
    int64_t data_bytes;
    safetensors_entry *entries; /* by name */
    int64_t count;
    json_t *header;
    char *who;
    void *owned; /* the file's bytes, or NULL */
};

static int compare_places(const void *a, const void *b)
{
    const safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int compare_names(const void *a, const void *b)
{
    const safetensors_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static status read_type(const json_t *object, dtype *type, error *e)
{
    const char *words;
    TRY(field_text(object, "dtype", &words, e));
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (type_names[i] && !strcmp(type_names[i], words)) {
            *type = (dtype)i;
            return E_OK;
        }
    return fail(e, E_FORMAT, "the type '%.20s' is unknown", words);
}

static status read_numbers(const json_t *object, const char *key, int least, int most,
                           int64_t *numbers, int *count, error *e)
{
    json_t *list;
    TRY(field_array(object, key, &list, e));
    size_t size = json_array_size(list);
    if (size < (size_t)least || size > (size_t)most)
        return fail(e, E_FORMAT, "the field '%s' has %zu numbers, wanted %d to %d", key,
                    size, least, most);
    for (size_t i = 0; i < size; i++) {
        const json_t *number = json_array_get(list, i);
        if (!json_is_integer(number) || json_integer_value(number) < 0)
            return fail(e, E_FORMAT, "the field '%s' holds something that is no size",
                        key);
        numbers[i] = json_integer_value(number);
    }
    *count = (int)size;
    return E_OK;
}

static status read_entry(const json_t *object, int64_t data_bytes, safetensors_entry *t,
                         error *e)
{
    int64_t place[2], bytes;
    int count;
    char words[128];
    if (!json_is_object(object))
        return fail(e, E_FORMAT, "its entry is no object");
    TRY(read_type(object, &t->type, e));
    TRY(read_numbers(object, "shape", 0, SHAPE_MAX, t->shape.dim, &t->shape.rank, e));
    TRY(read_numbers(object, "data_offsets", 2, 2, place, &count, e));
    t->begin = place[0];
    t->end = place[1];
    if (t->begin > t->end || t->end > data_bytes)
        return fail(e, E_FORMAT, "it lies at %lld to %lld of %lld bytes of data",
                    (long long)t->begin, (long long)t->end, (long long)data_bytes);
    if (shape_count(t->shape) < 0 ||
        __builtin_mul_overflow(shape_count(t->shape), (int64_t)dtype_size(t->type),
                               &bytes) ||
        bytes != t->end - t->begin)
        return fail(e, E_FORMAT,
                    "it is %s of %s in %lld bytes, which do not fit together",
                    type_names[t->type], shape_text(words, t->shape),
                    (long long)(t->end - t->begin));
    return E_OK;
}

static status read_entries(safetensors *f, error *e)
{
    const char *name;
    json_t *object;
    f->entries = memory_new((int64_t)json_object_size(f->header), sizeof *f->entries, e);
    if (!f->entries)
        return E_MEMORY;
    json_object_foreach(f->header, name, object)
    {
        if (!strcmp(name, METADATA))
            continue;
        safetensors_entry *t = &f->entries[f->count++];
        t->name = memory_text(name, e);
        if (!t->name)
            return E_MEMORY;
        if (read_entry(object, f->data_bytes, t, e))
            return fail_prefix(e, "%s: tensor '%.80s'", f->who, name);
    }
    return E_OK;
}

/* One tensor behind the other, from the first byte to the last. */
static status check_places(safetensors *f, error *e)
{
    int64_t at = 0;
    qsort(f->entries, (size_t)f->count, sizeof *f->entries, compare_places);
    for (int64_t i = 0; i < f->count; i++) {
        const safetensors_entry *t = &f->entries[i];
        if (t->begin != at)
            return fail(e, E_FORMAT,
                        "%s: tensor '%.80s' begins at %lld, the one before it "
                        "ends at %lld",
                        f->who, t->name, (long long)t->begin, (long long)at);
        at = t->end;
    }
    if (at != f->data_bytes)
        return fail(e, E_FORMAT, "%s: %lld bytes of data, the tensors fill %lld", f->who,
                    (long long)f->data_bytes, (long long)at);
    qsort(f->entries, (size_t)f->count, sizeof *f->entries, compare_names);
    return E_OK;
}

static status check_metadata(const safetensors *f, error *e)
{
    const char *key;
    json_t *value, *metadata = json_object_get(f->header, METADATA);
    if (!metadata)
        return E_OK;
    if (!json_is_object(metadata))
        return fail(e, E_FORMAT, "%s: its metadata are no object", f->who);
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return fail(e, E_FORMAT, "%s: metadata '%.40s' are no text", f->who, key);
    }
    return E_OK;
}

static status parse_header(safetensors *f, const unsigned char *bytes, size_t length,
                           error *e)
{
    uint64_t size = 0;
    if (length < LENGTH_BYTES)
        return fail(e, E_FORMAT, "%s: %zu bytes are too few for a safetensors file",
                    f->who, length);
    for (int i = 0; i < LENGTH_BYTES; i++)
        size |= (uint64_t)bytes[i] << 8 * i;
    if (size > (uint64_t)HEADER_MAX || size > length - LENGTH_BYTES || size < 2 ||
        bytes[LENGTH_BYTES] != '{')
        return fail(e, E_FORMAT,
                    "%s: no safetensors file, or cut short: a header of %llu bytes in a "
                    "file of %zu",
                    f->who, (unsigned long long)size, length);
    json_error_t wrong;
    f->header = json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)size,
                           JSON_REJECT_DUPLICATES, &wrong);
    if (!json_is_object(f->header))
        return fail(e, E_FORMAT, "%s: its header is no JSON object: %s", f->who,
                    wrong.text);
    f->data = (const char *)bytes + LENGTH_BYTES + size;
    f->data_bytes = (int64_t)(length - LENGTH_BYTES - (size_t)size);
    TRY(check_metadata(f, e));
    TRY(read_entries(f, e));
    return check_places(f, e);
}

safetensors *safetensors_parse(const void *bytes, size_t length, const char *who,
                               error *e)
{
    safetensors *f = memory_new(1, sizeof *f, e);
    if (!f)
        return NULL;
    f->who = memory_text(who, e);
    if (!f->who || parse_header(f, bytes, length, e)) {
        safetensors_free(f);
        return NULL;
    }
    return f;
}

safetensors *safetensors_read(const char *path, error *e)
{
    void *bytes;
    size_t length;
    if (file_read(path, FILE_MAX, &bytes, &length, e))
        return NULL;
    safetensors *f = safetensors_parse(bytes, length, path, e);
    if (f)
        f->owned = bytes;
    else
        memory_free(bytes);
    return f;
}

void safetensors_free(safetensors *f)
{
    if (!f)
        return;
    for (int64_t i = 0; f->entries && i < f->count; i++)
        memory_free(f->entries[i].name);
    memory_free(f->entries);
    json_decref(f->header);
    memory_free(f->who);
    memory_free(f->owned);
    memory_free(f);
}

const char *safetensors_metadata(const safetensors *f, const char *key)
{
    return json_string_value(json_object_get(json_object_get(f->header, METADATA), key));
}

int64_t safetensors_count(const safetensors *f)
{
    return f->count;
}

const safetensors_entry *safetensors_at(const safetensors *f, int64_t i)
{
    return i >= 0 && i < f->count ? &f->entries[i] : NULL;
}

const safetensors_entry *safetensors_find(const safetensors *f, const char *name)
{
    safetensors_entry key = {.name = (char *)name};
    return bsearch(&key, f->entries, (size_t)f->count, sizeof key, compare_names);
}

tensor *safetensors_get(const safetensors *f, dtype type, error *e, const char *name, ...)
{
    char words[1024];
    va_list arguments;
    va_start(arguments, name);
    vsnprintf(words, sizeof words, name, arguments);
    va_end(arguments);
    const safetensors_entry *t = safetensors_find(f, words);
    if (!t || t->type != type) {
        fail(e, E_FORMAT, "%s: tensor '%.80s' is %s, wanted %s", f->who, words,
             t ? type_names[t->type] : "missing", type_names[type]);
        return NULL;
    }
    tensor *result = tensor_new(type, t->shape, e);
    void *data = result ? tensor_write(result, e) : NULL;
    if (!data) {
        tensor_free(result);
        return NULL;
    }
    memcpy(data, f->data + t->begin, (size_t)(t->end - t->begin));
    swap_elements(data, (size_t)(t->end - t->begin), dtype_size(type));
    return result;
}
