/* SPDX-License-Identifier: GPL-3.0-or-later
   npy.h -- numpy's array files and archives of them.  Source of the format:
   https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
   Readers take files from strangers: every size is checked before memory is taken. */
#ifndef LATHE_DATA_NPY_H
#define LATHE_DATA_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"
#include "data/array_feed.h"
#include "tensor/tensor.h"

/* Parses LENGTH bytes of an .npy file: any numpy integer, float16/32/64 or bool, either
   byte order, C or Fortran order; WHO names it in messages.  The tensor keeps numpy's
   dimension order, native byte order, C order. */
tensor *npy_parse(const void *bytes, size_t length, const char *who, error *e);
tensor *npy_read(const char *path, error *e);
/* The same block by block; array_feed_close ends it.  The status tells what failed. */
status npy_feed(const char *path, array_feed *out, error *e);
status npy_write(const char *path, const tensor *t, error *e); /* atomic */

/* The parts of the above, for archives: a header, and the array behind it. */
typedef struct npy_header {
    dtype type;
    bool swapped; /* the bytes of each number stand in the other order */
    bool fortran; /* the first dimension runs fastest */
    shape shape;  /* as numpy gives it */
    size_t start; /* bytes before the array */
    size_t bytes; /* of the array */
} npy_header;

/* The header of LENGTH bytes, taken by FILL from their beginning; what FILL gives next is
   the array. */
status npy_header_take(status (*fill)(void *context, void *to, size_t bytes, error *e),
                       void *context, size_t length, const char *who, npy_header *out,
                       error *e);
/* The array that H describes; FILL puts exactly that many bytes, as they stand in the
   file, TO memory. */
tensor *npy_array(const npy_header *h,
                  status (*fill)(void *context, void *to, size_t bytes, error *e),
                  void *context, error *e);
/* A header for T in TEXT (64-byte aligned as numpy's); E_FORMAT for types numpy lacks. */
status npy_header_make(const tensor *t, text *words, error *e);

/* An .npz archive. */
typedef struct npz npz;
npz *npz_open(const char *path, error *e);
void npz_close(npz *z);
int64_t npz_count(const npz *z);
const char *npz_name(const npz *z, int64_t i); /* entry without ".npy" */
bool npz_has(const npz *z, const char *entry);
/* E_NAME lists what there is. */
tensor *npz_read(npz *z, const char *entry, error *e);
/* The same, but of the first dimension at most ROWS; what lies behind is not read. */
tensor *npz_read_first(npz *z, const char *entry, int64_t rows, error *e);
/* An entry block by block; array_feed_close ends it, before the archive is closed. */
status npz_feed(npz *z, const char *entry, array_feed *out, error *e);
/* Type and shape alone. */
status npz_describe(npz *z, const char *entry, npy_header *out, error *e);
/* Writes COUNT tensors under their names, atomically. */
status npz_write(const char *path, const char *const *names, const tensor *const *tensors,
                 int64_t count, error *e);

#endif
