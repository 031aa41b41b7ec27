/* SPDX-License-Identifier: GPL-3.0-or-later
   npz.c -- archives of numpy arrays, by libzip.  What an entry says about itself is held
   against what the archive says, and that against memory, before any is taken. */
#include "data/npy.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>
#include "base/file.h"
#include "base/memory.h"

enum {
    DEFLATE_MOST = 1032, /* bytes that one byte of deflate can stand for, RFC 1951 */
    NAMES_SHOWN = 12
};
static const char ending[] = ".npy";

typedef struct npz_entry {
    zip_uint64_t index;
    char *name;
} npz_entry;

struct npz {
    zip_t *archive;
    char *path;
    size_t bytes; /* of the archive */
    int64_t count;
    npz_entry *entries;
};

/* Names come from strangers: what cannot be printed becomes '?'. */
static char *clean_name(const char *name, size_t length, error *e)
{
    char *clean = memory_new((int64_t)length + 1, 1, e);
    for (size_t i = 0; clean && i < length; i++)
        clean[i] = iscntrl((unsigned char)name[i]) ? '?' : name[i];
    return clean;
}

static status list_entries(npz *z, error *e)
{
    const zip_int64_t total = zip_get_num_entries(z->archive, 0);
    z->entries = memory_new(total > 0 ? total : 0, sizeof *z->entries, e);
    if (!z->entries)
        return E_MEMORY;
    for (zip_int64_t i = 0; i < total; i++) {
        const char *name = zip_get_name(z->archive, (zip_uint64_t)i, ZIP_FL_ENC_GUESS);
        if (!name || !text_ends(name, ending))
            continue;
        z->entries[z->count].index = (zip_uint64_t)i;
        z->entries[z->count].name = clean_name(name, strlen(name) - strlen(ending), e);
        if (!z->entries[z->count].name)
            return E_MEMORY;
        z->count++;
    }
    if (z->count == 0)
        return fail(e, E_FORMAT,
                    "%s: the archive holds no arrays (%lld files, none of them "
                    ".npy)",
                    z->path, (long long)total);
    return E_OK;
}

static status fail_open(const char *path, int code, int reason, error *e)
{
    zip_error_t about;
    if (code == ZIP_ER_NOENT || code == ZIP_ER_OPEN)
        return fail(e, E_FILE, "%s: cannot be opened: %s", path, strerror(reason));
    if (code == ZIP_ER_NOZIP)
        return fail(e, E_FORMAT,
                    "%s: is no npz archive, or it is cut off: there is no zip "
                    "directory at its end",
                    path);
    zip_error_init_with_code(&about, code);
    const status result =
        fail(e, code == ZIP_ER_MEMORY ? E_MEMORY : E_FORMAT, "%s: damaged archive: %s",
             path, zip_error_strerror(&about));
    zip_error_fini(&about);
    return result;
}

