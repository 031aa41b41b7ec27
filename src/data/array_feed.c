/* SPDX-License-Identifier: GPL-3.0-or-later
   array_feed.c -- the way of numbers from a feed to their places in a tensor.  It reads no
   file itself. */
#include "data/array_feed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/spill.h"

enum { BLOCK = 1 << 16, PAGE = 4096 };

/* A tensor being filled.  DIM are the dimensions in the order in which numbers come, with
   STEP elements from one to the next where they go. */
typedef struct taking {
    const array_feed *f;
    const array_wish *w;
    tensor *t;
    void *to;
    int rank, axis; /* AXIS: the dimension that is the first of the tensor */
    int64_t dim[SHAPE_MAX], step[SHAPE_MAX];
    bool scattered;     /* a sample's numbers do not come one behind the other */
    int64_t begin, end; /* samples of this pass */
    int64_t low, high;  /* elements written since memory was given back */
    size_t touched;     /* and about how many bytes of pages that is */
    unsigned char *raw; /* a block as it comes, */
    float *x;           /* and as numbers */
} taking;

void array_feed_close(array_feed *f)
{
    if (f->close)
        f->close(f->context);
    memory_free(f->who);
    *f = (array_feed){0};
}

/* The place of the number that comes as NUMBER, as numpy writes it: "[3, 0, 12, 7]". */
static const char *index_text(char buffer[160], const array_feed *f, int64_t number)
{
    int64_t index[SHAPE_MAX];
    const int rank = f->shape.rank;
    size_t length = 1;
    for (int k = rank - 1; k >= 0; k--) {
        const int i = f->fortran ? rank - 1 - k : k;
        index[i] = number % f->shape.dim[i];
        number /= f->shape.dim[i];
    }
    buffer[0] = '[';
    for (int i = 0; i < rank; i++)
        length += (size_t)snprintf(buffer + length, 160 - length, "%s%lld", i ? ", " : "",
                                   (long long)index[i]);
    snprintf(buffer + length, 160 - length, "]");
    return buffer;
}

static status put_reals(taking *j, const float *x, int64_t n, int64_t at, int64_t step,
                        int64_t number, error *e)
{
    float *to = j->to;
    const float least = j->w->least;
    char where[160];
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return fail(e, E_NUMERIC,
                        "%s: %s at %s; every value must be finite in 32 bits", j->f->who,
                        isnan(x[i]) ? "NaN" : "infinity",
                        index_text(where, j->f, number + i));
        to[at + i * step] = x[i] < least ? least : x[i];
    }
    return E_OK;
}

static status put_bytes(taking *j, const float *x, int64_t n, int64_t at, int64_t step,
                        int64_t number, error *e)
{
    uint8_t *to = j->to;
    const bool mask = j->w->rule == ARRAY_MASK;
    char where[160];
    for (int64_t i = 0; i < n; i++) {
        if (mask && x[i] != 0 && x[i] != 1)
            return fail(
                e, E_RANGE,
                "%s: holds the value %g at %s, a mask is 0 (valid) or 1 (invalid)",
                j->f->who, (double)x[i], index_text(where, j->f, number + i));
        to[at + i * step] = (uint8_t)x[i];
    }
    return E_OK;
}

/* The N numbers X of a line, from its place FROM on, those of other passes left out.  The
   line begins at element AT of the tensor. */
static status put_piece(taking *j, const float *x, int64_t n, const int64_t *index,
                        int64_t from, int64_t at, int64_t number, error *e)
{
    const int last = j->rank - 1;
    const int64_t step = j->step[last];
    int64_t skip = 0;
    if (j->scattered && j->axis == last) {
        const int64_t begin = j->begin > from ? j->begin : from;
        const int64_t end = j->end < from + n ? j->end : from + n;
        skip = begin - from;
        n = end - begin;
    } else if (j->scattered && (index[j->axis] < j->begin || index[j->axis] >= j->end))
        return E_OK;
    if (n <= 0)
        return E_OK;
    at += (from + skip) * step;
    const int64_t end = at + (n - 1) * step + 1;
    const size_t apart = (size_t)step * dtype_size(tensor_dtype(j->t));
    j->low = at < j->low ? at : j->low;
    j->high = end > j->high ? end : j->high;
    j->touched += (size_t)n * (apart < PAGE ? apart : PAGE);
    return (j->w->rule == ARRAY_REAL ? put_reals : put_bytes)(j, x + skip, n, at, step,
                                                              number + skip, e);
}

static void swap_bytes(unsigned char *bytes, int64_t count, size_t size)
{
    for (int64_t i = 0; i < count; i++, bytes += size)
        for (size_t k = 0; k < size / 2; k++) {
            const unsigned char kept = bytes[k];
            bytes[k] = bytes[size - 1 - k];
            bytes[size - 1 - k] = kept;
        }
}

static status read_block(taking *j, int64_t n, error *e)
{
    const size_t size = dtype_size(j->f->type);
    if (task_cancelled(j->w->watch))
        return fail(e, E_STOPPED, "%s: stopped", j->f->who);
    TRY(j->f->fill(j->f->context, j->raw, (size_t)n * size, e));
    if (j->f->swapped)
        swap_bytes(j->raw, n, size);
    dtype_to_f32(j->f->type, j->raw, n, j->x);
    return E_OK;
}

