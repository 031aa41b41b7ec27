/* SPDX-License-Identifier: GPL-3.0-or-later
   npy.c -- one array in numpy's format.  It trusts no byte: a header is believed only as
   far as the bytes behind it reach. */
#include "data/npy.h"

#include <ctype.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"

enum { HEADER_MOST = 1 << 16 }; /* one of six dimensions has some hundred bytes */

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6 };

/* numpy's kinds of numbers. */
static const struct {
    char kind;
    int size;
    dtype type;
} numbers[] = {
    {'f', 4, DTYPE_F32}, {'f', 8, DTYPE_F64}, {'f', 2, DTYPE_F16}, {'i', 1, DTYPE_S8},
    {'u', 1, DTYPE_U8},  {'i', 2, DTYPE_S16}, {'u', 2, DTYPE_U16}, {'i', 4, DTYPE_S32},
    {'u', 4, DTYPE_U32}, {'i', 8, DTYPE_S64}, {'u', 8, DTYPE_U64}, {'b', 1, DTYPE_BOOL},
};

/* And what else an array may hold, in words. */
static const struct {
    char kind;
    const char *words;
} others[] = {
    {'O', "Python objects"}, {'U', "unicode text"}, {'S', "text"},
    {'a', "text"},           {'V', "records"},      {'c', "complex numbers"},
    {'M', "dates"},          {'m', "time spans"},   {'f', "long floating-point numbers"},
};

/* A place in the header's text, a Python dictionary. */
typedef struct cursor {
    const char *at, *end, *who;
    error *e;
} cursor;

static status fail_header(const cursor *c, const char *wanted)
{
    char found[24];
    size_t n = 0;
    for (const char *p = c->at; p < c->end && n + 1 < sizeof found; p++)
        found[n++] = isprint((unsigned char)*p) ? *p : '?';
    found[n] = 0;
    return fail(c->e, E_FORMAT, "%s: damaged header: %s was wanted at '%s'", c->who,
                wanted, found);
}

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

static bool take(cursor *c, char wanted)
{
    skip_space(c);
    if (c->at >= c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    const size_t length = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A quoted string of at most SIZE - 1 bytes. */
static bool take_string(cursor *c, char *out, size_t size)
{
    skip_space(c);
    if (c->at >= c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char quote = *c->at;
    size_t n = 0;
    for (const char *p = c->at + 1; p < c->end; p++) {
        if (*p == quote) {
            out[n] = 0;
            c->at = p + 1;
            return true;
        }
        if (n + 1 >= size || !isprint((unsigned char)*p))
            return false;
        out[n++] = *p;
    }
    return false;
}

static status fail_type(const cursor *c, const char *description, char kind)
{
    const char *words = "a type that is unknown";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].kind == kind) {
            words = others[i].words;
            break;
        }
    fail(c->e, E_FORMAT, "%s: holds %s (%s), numbers were wanted", c->who, words,
         description);
    return fail_hint(c->e, "save it from numpy as a plain array: x.astype('float32')");
}

static status read_type(cursor *c, npy_header *h)
{
    char words[32];
    skip_space(c);
    if (c->at < c->end && *c->at == '[')
        return fail_type(c, "a list of fields", 'V');
    if (!take_string(c, words, sizeof words))
        return fail_header(c, "a type in quotes");
    const char *kind = words;
    char order = '=';
    if (strchr("<>|=", *kind) && *kind)
        order = *kind++;
    int64_t size = 0;
    if (!*kind)
        return fail_header(c, "a type such as '<f4'");
    if (!text_to_integer(kind + 1, &size))
        size = 0; /* as in '|O' or '<M8[ns]': no number has it */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].kind == *kind && numbers[i].size == size) {
            const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
            h->type = numbers[i].type;
            h->swapped =
                size > 1 && ((order == '<' && !little) || (order == '>' && little));
            return E_OK;
        }
    return fail_type(c, words, *kind);
}

/* "(3, 4)", "(3,)" or "()". */
static status read_shape(cursor *c, npy_header *h)
{
    h->shape = (shape){0};
    if (!take(c, '('))
        return fail_header(c, "a shape in parentheses");
    while (!take(c, ')')) {
        int64_t dimension = 0;
        if (h->shape.rank == SHAPE_MAX)
            return fail(c->e, E_FORMAT, "%s: has more than %d dimensions", c->who,
                        SHAPE_MAX);
        skip_space(c);
        const char *start = c->at;
        for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
            if (__builtin_mul_overflow(dimension, 10, &dimension) ||
                __builtin_add_overflow(dimension, *c->at - '0', &dimension))
                return fail(c->e, E_FORMAT,
                            "%s: damaged header: a dimension is larger than "
                            "any memory",
                            c->who);
        if (c->at == start)
            return fail_header(c, "a dimension");
        take(c, 'L'); /* long integers of Python 2 */
        h->shape.dim[h->shape.rank++] = dimension;
        if (!take(c, ',') && !(c->at < c->end && *c->at == ')'))
            return fail_header(c, "a comma");
    }
    return E_OK;
}