static status check_file(npz *z, error *e)
{
    struct stat about;
    if (stat(z->path, &about) != 0)
        return fail(e, E_FILE, "%s: cannot be opened: %s", z->path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return fail(e, E_FILE, "%s: cannot be opened: it is no regular file", z->path);
    if (about.st_size == 0)
        return fail(e, E_FORMAT, "%s: is empty, an npz archive was wanted", z->path);
    z->bytes = (size_t)about.st_size;
    return E_OK;
}

npz *npz_open(const char *path, error *e)
{
    int code = 0;
    npz *z = memory_new(1, sizeof *z, e);
    if (!z)
        return NULL;
    z->path = memory_text(path, e);
    if (z->path && check_file(z, e) == E_OK) {
        errno = 0;
        z->archive = zip_open(path, ZIP_RDONLY, &code);
        if (!z->archive)
            fail_open(path, code, errno, e);
    }
    if (!z->archive || list_entries(z, e) != E_OK) {
        npz_close(z);
        return NULL;
    }
    return z;
}

void npz_close(npz *z)
{
    if (!z)
        return;
    if (z->archive)
        zip_discard(z->archive);
    for (int64_t i = 0; i < z->count; i++)
        memory_free(z->entries[i].name);
    memory_free(z->entries);
    memory_free(z->path);
    memory_free(z);
}

int64_t npz_count(const npz *z)
{
    return z->count;
}

const char *npz_name(const npz *z, int64_t i)
{
    return z->entries[i].name;
}

static int64_t find(const npz *z, const char *entry)
{
    for (int64_t i = 0; i < z->count; i++)
        if (strcmp(z->entries[i].name, entry) == 0)
            return i;
    return -1;
}

bool npz_has(const npz *z, const char *entry)
{
    return find(z, entry) >= 0;
}

static status fail_missing(const npz *z, const char *entry, error *e)
{
    text names = {0};
    for (int64_t i = 0; i < z->count && i < NAMES_SHOWN; i++)
        text_addf(&names, "%s%s", i ? ", " : "", z->entries[i].name);
    if (z->count > NAMES_SHOWN)
        text_add(&names, ", ...");
    fail(e, E_NAME, "%s: has no array '%s'; it has %s", z->path, entry, text_get(&names));
    text_clear(&names);
    return E_NAME;
}

/* An entry being read. */
typedef struct entry_stream {
    zip_file_t *file;
    char *who;
    size_t size; /* bytes of the entry, as the archive says */
    npy_header header;
} entry_stream;

static status read_exactly(void *context, void *to, size_t bytes, error *e)
{
    entry_stream *s = context;
    for (size_t done = 0; done < bytes;) {
        const zip_int64_t got = zip_fread(s->file, (char *)to + done, bytes - done);
        if (got < 0)
            return fail(e, E_FORMAT, "%s: damaged: %s", s->who,
                        zip_error_strerror(zip_file_get_error(s->file)));
        if (got == 0)
            return fail(e, E_FORMAT, "%s: ends after %zu of %zu bytes: it is truncated",
                        s->who, done, bytes);
        done += (size_t)got;
    }
    return E_OK;
}

/* The checksum is compared where the entry ends. */
static status expect_end(entry_stream *s, error *e)
{
    char byte;
    const zip_int64_t got = zip_fread(s->file, &byte, 1);
    if (got < 0)
        return fail(e, E_FORMAT, "%s: damaged: %s", s->who,
                    zip_error_strerror(zip_file_get_error(s->file)));
    if (got > 0)
        return fail(e, E_FORMAT, "%s: goes on behind its array", s->who);
    return E_OK;
}

static status check_size(const npz *z, const entry_stream *s, const zip_stat_t *about,
                         error *e)
{
    char words[128];
    const npy_header *h = &s->header;
    const bool stored = about->comp_method == ZIP_CM_STORE;
    if (!stored && about->comp_method != ZIP_CM_DEFLATE)
        return fail(e, E_FORMAT, "%s: is packed by method %d, numpy stores or deflates",
                    s->who, about->comp_method);
    if (about->comp_size > z->bytes || (stored && about->comp_size != about->size) ||
        about->size / DEFLATE_MOST > about->comp_size)
        return fail(e, E_FORMAT,
                    "%s: damaged: %llu packed bytes in an archive of %zu cannot "
                    "hold %llu",
                    s->who, (unsigned long long)about->comp_size, z->bytes,
                    (unsigned long long)about->size);
    if (s->size - h->start != h->bytes)
        return fail(e, E_FORMAT,
                    "%s: %s of %s take %zu bytes, the archive has %zu of them", s->who,
                    shape_text(words, h->shape), dtype_name(h->type), h->bytes,
                    s->size - h->start);
    return E_OK;
}

static void stream_close(entry_stream *s)
{
    if (s->file)
        zip_fclose(s->file);
    memory_free(s->who);
    *s = (entry_stream){0};
}

/* Opens ENTRY and reads its header. */
static status stream_open(npz *z, const char *entry, entry_stream *s, error *e)
{
    *s = (entry_stream){0};
    const int64_t i = find(z, entry);
    if (i < 0)
        return fail_missing(z, entry, e);
    zip_stat_t about;
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    s->who = memory_format(e, "%s: %s", z->path, entry);
    if (!s->who)
        return E_MEMORY;
    status result = E_OK;
    zip_stat_init(&about);
    if (zip_stat_index(z->archive, z->entries[i].index, 0, &about) != 0 ||
        (about.valid & wanted) != wanted || about.size > PTRDIFF_MAX)
        result =
            fail(e, E_FORMAT, "%s: damaged: the archive does not say its size", s->who);
    if (result == E_OK) {
        s->size = (size_t)about.size;
        s->file = zip_fopen_index(z->archive, z->entries[i].index, 0);
        if (!s->file)
            result = fail(e, E_FORMAT, "%s: cannot be read: %s", s->who,
                          zip_strerror(z->archive));
    }
    if (result == E_OK)
        result = npy_header_take(read_exactly, s, s->size, s->who, &s->header, e);
    if (result == E_OK)
        result = check_size(z, s, &about, e);
    if (result != E_OK)
        stream_close(s);
    return result;
}

/* An entry that is fed: as a stream, and what opens it anew. */
typedef struct entry_feed {
    entry_stream stream;
    npz *archive;
    char *entry;
} entry_feed;

static status feed_fill(void *context, void *to, size_t bytes, error *e)
{
    entry_feed *f = context;
    return read_exactly(&f->stream, to, bytes, e);
}

static status feed_rewind(void *context, error *e)
{
    entry_feed *f = context;
    stream_close(&f->stream);
    return stream_open(f->archive, f->entry, &f->stream, e);
}

static status feed_finish(void *context, error *e)
{
    entry_feed *f = context;
    return expect_end(&f->stream, e);
}

static void feed_close(void *context)
{
    entry_feed *f = context;
    stream_close(&f->stream);
    memory_free(f->entry);
    memory_free(f);
}

status npz_feed(npz *z, const char *entry, array_feed *out, error *e)
{
    *out = (array_feed){0};
    entry_feed *f = memory_new(1, sizeof *f, e);
    if (!f)
        return E_MEMORY;
    f->archive = z;
    f->entry = memory_text(entry, e);
    const status result = f->entry ? stream_open(z, entry, &f->stream, e) : E_MEMORY;
    if (result == E_OK)
        out->who = memory_text(f->stream.who, e);
    if (!out->who) {
        feed_close(f);
        return result == E_OK ? E_MEMORY : result;
    }
    const npy_header *h = &f->stream.header;
    out->type = h->type;
    out->swapped = h->swapped;
    out->fortran = h->fortran;
    out->shape = h->shape;
    out->context = f;
    out->fill = feed_fill;
    out->rewind = feed_rewind;
    out->finish = feed_finish;
    out->close = feed_close;
    return E_OK;
}

status npz_describe(npz *z, const char *entry, npy_header *out, error *e)
{
    entry_stream s;
    TRY(stream_open(z, entry, &s, e));
    *out = s.header;
    stream_close(&s);
    return E_OK;
}

/* Twice, because most readers convert what they get. */
static status check_memory(const entry_stream *s, error *e)
{
    char wanted[32], room[32];
    const size_t available = memory_available();
    if (s->header.bytes <= available / 2)
        return E_OK;
    fail(e, E_MEMORY, "%s: %s do not fit twice into the %s of memory left", s->who,
         text_bytes(wanted, (double)s->header.bytes),
         text_bytes(room, (double)available));
    return fail_hint(e, "read fewer samples with limit=");
}

tensor *npz_read_first(npz *z, const char *entry, int64_t rows, error *e)
{
    entry_stream s;
    if (stream_open(z, entry, &s, e) != E_OK)
        return NULL;
    npy_header *h = &s.header;
    /* In Fortran order the first rows lie scattered over the whole array. */
    const bool part = h->shape.rank > 0 && rows < h->shape.dim[0] && !h->fortran;
    if (part) {
        h->shape.dim[0] = rows;
        h->bytes = (size_t)shape_count(h->shape) * dtype_size(h->type);
    }
    tensor *t = NULL;
    if (check_memory(&s, e) == E_OK)
        t = npy_array(h, read_exactly, &s, e);
    if (t && !part && expect_end(&s, e) != E_OK) {
        tensor_free(t);
        t = NULL;
    }
    stream_close(&s);
    return t;
}

tensor *npz_read(npz *z, const char *entry, error *e)
{
    return npz_read_first(z, entry, INT64_MAX, e);
}

/* A header and its array as one file of the archive, both lent until it is closed. */
static status add_entry(zip_t *archive, const char *path, const char *name, text *header,
                        const tensor *t, error *e)
{
    zip_buffer_fragment_t parts[2];
    zip_error_t about;
    union {
        const void *from;
        zip_uint8_t *to;
    } data = {.from = tensor_data(t)}; /* libzip only reads it */
    parts[0] = (zip_buffer_fragment_t){(zip_uint8_t *)header->data, header->length};
    parts[1] = (zip_buffer_fragment_t){data.to, tensor_bytes(t)};
    char *file = memory_format(e, "%s%s", name, ending);
    if (!file)
        return E_MEMORY;
    zip_error_init(&about);
    zip_source_t *source =
        zip_source_buffer_fragment_create(parts, parts[1].length ? 2 : 1, 0, &about);
    zip_error_fini(&about);
    const zip_int64_t index =
        source ? zip_file_add(archive, file, source, ZIP_FL_ENC_UTF_8) : -1;
    memory_free(file);
    if (index < 0) {
        zip_source_free(source);
        return fail(e, E_FILE, "%s: cannot be written: %s: %s", path, name,
                    zip_strerror(archive));
    }
    /* Always the same time, the first that zip knows: the same data, the same bytes. */
    const zip_uint16_t midnight = 0, first_of_1980 = 1 << 5 | 1;
    const zip_uint64_t at = (zip_uint64_t)index;
    if (zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, at, midnight, first_of_1980, 0) != 0)
        return fail(e, E_FILE, "%s: cannot be written: %s", path, zip_strerror(archive));
    return E_OK;
}

