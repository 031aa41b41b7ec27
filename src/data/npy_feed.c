/* SPDX-License-Identifier: GPL-3.0-or-later
   npy_feed.c -- numpy's array files, read as a stream.  What a header says is held against
   the length of the file first; the header itself is npy.c's. */
#include "data/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"

typedef struct npy_file {
    FILE *stream;
    char *path;
    npy_header header;
} npy_file;

static status fill(void *context, void *to, size_t bytes, error *e)
{
    npy_file *f = context;
    if (fread(to, 1, bytes, f->stream) == bytes)
        return E_OK;
    if (ferror(f->stream))
        return fail(e, E_FILE, "%s: cannot be read: %s", f->path, strerror(errno));
    return fail(e, E_FORMAT, "%s: ends early: it is truncated", f->path);
}

static status begin_again(void *context, error *e)
{
    npy_file *f = context;
    if (fseeko(f->stream, (off_t)f->header.start, SEEK_SET) == 0)
        return E_OK;
    return fail(e, E_FILE, "%s: cannot be read: %s", f->path, strerror(errno));
}

/* Its length was compared at once. */
static status finish(void *context, error *e)
{
    (void)context, (void)e;
    return E_OK;
}

static void close_file(void *context)
{
    npy_file *f = context;
    if (f->stream)
        fclose(f->stream);
    memory_free(f->path);
    memory_free(f);
}

/* Devices and pipes are refused, and never waited for. */
static status open_file(npy_file *f, size_t *length, error *e)
{
    struct stat about;
    const int file = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return fail(e, E_FILE, "%s: cannot be opened: %s", f->path, strerror(errno));
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(file);
        return fail(e, E_FILE, "%s: cannot be opened: it is no regular file", f->path);
    }
    *length = (size_t)about.st_size;
    f->stream = fdopen(file, "rb");
    if (f->stream)
        return E_OK;
    close(file);
    return fail(e, E_MEMORY, "%s: cannot be opened: %s", f->path, strerror(errno));
}

static status read_header(npy_file *f, size_t length, error *e)
{
    char words[128];
    TRY(npy_header_take(fill, f, length, f->path, &f->header, e));
    const size_t bytes = length - f->header.start;
    if (bytes == f->header.bytes)
        return E_OK;
    return fail(e, E_FORMAT, "%s: %s of %s take %zu bytes, the file has %zu%s", f->path,
                shape_text(words, f->header.shape), dtype_name(f->header.type),
                f->header.bytes, bytes,
                bytes < f->header.bytes ? ": it is truncated" : "");
}

static npy_file *open_array(const char *path, error *e)
{
    size_t length = 0;
    npy_file *f = memory_new(1, sizeof *f, e);
    if (!f)
        return NULL;
    f->path = memory_text(path, e);
    if (f->path && open_file(f, &length, e) == E_OK && read_header(f, length, e) == E_OK)
        return f;
    close_file(f);
    return NULL;
}

status npy_feed(const char *path, array_feed *out, error *e)
{
    *out = (array_feed){0};
    npy_file *f = open_array(path, e);
    if (!f)
        return E_FORMAT;
    *out = (array_feed){.type = f->header.type,
                        .swapped = f->header.swapped,
                        .fortran = f->header.fortran,
                        .shape = f->header.shape,
                        .who = memory_text(path, e),
                        .context = f,
                        .fill = fill,
                        .rewind = begin_again,
                        .finish = finish,
                        .close = close_file};
    if (out->who)
        return E_OK;
    array_feed_close(out);
    return E_MEMORY;
}

tensor *npy_read(const char *path, error *e)
{
    npy_file *f = open_array(path, e);
    if (!f)
        return NULL;
    tensor *t = npy_array(&f->header, fill, f, e);
    close_file(f);
    return t;
}