static status read_order(cursor *c, npy_header *h)
{
    h->fortran = take_word(c, "True");
    return h->fortran || take_word(c, "False") ? E_OK : fail_header(c, "True or False");
}

static const struct {
    const char *name;
    status (*read)(cursor *c, npy_header *h);
} keys[] = {{"descr", read_type}, {"fortran_order", read_order}, {"shape", read_shape}};
enum { KEYS = sizeof keys / sizeof *keys };

static status read_dictionary(cursor *c, npy_header *h)
{
    bool seen[KEYS] = {false};
    char name[32];
    if (!take(c, '{'))
        return fail_header(c, "a dictionary");
    while (!take(c, '}')) {
        int key = 0;
        if (!take_string(c, name, sizeof name) || !take(c, ':'))
            return fail_header(c, "a key");
        while (key < KEYS && strcmp(keys[key].name, name) != 0)
            key++;
        if (key == KEYS || seen[key])
            return fail_header(c, "one each of descr, fortran_order and shape");
        seen[key] = true;
        TRY(keys[key].read(c, h));
        skip_space(c);
        if (!take(c, ',') && !(c->at < c->end && *c->at == '}'))
            return fail_header(c, "a comma");
    }
    for (int key = 0; key < KEYS; key++)
        if (!seen[key])
            return fail(c->e, E_FORMAT, "%s: damaged header: it has no %s", c->who,
                        keys[key].name);
    skip_space(c);
    return c->at == c->end ? E_OK : fail_header(c, "the end of the header");
}

enum { PREAMBLE = 12 }; /* bytes that tell how long the header is */

/* The header's length in all; 0 with an error where BYTES are not those of an array. */
static size_t header_length(const void *bytes, size_t length, const char *who, error *e)
{
    const unsigned char *b = bytes;
    if (length == 0) {
        fail(e, E_FORMAT, "%s: is empty, a numpy array was wanted", who);
        return 0;
    }
    if (length < MAGIC || memcmp(b, magic, MAGIC) != 0) {
        fail(e, E_FORMAT, "%s: is no numpy array: it does not begin with \\x93NUMPY",
             who);
        return 0;
    }
    if (length < PREAMBLE) {
        fail(e, E_FORMAT, "%s: ends within its header", who);
        return 0;
    }
    if (b[6] < 1 || b[6] > 3) {
        fail(e, E_FORMAT, "%s: is of version %d of the format, 1 to 3 were wanted", who,
             b[6]);
        return 0;
    }
    const size_t start = b[6] == 1 ? 10 : 12;
    size_t words = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        words |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (words > HEADER_MOST) {
        fail(e, E_FORMAT, "%s: damaged header: %zu bytes long, at most %d were wanted",
             who, words, HEADER_MOST);
        return 0;
    }
    return start + words;
}

static status header_parse(const void *bytes, size_t length, const char *who,
                           npy_header *out, error *e)
{
    const size_t total = header_length(bytes, length, who, e);
    if (total == 0)
        return E_FORMAT;
    if (length < total)
        return fail(e, E_FORMAT, "%s: ends within its header", who);
    const char *b = bytes;
    const size_t start = b[6] == 1 ? 10 : 12;
    cursor c = {b + start, b + total, who, e};
    *out = (npy_header){.start = total};
    TRY(read_dictionary(&c, out));
    const int64_t count = shape_count(out->shape);
    if (count < 0 ||
        __builtin_mul_overflow((size_t)count, dtype_size(out->type), &out->bytes))
        return fail(e, E_FORMAT,
                    "%s: damaged header: its shape has more elements than can be "
                    "counted",
                    who);
    return E_OK;
}

status npy_header_take(status (*fill)(void *context, void *to, size_t bytes, error *e),
                       void *context, size_t length, const char *who, npy_header *out,
                       error *e)
{
    char preamble[PREAMBLE];
    const size_t first = length < sizeof preamble ? length : sizeof preamble;
    TRY(fill(context, preamble, first, e));
    const size_t header = header_length(preamble, first, who, e);
    if (header == 0)
        return E_FORMAT;
    if (header > length || header < first)
        return fail(e, E_FORMAT, "%s: ends within its header", who);
    char *whole = memory_new((int64_t)header, 1, e);
    if (!whole)
        return E_MEMORY;
    memcpy(whole, preamble, first);
    status result = fill(context, whole + first, header - first, e);
    if (result == E_OK)
        result = header_parse(whole, header, who, out, e);
    memory_free(whole);
    return result;
}