static status write_archive(const char *at, const char *path, const char *const *names,
                            const tensor *const *tensors, text *headers, int64_t count,
                            error *e)
{
    int code = 0;
    zip_t *archive = zip_open(at, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!archive)
        return fail_open(path, code, errno, e);
    for (int64_t i = 0; i < count; i++) {
        status result = npy_header_make(tensors[i], &headers[i], e);
        if (result == E_OK)
            result = add_entry(archive, path, names[i], &headers[i], tensors[i], e);
        if (result != E_OK) {
            zip_discard(archive);
            return result;
        }
    }
    if (zip_close(archive) != 0) {
        fail(e, E_FILE, "%s: cannot be written: %s", path, zip_strerror(archive));
        zip_discard(archive);
        return E_FILE;
    }
    return E_OK;
}

status npz_write(const char *path, const char *const *names, const tensor *const *tensors,
                 int64_t count, error *e)
{
    atomic_file file;
    TRY(atomic_open(&file, path, e));
    if (!file.beside) {
        atomic_abandon(&file);
        return fail(e, E_FILE, "%s: cannot be written: an archive wants a regular file",
                    path);
    }
    text *headers = memory_new(count, sizeof *headers, e);
    status result =
        headers ? write_archive(file.beside, path, names, tensors, headers, count, e)
                : E_MEMORY;
    for (int64_t i = 0; headers && i < count; i++)
        text_clear(&headers[i]);
    memory_free(headers);
    /* libzip put a new file in the place of the stream's: that one is to be synced. */
    if (result == E_OK) {
        FILE *written = fopen(file.beside, "r+be");
        if (!written)
            result = fail(e, E_FILE, "%s: cannot be written: %s", path, strerror(errno));
        else {
            fclose(file.stream);
            file.stream = written;
        }
    }
    if (result != E_OK) {
        atomic_abandon(&file);
        return result;
    }
    return atomic_commit(&file, e);
}
