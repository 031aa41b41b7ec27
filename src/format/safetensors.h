/* SPDX-License-Identifier: GPL-3.0-or-later
   safetensors.h -- the container: named tensors behind one JSON header, and one text of
   metadata.  It knows no model.  Source of the format:
   https://github.com/huggingface/safetensors (README, "Format"):
   8 bytes length of the header, little-endian; the header, padded with spaces; data.

   Readers take files from strangers: every name, type, shape and offset is checked, and
   the tensors must fill the data part without overlap or hole. */
#ifndef LATHE_FORMAT_SAFETENSORS_H
#define LATHE_FORMAT_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "tensor/tensor.h"

/* ---- writing: what shall be in the file ---- */

typedef struct safetensors_item {
    char *name; /* owned by the layout */
    dtype type;
    shape shape;
    /* Writes the tensor's bytes, in the machine's order. */
    status (*fill)(const struct safetensors_item *item, void *bytes, error *e);
    const void *source; /* for fill; lent until the file is written */
    int number;         /* for fill */
} safetensors_item;

typedef struct safetensors_layout {
    safetensors_item *items;
    int64_t count, capacity;
    const char *key; /* of the metadata; lent */
    char *words;     /* its text, UTF-8; owned */
} safetensors_layout;

/* Adds ITEM under the formatted name; the item's own name is not read. */
status safetensors_add(safetensors_layout *l, safetensors_item item, error *e,
                       const char *name, ...) __attribute__((format(printf, 4, 5)));
void safetensors_layout_clear(safetensors_layout *l);

/* Bytes of the file; the file itself, written atomically. */
status safetensors_bytes(const safetensors_layout *l, int64_t *bytes, error *e);
status safetensors_write(const safetensors_layout *l, const char *path, error *e);

/* ---- reading ---- */

typedef struct safetensors safetensors;

/* BYTES are lent and must outlive the result; WHO names them in messages. */
safetensors *safetensors_parse(const void *bytes, size_t length, const char *who,
                               error *e);
safetensors *safetensors_read(const char *path, error *e);
void safetensors_free(safetensors *f); /* NULL is fine */

const char *safetensors_metadata(const safetensors *f, const char *key); /* or NULL */

typedef struct safetensors_entry {
    char *name;
    dtype type;
    shape shape;
    int64_t begin, end; /* bytes behind the header */
} safetensors_entry;

int64_t safetensors_count(const safetensors *f);
const safetensors_entry *safetensors_at(const safetensors *f, int64_t i); /* by name */
const safetensors_entry *safetensors_find(const safetensors *f, const char *name);
/* The tensor of the formatted name, which must be of TYPE: E_FORMAT where it is not. */
tensor *safetensors_get(const safetensors *f, dtype type, error *e, const char *name, ...)
    __attribute__((format(printf, 4, 5)));

#endif
