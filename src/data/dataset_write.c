/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset_write.c -- datasets into archives of numpy arrays, in the outside's order
   (N,C,H,W).  It reads nothing back: dataset_file.c does. */
#include "data/dataset_file.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

/* What the archive will hold; tensors are owned, names lent. */
typedef struct writing {
    const char **names;
    tensor **tensors;
    int64_t count;
} writing;

/* Takes T, also where it is NULL after a failure. */
static status add(writing *w, const char *name, tensor *t)
{
    if (!t)
        return E_MEMORY;
    w->names[w->count] = name;
    w->tensors[w->count++] = t;
    return E_OK;
}

/* Densities and their gradients, as the published files have them. */
static bool is_published(const dataset *d)
{
    if (!text_equal(d->input_name, "density") || !d->target ||
        !text_equal(d->target_name, "phase gradient"))
        return false;
    const shape input = tensor_shape(d->input), target = tensor_shape(d->target);
    return input.rank == 4 && input.dim[3] == 1 && target.rank == 4 && target.dim[3] == 2;
}

static tensor *to_outside(const tensor *t, error *e)
{
    int order[SHAPE_MAX];
    tensor_order_to_outside(tensor_shape(t).rank, order);
    return tensor_permute(t, order, e);
}

/* The mask with one plane for each of CHANNELS. */
static tensor *spread_mask(const tensor *mask, int64_t channels, error *e)
{
    const shape s = tensor_shape(mask);
    tensor *out =
        tensor_new(DTYPE_U8, shape_of(4, s.dim[0], channels, s.dim[1], s.dim[2]), e);
    uint8_t *to = out ? tensor_write(out, e) : NULL;
    const uint8_t *from = tensor_data(mask);
    const size_t plane = (size_t)(s.dim[1] * s.dim[2]);
    for (int64_t i = 0; to && i < s.dim[0]; i++)
        for (int64_t c = 0; c < channels; c++)
            memcpy(to + (size_t)(i * channels + c) * plane, from + (size_t)i * plane,
                   plane);
    return out;
}

/* Labels as whole numbers. */
static status add_labels(writing *w, const dataset *d, error *e)
{
    tensor *t = tensor_new(DTYPE_S64, shape_of(1, d->count), e);
    TRY(add(w, ENTRY_LABELS, t));
    int64_t *to = tensor_write(t, e); /* not shared: it cannot fail */
    for (int64_t i = 0; i < d->count; i++)
        to[i] = (int64_t)tensor_f32(d->target)[i];
    return E_OK;
}

/* Says that the input's bytes are parts of 255. */
static status add_scale(writing *w, error *e)
{
    tensor *t = tensor_new(DTYPE_F32, shape_of(1, INT64_C(1)), e);
    TRY(add(w, ENTRY_SCALE, t));
    *(float *)tensor_write(t, e) = BYTE_SCALE;
    return E_OK;
}

static int64_t mask_channels(const tensor *mask)
{
    const shape s = tensor_shape(mask);
    return s.dim[s.rank - 1];
}

static status add_images(writing *w, const dataset *d, error *e)
{
    const bool published = is_published(d);
    tensor *input = to_outside(d->input, e);
    const shape s = tensor_shape(d->input);
    if (input && published && /* (N,H,W) */
        tensor_reshape(input, shape_of(3, s.dim[0], s.dim[1], s.dim[2]), e) != E_OK) {
        tensor_free(input);
        return E_SHAPE;
    }
    TRY(add(w, published ? ENTRY_DENSITY : ENTRY_INPUT, input));
    if (tensor_dtype(d->input) == DTYPE_U8)
        TRY(add_scale(w, e));
    if (d->class_count > 0)
        return add_labels(w, d, e);
    if (d->target)
        TRY(add(w, published ? ENTRY_GRADIENT : ENTRY_TARGET, to_outside(d->target, e)));
    if (!d->mask)
        return E_OK;
    const bool spread = published && mask_channels(d->mask) == 1;
    return add(w, published ? ENTRY_MASKS : ENTRY_MASK,
               spread ? spread_mask(d->mask, 2, e) : to_outside(d->mask, e));
}

static status add_marks(writing *w, const dataset *d, error *e)
{
    if (d->group) {
        tensor *t = tensor_new(DTYPE_S64, shape_of(1, d->count), e);
        TRY(add(w, ENTRY_GROUPS, t));
        memcpy(tensor_write(t, e), d->group, (size_t)d->count * sizeof *d->group);
    }
    tensor *t = tensor_new(DTYPE_U8, shape_of(1, d->count), e);
    TRY(add(w, ENTRY_SPLITS, t));
    memcpy(tensor_write(t, e), d->split, (size_t)d->count * sizeof *d->split);
    return E_OK;
}

/* A column of numbers: whole ones as such, empty cells as NaN; text has no place in a
   plain array and is left out. */
static status add_fact(writing *w, const table *facts, int64_t column, error *e)
{
    bool whole = true;
    for (int64_t i = 0; i < facts->row_count; i++) {
        const cell_kind kind = table_get(facts, i, column)->kind;
        if (kind == CELL_TEXT)
            return E_OK;
        whole = whole && (kind == CELL_INTEGER || kind == CELL_FLAG);
    }
    tensor *t =
        tensor_new(whole ? DTYPE_S64 : DTYPE_F64, shape_of(1, facts->row_count), e);
    TRY(add(w, facts->columns[column], t));
    void *data = tensor_write(t, e); /* not shared: it cannot fail */
    for (int64_t i = 0; i < facts->row_count; i++) {
        const cell *c = table_get(facts, i, column);
        const int64_t integer = c->kind == CELL_FLAG ? c->flag : c->integer;
        if (whole)
            ((int64_t *)data)[i] = integer;
        else
            ((double *)data)[i] = c->kind == CELL_REAL   ? c->real
                                  : c->kind == CELL_NONE ? NAN
                                                         : (double)integer;
    }
    return E_OK;
}

/* Would the name hide another entry?  "group" is said by ENTRY_GROUPS already. */
static bool is_taken(const writing *w, const dataset *d, const char *name)
{
    if (d->group && text_equal(name, "group"))
        return true;
    for (int64_t i = 0; i < w->count; i++)
        if (text_equal(w->names[i], name))
            return true;
    return false;
}

static status add_all(writing *w, const dataset *d, error *e)
{
    TRY(add_images(w, d, e));
    TRY(add_marks(w, d, e));
    for (int64_t j = 0; d->facts && j < d->facts->column_count; j++)
        if (!is_taken(w, d, d->facts->columns[j]))
            TRY(add_fact(w, d->facts, j, e));
    return E_OK;
}

status dataset_write_npz(const dataset *d, const char *path, error *e)
{
    const int64_t most = 6 + (d->facts ? d->facts->column_count : 0);
    writing w = {0};
    TRY(dataset_check(d, e));
    w.names = memory_new(most, sizeof *w.names, e);
    w.tensors = memory_new(most, sizeof *w.tensors, e);
    status result = w.names && w.tensors ? add_all(&w, d, e) : E_MEMORY;
    if (result == E_OK)
        result = npz_write(path, w.names, (const tensor *const *)w.tensors, w.count, e);
    for (int64_t i = 0; i < w.count; i++)
        tensor_free(w.tensors[i]);
    memory_free(w.tensors);
    memory_free(w.names);
    return result;
}