static void swap_bytes(unsigned char *bytes, int64_t count, size_t size)
{
    for (int64_t i = 0; i < count; i++, bytes += size)
        for (size_t j = 0; j < size / 2; j++) {
            const unsigned char kept = bytes[j];
            bytes[j] = bytes[size - 1 - j];
            bytes[size - 1 - j] = kept;
        }
}

tensor *npy_array(const npy_header *h,
                  status (*fill)(void *context, void *to, size_t bytes, error *e),
                  void *context, error *e)
{
    const int rank = h->shape.rank;
    int reversed[SHAPE_MAX];
    shape stored = h->shape;
    for (int i = 0; i < rank; i++) {
        reversed[i] = rank - 1 - i;
        if (h->fortran)
            stored.dim[i] = h->shape.dim[rank - 1 - i];
    }
    tensor *t = tensor_new(h->type, stored, e);
    void *data = t ? tensor_write(t, e) : NULL;
    if (!data || fill(context, data, h->bytes, e) != E_OK) {
        tensor_free(t);
        return NULL;
    }
    if (h->swapped)
        swap_bytes(data, tensor_count(t), dtype_size(h->type));
    if (h->fortran && rank > 1) {
        tensor *turned = tensor_permute(t, reversed, e);
        tensor_free(t);
        t = turned;
    }
    return t;
}

static status fill_from_memory(void *context, void *to, size_t bytes, error *e)
{
    (void)e;
    memcpy(to, context, bytes);
    return E_OK;
}

tensor *npy_parse(const void *bytes, size_t length, const char *who, error *e)
{
    npy_header h;
    if (header_parse(bytes, length, who, &h, e) != E_OK)
        return NULL;
    if (length - h.start != h.bytes) {
        char words[128];
        fail(e, E_FORMAT, "%s: %s of %s take %zu bytes, the file has %zu%s", who,
             shape_text(words, h.shape), dtype_name(h.type), h.bytes, length - h.start,
             length - h.start < h.bytes ? ": it is truncated" : "");
        return NULL;
    }
    union {
        const void *from;
        void *to;
    } data = {.from = (const char *)bytes + h.start}; /* fill_from_memory only reads it */
    return npy_array(&h, fill_from_memory, data.to, e);
}

status npy_header_make(const tensor *t, text *words, error *e)
{
    const dtype type = tensor_dtype(t);
    const shape s = tensor_shape(t);
    size_t row = 0;
    while (row < sizeof numbers / sizeof *numbers && numbers[row].type != type)
        row++;
    if (row == sizeof numbers / sizeof *numbers)
        return fail(e, E_FORMAT, "npy: numpy has no type for %s", dtype_name(type));
    text body = {0};
    const char order = numbers[row].size == 1                      ? '|'
                       : __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<'
                                                                   : '>';
    text_addf(&body, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (", order,
              numbers[row].kind, numbers[row].size);
    for (int i = 0; i < s.rank; i++)
        text_addf(&body, "%lld%s", (long long)s.dim[i],
                  i + 1 < s.rank ? ", "
                  : s.rank == 1  ? ","
                                 : "");
    text_add(&body, "), }");
    while (!body.failed &&
           (body.length + 11) % 64 != 0) /* 10 bytes before it, a newline behind */
        text_add(&body, " ");
    text_add(&body, "\n");
    const char preamble[10] = {'\x93',
                               'N',
                               'U',
                               'M',
                               'P',
                               'Y',
                               1,
                               0,
                               (char)(body.length & 0xff),
                               (char)(body.length >> 8)};
    text_add_bytes(words, preamble, sizeof preamble);
    text_add_bytes(words, text_get(&body), body.length);
    const status result = text_ok(&body, e) == E_OK ? text_ok(words, e) : E_MEMORY;
    text_clear(&body);
    return result;
}

status npy_write(const char *path, const tensor *t, error *e)
{
    text header = {0};
    atomic_file file;
    status result = npy_header_make(t, &header, e);
    if (result == E_OK)
        result = atomic_open(&file, path, e);
    if (result == E_OK) {
        /* What the stream refuses it remembers, and atomic_commit asks it. */
        fwrite(header.data, 1, header.length, file.stream);
        fwrite(tensor_data(t), 1, tensor_bytes(t), file.stream);
        result = atomic_commit(&file, e);
    }
    text_clear(&header);
    return result;
}