static void give_back(taking *j)
{
    if (j->low < j->high)
        tensor_settle(j->t, j->low, j->high);
    j->low = INT64_MAX;
    j->high = 0;
    j->touched = 0;
}

/* The next line: INDEX counts up, and with it the element AT. */
static void next_line(const taking *j, int64_t *index, int64_t *at)
{
    for (int k = j->rank - 2; k >= 0; k--) {
        *at += j->step[k];
        if (++index[k] < j->dim[k])
            return;
        *at -= j->step[k] * j->dim[k];
        index[k] = 0;
    }
}

/* The first TOTAL numbers of the feed, to their places. */
static status run_pass(taking *j, int64_t total, error *e)
{
    const int64_t line = j->dim[j->rank - 1];
    int64_t index[SHAPE_MAX] = {0}, at = 0, from = 0;
    for (int64_t number = 0, n; number < total; number += n) {
        n = total - number < BLOCK ? total - number : BLOCK;
        TRY(read_block(j, n, e));
        for (int64_t k = 0, piece; k < n; k += piece) {
            piece = line - from < n - k ? line - from : n - k;
            TRY(put_piece(j, j->x + k, piece, index, from, at, number + k, e));
            from += piece;
            if (from == line) {
                from = 0;
                next_line(j, index, &at);
            }
        }
        if (!j->scattered && j->touched >= SPILL_WINDOW)
            give_back(j);
    }
    give_back(j);
    return E_OK;
}

/* Samples of one pass: all of them, unless they are kept in a file and come in pieces. */
static int64_t pass_samples(const taking *j, int64_t samples)
{
    const size_t bytes = tensor_bytes(j->t) / (size_t)samples, room = spill_room();
    const size_t window = room > SPILL_WINDOW ? room : SPILL_WINDOW;
    if (!j->scattered || !tensor_is_spilled(j->t))
        return samples;
    return bytes < window ? (int64_t)(window / bytes) : 1;
}

static status run_passes(taking *j, int64_t samples, error *e)
{
    const int64_t every = pass_samples(j, samples), count = shape_count(j->f->shape);
    const int64_t of_sample = count / j->f->shape.dim[j->w->order[0]];
    const bool whole = j->scattered || samples * of_sample == count;
    for (j->begin = 0; j->begin < samples; j->begin = j->end) {
        j->end = samples - j->begin < every ? samples : j->begin + every;
        if (j->begin > 0)
            TRY(j->f->rewind(j->f->context, e));
        TRY(run_pass(j, whole ? count : samples * of_sample, e));
    }
    return whole ? j->f->finish(j->f->context, e) : E_OK;
}

/* Neighbours that are also neighbours where they go become one dimension. */
static void merge_dimensions(taking *j)
{
    int rank = 0, axis = -1;
    for (int k = 0; k < j->rank; k++) {
        const bool alone = j->scattered && k == j->axis;
        if (j->dim[k] == 1 && !alone)
            continue;
        if (rank > 0 && !alone && rank - 1 != axis &&
            j->step[rank - 1] == j->dim[k] * j->step[k]) {
            j->dim[rank - 1] *= j->dim[k];
            j->step[rank - 1] = j->step[k];
            continue;
        }
        axis = alone ? rank : axis;
        j->dim[rank] = j->dim[k];
        j->step[rank++] = j->step[k];
    }
    if (rank == 0)
        j->dim[rank] = j->step[rank] = 1, rank = 1;
    j->rank = rank;
    j->axis = axis;
}

/* How numbers come, and where they go in a tensor of shape OUT. */
static void plan_way(taking *j, shape out)
{
    const int rank = j->f->shape.rank;
    int64_t step = 1;
    j->rank = rank;
    for (int i = rank - 1; i >= 0; i--) {
        const int from = j->w->order[i], k = j->f->fortran ? rank - 1 - from : from;
        j->dim[k] = j->f->shape.dim[from];
        j->step[k] = step;
        step *= out.dim[i];
        j->axis = k;
    }
    j->scattered = false;
    for (int k = 0; k < j->axis; k++)
        j->scattered = j->scattered || j->dim[k] > 1;
    merge_dimensions(j);
}

tensor *array_take(array_feed *f, const array_wish *w, error *e)
{
    taking j = {.f = f, .w = w, .low = INT64_MAX};
    shape out = {.rank = f->shape.rank};
    for (int i = 0; i < out.rank; i++)
        out.dim[i] = f->shape.dim[w->order[i]];
    out.dim[0] = out.dim[0] < w->first ? out.dim[0] : w->first;
    j.t = tensor_new(w->rule == ARRAY_REAL ? DTYPE_F32 : DTYPE_U8, out, e);
    j.to = j.t ? tensor_write(j.t, e) : NULL;
    j.raw = j.to ? memory_new_raw(BLOCK, dtype_size(f->type), e) : NULL;
    j.x = j.raw ? memory_new_raw(BLOCK, sizeof *j.x, e) : NULL;
    status result = j.x ? E_OK : E_MEMORY;
    if (result == E_OK && shape_count(f->shape) > 0) {
        plan_way(&j, out);
        result = run_passes(&j, out.dim[0], e);
    }
    memory_free(j.raw);
    memory_free(j.x);
    if (result == E_OK)
        return j.t;
    tensor_free(j.t);
    return NULL;
}
