/* SPDX-License-Identifier: GPL-3.0-or-later
   hdf5_read.c -- the child's side: a box of a dataset by libhdf5, written to a pipe.  It
   may crash; hdf5_file.c is prepared for that. */
#include "data/hdf5_parts.h"

#include <hdf5.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/text.h"

enum { NAMES_SHOWN = 12 };

typedef struct hdf5_open {
    const hdf5_question *q;
    hid_t file, set, space;
    hsize_t start[SHAPE_MAX], count[SHAPE_MAX];
    int rank;
    error *e;
} hdf5_open;

static status say(int pipe, const void *bytes, size_t length)
{
    for (const char *at = bytes; length > 0;) {
        const ssize_t written = write(pipe, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return E_FILE;
        at += written;
        length -= (size_t)written;
    }
    return E_OK;
}

typedef struct names_found {
    text words;
    int count;
} names_found;

static herr_t note_name(hid_t at, const char *name, const H5O_info_t *about,
                        void *context)
{
    names_found *found = context;
    (void)at;
    if (about->type != H5O_TYPE_DATASET)
        return 0;
    if (found->count < NAMES_SHOWN)
        text_addf(&found->words, "%s%.80s", found->count ? ", " : "", name);
    return ++found->count > NAMES_SHOWN; /* more than zero ends the visit */
}

static status fail_name(const hdf5_open *o)
{
    names_found found = {0};
    H5Ovisit2(o->file, H5_INDEX_NAME, H5_ITER_INC, note_name, &found, H5O_INFO_BASIC);
    char *names = text_take(&found.words, NULL);
    for (char *at = names; at && *at; at++)
        if ((unsigned char)*at < ' ')
            *at = '?';
    fail(o->e, E_NAME, "%s: has no dataset '%s'", o->q->file, o->q->path);
    fail_hint(o->e, "it has: %s%s", names && *names ? names : "none",
              found.count > NAMES_SHOWN ? ", ..." : "");
    memory_free(names);
    return E_NAME;
}

static status check_type(const hdf5_open *o)
{
    const hid_t type = H5Dget_type(o->set);
    const H5T_class_t kind = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    if (type >= 0)
        H5Tclose(type);
    return kind == H5T_INTEGER || kind == H5T_FLOAT
               ? E_OK
               : fail(o->e, E_FORMAT, "%s: %s holds no plain numbers", o->q->file,
                      o->q->path);
}

/* A chunk is unpacked whole, whatever is wanted of it. */
static status check_chunks(const hdf5_open *o)
{
    hsize_t side[SHAPE_MAX];
    double bytes = 8;
    const hid_t list = H5Dget_create_plist(o->set);
    if (list < 0)
        return fail(o->e, E_FORMAT, "%s: %s is damaged", o->q->file, o->q->path);
    if (H5Pget_layout(list) == H5D_CHUNKED && H5Pget_chunk(list, o->rank, side) > 0)
        for (int i = 0; i < o->rank; i++)
            bytes *= (double)side[i];
    H5Pclose(list);
    return bytes <= (double)o->q->room
               ? E_OK
               : fail(o->e, E_MEMORY,
                      "%s: %s has chunks of %.3g bytes, more than there "
                      "is memory for",
                      o->q->file, o->q->path, bytes);
}

static status check_rank(hdf5_open *o)
{
    o->rank = H5Sget_simple_extent_ndims(o->space);
    if (o->rank < 1 || o->rank > SHAPE_MAX || (o->q->rank && o->rank != o->q->rank))
        return fail(o->e, E_SHAPE, "%s: %s has %d dimensions, %d were wanted", o->q->file,
                    o->q->path, o->rank, o->q->rank ? o->q->rank : SHAPE_MAX);
    return E_OK;
}

static status open_set(hdf5_open *o)
{
    const hdf5_question *q = o->q;
    o->file = H5Fopen(q->file, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (o->file < 0)
        return fail(o->e, E_FORMAT, "%s: is no HDF5 file, or it is damaged or cut off",
                    q->file);
    o->set = H5Dopen2(o->file, q->path, H5P_DEFAULT);
    if (o->set < 0)
        return fail_name(o);
    o->space = H5Dget_space(o->set);
    if (o->space < 0)
        return fail(o->e, E_FORMAT, "%s: %s is damaged", q->file, q->path);
    TRY(check_type(o));
    TRY(check_rank(o));
    return check_chunks(o);
}

/* The box within what the dataset has. */
static status place_box(hdf5_open *o, shape *s)
{
    const hdf5_box *box = o->q->box;
    hsize_t size[SHAPE_MAX];
    if (H5Sget_simple_extent_dims(o->space, size, NULL) != o->rank)
        return fail(o->e, E_FORMAT, "%s: %s is damaged", o->q->file, o->q->path);
    *s = (shape){.rank = o->rank};
    for (int i = 0; i < o->rank; i++) {
        const hsize_t start = (hsize_t)box->start[i];
        hsize_t count = (hsize_t)box->count[i];
        if (size[i] > INT64_MAX || start >= size[i] || count > size[i] - start)
            return fail(o->e, E_RANGE,
                        "%s: %s: dimension %d has %llu places, %lld from %lld on were "
                        "wanted",
                        o->q->file, o->q->path, i, (unsigned long long)size[i],
                        (long long)(count ? count : 1), (long long)start);
        count = count ? count : size[i] - start;
        if (i == box->limited && count > (hsize_t)box->limit)
            count = (hsize_t)box->limit;
        o->start[i] = start;
        o->count[i] = count;
        s->dim[i] = (int64_t)count;
    }
    const int64_t count = shape_count(*s);
    if (count < 0 || (uint64_t)count > o->q->most / sizeof(float))
        return fail(o->e, E_MEMORY,
                    "%s: %s says it holds more than there is memory for, and than the "
                    "bytes of the file can stand for",
                    o->q->file, o->q->path);
    return E_OK;
}

/* Numbers of the box from row BEGIN to END of dimension SPLIT, all dimensions before it
   having one place only. */
static status read_rows(const hdf5_open *o, int split, hsize_t begin, hsize_t end,
                        float *to)
{
    hsize_t start[SHAPE_MAX], count[SHAPE_MAX];
    memcpy(start, o->start, sizeof start);
    memcpy(count, o->count, sizeof count);
    start[split] += begin;
    count[split] = end - begin;
    if (H5Sselect_hyperslab(o->space, H5S_SELECT_SET, start, NULL, count, NULL) < 0)
        return E_FORMAT;
    const hid_t memory = H5Screate_simple(o->rank, count, NULL);
    if (memory < 0)
        return E_MEMORY;
    const herr_t got =
        H5Dread(o->set, H5T_NATIVE_FLOAT, memory, o->space, H5P_DEFAULT, to);
    H5Sclose(memory);
    return got < 0 ? E_FORMAT : E_OK;
}

/* Every answer comes with its status, so that a read that fails later is heard of. */
static status send_numbers(const hdf5_open *o)
{
    int split = 0;
    while (split + 1 < o->rank && o->count[split] == 1)
        split++;
    int64_t row = 1;
    for (int i = split + 1; i < o->rank; i++)
        row *= (int64_t)o->count[i];
    const hsize_t step = row < HDF5_PIECE ? (hsize_t)(HDF5_PIECE / row) : 1;
    const hsize_t most = step < o->count[split] ? step : o->count[split];
    float *numbers = memory_new_raw((int64_t)most * row, sizeof *numbers, NULL);
    if (!numbers)
        return E_MEMORY;
    status result = E_OK;
    for (hsize_t at = 0; at < o->count[split] && result == E_OK; at += step) {
        const hsize_t end = at + step < o->count[split] ? at + step : o->count[split];
        result = read_rows(o, split, at, end, numbers);
        const int32_t told = result;
        if (say(o->q->pipe, &told, sizeof told) != E_OK)
            break;
        const size_t count = (size_t)(end - at) * (size_t)row;
        if (result == E_OK)
            result = say(o->q->pipe, numbers, count * sizeof *numbers);
    }
    memory_free(numbers);
    return result;
}

void hdf5_answer_question(const hdf5_question *q)
{
    hdf5_answer answer = {0};
    hdf5_open o = {q, -1, -1, -1, {0}, {0}, 0, &answer.why};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    status result = open_set(&o);
    if (result == E_OK)
        result = place_box(&o, &answer.shape);
    if (say(q->pipe, &answer, sizeof answer) == E_OK && result == E_OK)
        send_numbers(&o);
    if (o.space >= 0)
        H5Sclose(o.space);
    if (o.set >= 0)
        H5Dclose(o.set);
    if (o.file >= 0)
        H5Fclose(o.file);
}
