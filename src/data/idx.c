/* SPDX-License-Identifier: GPL-3.0-or-later
   idx.c -- one array of the MNIST family's format, by zlib, which also reads what is not
   compressed.  It knows nothing of images or labels. */
#include "data/idx.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include "base/memory.h"

enum {
    DEFLATE_MOST = 1032, /* bytes that one byte of deflate can stand for, RFC 1951 */
    PIECE = 1 << 24      /* gzread counts in unsigned int */
};

static const struct {
    unsigned char code;
    dtype type;
} types[] = {
    {0x08, DTYPE_U8},  {0x09, DTYPE_S8},  {0x0b, DTYPE_S16},
    {0x0c, DTYPE_S32}, {0x0d, DTYPE_F32}, {0x0e, DTYPE_F64},
};

struct idx_file {
    gzFile stream;
    char *path;
    int64_t bytes; /* of the file */
    dtype type;
    shape shape;
};

static status fail_read(const idx_file *f, error *e)
{
    int code = Z_OK;
    const char *why = gzerror(f->stream, &code);
    if (code == Z_OK || code == Z_BUF_ERROR || code == Z_STREAM_END)
        return fail(e, E_FORMAT, "%s: is truncated", f->path);
    if (code == Z_ERRNO)
        return fail(e, E_FILE, "%s: cannot be read: %s", f->path, strerror(errno));
    return fail(e, code == Z_MEM_ERROR ? E_MEMORY : E_FORMAT, "%s: damaged: %s", f->path,
                why);
}

static status take(const idx_file *f, void *to, int64_t bytes, error *e)
{
    for (char *at = to; bytes > 0;) {
        const int got = gzread(f->stream, at, (unsigned)(bytes < PIECE ? bytes : PIECE));
        if (got <= 0)
            return fail_read(f, e);
        at += got;
        bytes -= got;
    }
    return E_OK;
}

static status read_type(const idx_file *f, dtype *type, int *rank, error *e)
{
    unsigned char magic[4];
    TRY(take(f, magic, sizeof magic, e));
    size_t row = 0;
    while (row < sizeof types / sizeof *types && types[row].code != magic[2])
        row++;
    if (magic[0] || magic[1] || row == sizeof types / sizeof *types)
        return fail(e, E_FORMAT,
                    "%s: is no idx file: it begins with %02x %02x %02x %02x, two zeros, "
                    "a type and the number of dimensions were wanted",
                    f->path, magic[0], magic[1], magic[2], magic[3]);
    if (magic[3] < 1 || magic[3] > SHAPE_MAX)
        return fail(e, E_FORMAT, "%s: has %d dimensions, 1 to %d were wanted", f->path,
                    magic[3], SHAPE_MAX);
    *type = types[row].type;
    *rank = magic[3];
    return E_OK;
}

static status read_header(idx_file *f, error *e)
{
    unsigned char size[4];
    char words[128];
    int64_t bytes;
    shape *s = &f->shape;
    TRY(read_type(f, &f->type, &s->rank, e));
    for (int i = 0; i < s->rank; i++) {
        TRY(take(f, size, sizeof size, e));
        s->dim[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    const int64_t count = shape_count(*s);
    const int64_t most = gzdirect(f->stream) ? f->bytes : f->bytes * DEFLATE_MOST;
    if (count < 0 ||
        __builtin_mul_overflow(count, (int64_t)dtype_size(f->type), &bytes) ||
        bytes > most)
        return fail(e, E_FORMAT,
                    "%s: says it holds %s of %s, more than its %lld bytes can stand for",
                    f->path, shape_text(words, *s), dtype_name(f->type),
                    (long long)f->bytes);
    if (count == 0)
        return fail(e, E_SHAPE, "%s: is empty: its shape is %s", f->path,
                    shape_text(words, *s));
    return E_OK;
}

static void from_big_endian(unsigned char *bytes, int64_t count, size_t size)
{
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        return;
    for (int64_t i = 0; size > 1 && i < count; i++, bytes += size)
        for (size_t j = 0; j < size / 2; j++) {
            const unsigned char kept = bytes[j];
            bytes[j] = bytes[size - 1 - j];
            bytes[size - 1 - j] = kept;
        }
}

dtype idx_type(const idx_file *f)
{
    return f->type;
}

shape idx_shape(const idx_file *f)
{
    return f->shape;
}

status idx_take(idx_file *f, void *to, int64_t count, error *e)
{
    const size_t size = dtype_size(f->type);
    TRY(take(f, to, count * (int64_t)size, e));
    from_big_endian(to, count, size);
    return E_OK;
}

status idx_expect_end(idx_file *f, error *e)
{
    unsigned char more;
    const int got = gzread(f->stream, &more, 1);
    if (got < 0)
        return fail_read(f, e);
    return got == 0
               ? E_OK
               : fail(e, E_FORMAT, "%s: goes on behind what its header tells", f->path);
}

static status open_stream(idx_file *f, error *e)
{
    struct stat about;
    if (stat(f->path, &about) != 0)
        return fail(e, E_FILE, "%s: cannot be opened: %s", f->path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return fail(e, E_FILE, "%s: cannot be opened: it is no regular file", f->path);
    f->bytes = about.st_size;
    f->stream = gzopen(f->path, "rbe");
    if (!f->stream)
        return fail(e, E_FILE, "%s: cannot be opened: %s", f->path, strerror(errno));
    gzbuffer(f->stream, 1 << 17);
    return E_OK;
}

idx_file *idx_open(const char *path, error *e)
{
    idx_file *f = memory_new(1, sizeof *f, e);
    if (!f)
        return NULL;
    f->path = memory_text(path, e);
    if (f->path && open_stream(f, e) == E_OK && read_header(f, e) == E_OK)
        return f;
    idx_close(f);
    return NULL;
}

void idx_close(idx_file *f)
{
    if (!f)
        return;
    if (f->stream)
        gzclose(f->stream);
    memory_free(f->path);
    memory_free(f);
}

tensor *idx_read(const char *path, int64_t limit, error *e)
{
    idx_file *f = idx_open(path, e);
    if (!f)
        return NULL;
    shape s = f->shape;
    const bool part = limit < s.dim[0];
    s.dim[0] = part ? limit : s.dim[0];
    tensor *t = tensor_new(f->type, s, e);
    void *data = t ? tensor_write(t, e) : NULL;
    status result = data ? idx_take(f, data, shape_count(s), e) : E_MEMORY;
    if (result == E_OK && !part)
        result = idx_expect_end(f, e);
    idx_close(f);
    if (result == E_OK)
        return t;
    tensor_free(t);
    return NULL;
}
