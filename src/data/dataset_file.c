/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset_file.c -- datasets out of archives of numpy arrays.  The outside's order
   (N,C,H,W) ends here; dataset_write.c goes the other way. */
#include "data/dataset_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "data/source.h"

enum { CLASSES_MOST = 1 << 20 };

/* An archive being read as a dataset. */
typedef struct reading {
    npz *archive;
    const char *path;
    const dataset_layout *layout;
    dataset *d;
    shape whole;     /* the input, one channel */
    int64_t samples; /* in the file: more than d->count where the layout limits it */
} reading;

/* The entry's first index as numpy writes it: "[3, 0, 12, 7]". */
static const char *index_text(char buffer[128], shape s, int64_t at)
{
    int64_t index[SHAPE_MAX];
    size_t length = 1;
    for (int i = s.rank - 1; i >= 0; i--) {
        index[i] = at % s.dim[i];
        at /= s.dim[i];
    }
    buffer[0] = '[';
    for (int i = 0; i < s.rank; i++)
        length += (size_t)snprintf(buffer + length, 128 - length, "%s%lld", i ? ", " : "",
                                   (long long)index[i]);
    snprintf(buffer + length, 128 - length, "]");
    return buffer;
}

static status check_finite(const char *path, const char *entry, const tensor *t, error *e)
{
    const float *x = tensor_f32(t);
    const int64_t count = tensor_count(t);
    char where[128];
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return fail(e, E_NUMERIC,
                        "%s: %s: %s at %s; every value must be finite in 32 bits", path,
                        entry, isnan(x[i]) ? "NaN" : "infinity",
                        index_text(where, tensor_shape(t), i));
    return E_OK;
}

/* S without its channels: the size of the samples. */
static shape without_channels(shape s)
{
    shape out = {.rank = s.rank == 3 ? 3 : s.rank - 1, .dim = {s.dim[0]}};
    for (int i = 1; i < out.rank; i++)
        out.dim[i] = s.dim[i + s.rank - out.rank];
    return out;
}

static status check_rank(const char *path, const char *entry, shape s, error *e)
{
    char words[128];
    if (s.rank < 3 || s.rank > 5)
        return fail(e, E_SHAPE,
                    "%s: %s: has the shape %s, (N,H,W) or (N,C,H,W) was wanted", path,
                    entry, shape_text(words, s));
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] == 0)
            return fail(e, E_SHAPE, "%s: %s: is empty: its shape is %s", path, entry,
                        shape_text(words, s));
    return E_OK;
}

/* (N,H,W), (N,C,H,W) or (N,C,D,H,W); and the samples are as large as what was read
   before, or, for a TARGET without a mask, as many. */
static status check_images(reading *r, const char *entry, bool target, shape s, error *e)
{
    char words[128], wanted[128];
    TRY(check_rank(r->path, entry, s, e));
    const shape size = without_channels(s);
    if (!r->d->input) {
        r->d->count = s.dim[0];
        r->whole = size;
    } else if (target && !r->layout->mask && size.dim[0] == r->d->count)
        return E_OK;
    else if (!shape_equal(size, r->whole)) {
        r->whole.rank--; /* the samples have been told */
        for (int i = 0; i < r->whole.rank; i++)
            r->whole.dim[i] = r->whole.dim[i + 1];
        return fail(e, E_SHAPE, "%s: %s: has the shape %s, %s has %lld samples of %s",
                    r->path, entry, shape_text(words, s), r->layout->input,
                    (long long)r->d->count, shape_text(wanted, r->whole));
    }
    return E_OK;
}

/* T, which is given away, in lathe's order. */
static tensor *turn(tensor *t, error *e)
{
    const shape s = tensor_shape(t);
    const bool one = s.rank == 3 || s.dim[1] == 1;
    tensor *turned = NULL;
    if (one) { /* one channel: the same bytes in either order */
        shape to = without_channels(s);
        to.dim[to.rank++] = 1;
        if (tensor_reshape(t, to, e) == E_OK)
            return t;
    } else {
        int order[SHAPE_MAX];
        tensor_order_from_outside(s.rank, order);
        turned = tensor_permute(t, order, e);
    }
    tensor_free(t);
    return turned;
}

/* The first LIMIT of T, which is given away. */
static tensor *cut(tensor *t, int64_t limit, error *e)
{
    shape s = tensor_shape(t);
    if (s.dim[0] <= limit)
        return t;
    s.dim[0] = limit;
    tensor *part = tensor_new(tensor_dtype(t), s, e);
    void *to = part ? tensor_write(part, e) : NULL;
    if (to)
        memcpy(to, tensor_data(t), tensor_bytes(part));
    tensor_free(t);
    return part;
}

tensor *dataset_images(tensor *t, const char *path, const char *entry, int64_t limit,
                       error *e)
{
    if (check_rank(path, entry, tensor_shape(t), e) != E_OK) {
        tensor_free(t);
        return NULL;
    }
    tensor *part = cut(t, limit, e);
    tensor *real = part ? tensor_to_f32(part, e) : NULL;
    tensor_free(part);
    if (real && check_finite(path, entry, real, e) != E_OK) {
        tensor_free(real);
        return NULL;
    }
    return real ? turn(real, e) : NULL;
}

static tensor *read_f32(reading *r, const char *entry, error *e)
{
    tensor *raw = npz_read_first(r->archive, entry, r->layout->limit, e);
    if (raw && !r->d->input && tensor_dtype(raw) == DTYPE_U8 &&
        npz_has(r->archive, ENTRY_SCALE))
        return raw;
    tensor *t = raw ? tensor_to_f32(raw, e) : NULL;
    tensor_free(raw);
    if (t && check_finite(r->path, entry, t, e) != E_OK) {
        tensor_free(t);
        return NULL;
    }
    return t;
}

static tensor *read_images(reading *r, const char *entry, bool target, error *e)
{
    npy_header h;
    if (npz_describe(r->archive, entry, &h, e) != E_OK)
        return NULL;
    if (!r->d->input && h.shape.rank > 0)
        r->samples = h.shape.dim[0];
    if (h.shape.rank > 0 && h.shape.dim[0] > r->layout->limit)
        h.shape.dim[0] = r->layout->limit;
    if (check_images(r, entry, target, h.shape, e) != E_OK)
        return NULL;
    tensor *t = read_f32(r, entry, e);
    return t ? turn(t, e) : NULL;
}

/* MASK, which is given away, with one channel where all its channels say the same, as
   those of the published files do. */
static tensor *merge_channels(tensor *mask, error *e)
{
    shape s = tensor_shape(mask);
    const int last = s.rank - 1;
    const int64_t channels = s.dim[last], points = tensor_count(mask) / channels;
    const uint8_t *from = tensor_data(mask);
    for (int64_t i = 0; i < points; i++)
        for (int64_t c = 1; c < channels; c++)
            if (from[i * channels + c] != from[i * channels])
                return mask;
    if (channels == 1)
        return mask;
    s.dim[last] = 1;
    tensor *merged = tensor_new(DTYPE_U8, s, e);
    uint8_t *to = merged ? tensor_write(merged, e) : NULL;
    for (int64_t i = 0; to && i < points; i++)
        to[i] = from[i * channels];
    tensor_free(mask);
    return merged;
}

static tensor *read_mask(reading *r, const char *entry, error *e)
{
    tensor *images = read_images(r, entry, false, e);
    tensor *mask = images ? tensor_new(DTYPE_U8, tensor_shape(images), e) : NULL;
    uint8_t *to = mask ? tensor_write(mask, e) : NULL;
    const float *from = images ? tensor_f32(images) : NULL;
    const int64_t count = to ? tensor_count(mask) : 0;
    for (int64_t i = 0; i < count; i++) {
        if (from[i] != 0 && from[i] != 1) {
            fail(e, E_RANGE,
                 "%s: %s: holds the value %g, a mask is 0 (valid) or 1 (invalid)",
                 r->path, entry, (double)from[i]);
            to = NULL;
            break;
        }
        to[i] = from[i] == 1;
    }
    tensor_free(images);
    if (!to) {
        tensor_free(mask);
        return NULL;
    }
    return merge_channels(mask, e);
}

/* Element I of a tensor of any number type. */
static cell element(const tensor *t, int64_t i)
{
    const void *data = tensor_data(t);
    switch (tensor_dtype(t)) {
#define ELEMENT(type, name)                                                              \
    case DTYPE_##type:                                                                   \
        return (cell){.kind = CELL_INTEGER, .integer = (int64_t)((const name *)data)[i]}
        ELEMENT(S8, int8_t);
        ELEMENT(U8, uint8_t);
        ELEMENT(BOOL, uint8_t);
        ELEMENT(S16, int16_t);
        ELEMENT(U16, uint16_t);
        ELEMENT(S32, int32_t);
        ELEMENT(U32, uint32_t);
        ELEMENT(S64, int64_t);
        ELEMENT(U64, uint64_t);
#undef ELEMENT
    case DTYPE_F64:
        return (cell){.kind = CELL_REAL, .real = ((const double *)data)[i]};
    default:
        return (cell){.kind = CELL_REAL, .real = (double)((const float *)data)[i]};
    }
}

/* A one-dimensional entry with one number for each sample; short floats widened. */
static tensor *read_column(reading *r, const char *entry, error *e)
{
    char words[128];
    npy_header h;
    if (npz_describe(r->archive, entry, &h, e) != E_OK)
        return NULL;
    if (h.shape.rank != 1 || h.shape.dim[0] != r->samples) {
        fail(e, E_SHAPE,
             "%s: %s: has the shape %s, one number for each of %lld samples was "
             "wanted",
             r->path, entry, shape_text(words, h.shape), (long long)r->samples);
        return NULL;
    }
    tensor *t = npz_read_first(r->archive, entry, r->layout->limit, e);
    if (!t || tensor_dtype(t) != DTYPE_F16)
        return t;
    tensor *wide = tensor_to_f32(t, e);
    tensor_free(t);
    return wide;
}

/* The same, of whole numbers from LOW to HIGH. */
static int64_t *read_integers(reading *r, const char *entry, int64_t low, int64_t high,
                              error *e)
{
    tensor *t = read_column(r, entry, e);
    int64_t *out = t ? memory_new(r->d->count, sizeof *out, e) : NULL;
    for (int64_t i = 0; out && i < r->d->count; i++) {
        const cell c = element(t, i);
        const double x = c.kind == CELL_REAL ? c.real : (double)c.integer;
        if (!(x >= (double)low && x <= (double)high) || x != rint(x)) {
            fail(e, E_RANGE,
                 "%s: %s: holds %g, whole numbers from %lld to %lld were wanted", r->path,
                 entry, x, (long long)low, (long long)high);
            memory_free(out);
            out = NULL;
        } else
            out[i] = (int64_t)x;
    }
    tensor_free(t);
    return out;
}

static status read_groups(reading *r, error *e)
{
    const char *entry = r->layout->groups;
    if (!entry && !npz_has(r->archive, ENTRY_GROUPS))
        return E_OK;
    const int64_t most = INT64_C(1) << 53; /* exact in double, as files may have them */
    r->d->group = read_integers(r, entry ? entry : ENTRY_GROUPS, -most, most, e);
    return r->d->group ? E_OK : E_FORMAT;
}

static status read_splits(reading *r, uint64_t seed, error *e)
{
    r->d->split = memory_new(r->d->count, sizeof *r->d->split, e);
    if (!r->d->split)
        return E_MEMORY;
    if (!npz_has(r->archive, ENTRY_SPLITS) || r->d->count < r->samples)
        return dataset_split_standard(r->d, seed, e);
    int64_t *splits = read_integers(r, ENTRY_SPLITS, SPLIT_NONE, SPLIT_TEST, e);
    if (!splits)
        return E_FORMAT;
    for (int64_t i = 0; i < r->d->count; i++)
        r->d->split[i] = (uint8_t)splits[i];
    memory_free(splits);
    return E_OK;
}

static bool is_fact(reading *r, const char *entry)
{
    const dataset_layout *l = r->layout;
    const char *const used[] = {l->input,  l->target,    l->mask,      l->labels,
                                l->groups, ENTRY_GROUPS, ENTRY_SPLITS, ENTRY_SCALE};
    npy_header h;
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (used[i] && text_equal(used[i], entry))
            return false;
    /* What cannot be read is no fact, and nobody asked for it. */
    return npz_describe(r->archive, entry, &h, NULL) == E_OK && h.shape.rank == 1 &&
           h.shape.dim[0] == r->samples;
}

/* The columns are read first, because a table grows row by row. */
static status read_facts(reading *r, error *e)
{
    const int64_t entries = npz_count(r->archive);
    tensor **columns = memory_new(entries, sizeof *columns, e);
    table *facts = columns ? table_new(e) : NULL;
    status result = facts ? E_OK : E_MEMORY;
    for (int64_t j = 0; j < entries && result == E_OK; j++)
        if (is_fact(r, npz_name(r->archive, j))) {
            columns[j] = read_column(r, npz_name(r->archive, j), e);
            result = columns[j] ? E_OK : E_FORMAT;
        }
    for (int64_t i = 0; i < r->d->count && result == E_OK; i++) {
        table_row(facts);
        if (r->d->group)
            table_integer(facts, "group", r->d->group[i]);
        for (int64_t j = 0; j < entries; j++) {
            if (!columns[j])
                continue;
            cell c = element(columns[j], i);
            if (c.kind == CELL_REAL && !isfinite(c.real))
                c.kind = CELL_NONE;
            table_cell(facts, npz_name(r->archive, j), &c);
        }
    }
    for (int64_t j = 0; columns && j < entries; j++)
        tensor_free(columns[j]);
    memory_free(columns);
    if (result == E_OK)
        result = table_ok(facts, e);
    if (result == E_OK && facts->column_count > 0) {
        r->d->facts = facts;
        return E_OK;
    }
    table_free(facts);
    return result;
}

/* What the published entries hold has better names than the entries. */
static char *name_of(const char *entry, error *e)
{
    return memory_text(text_equal(entry, ENTRY_DENSITY)    ? "density"
                       : text_equal(entry, ENTRY_GRADIENT) ? "phase gradient"
                                                           : entry,
                       e);
}

/* The labels, whole numbers from 0: as many classes as the largest one says. */
static status read_labels(reading *r, error *e)
{
    dataset *d = r->d;
    int64_t *label = read_integers(r, r->layout->labels, 0, CLASSES_MOST - 1, e);
    d->target =
        label ? tensor_new(DTYPE_F32, shape_of(2, d->count, INT64_C(1)), e) : NULL;
    float *to = d->target ? tensor_write_f32(d->target, e) : NULL;
    for (int64_t i = 0; to && i < d->count; i++) {
        to[i] = (float)label[i];
        d->class_count = label[i] >= d->class_count ? label[i] + 1 : d->class_count;
    }
    memory_free(label);
    d->target_name = to ? memory_text("class", e) : NULL;
    return d->target_name ? E_OK : E_FORMAT;
}

/* A target that equals the input takes no memory of its own. */
static status share_input(dataset *d, error *e)
{
    if (!d->target || !tensor_equal(d->input, d->target))
        return E_OK;
    tensor_free(d->target);
    d->target = tensor_share(d->input, e);
    return d->target ? E_OK : E_MEMORY;
}

static status read_target(reading *r, error *e)
{
    const dataset_layout *l = r->layout;
    if (l->labels)
        return read_labels(r, e);
    if (l->target && !((r->d->target = read_images(r, l->target, true, e)) &&
                       (r->d->target_name = name_of(l->target, e))))
        return E_FORMAT;
    return share_input(r->d, e);
}

static status read_all(reading *r, uint64_t seed, const task *watch, error *e)
{
    const dataset_layout *l = r->layout;
    dataset *d = r->d;
    d->source = memory_text("npz", e);
    d->origin = d->source ? memory_format(e, "npz %s", r->path) : NULL;
    d->input_name = d->origin ? name_of(l->input, e) : NULL;
    if (!d->input_name)
        return E_MEMORY;
    if (!(d->input = read_images(r, l->input, false, e)))
        return E_FORMAT;
    if (task_cancelled(watch))
        return fail(e, E_STOPPED, "%s: stopped", r->path);
    TRY(read_target(r, e));
    if (task_cancelled(watch))
        return fail(e, E_STOPPED, "%s: stopped", r->path);
    if (l->mask && !(d->mask = read_mask(r, l->mask, e)))
        return E_FORMAT;
    TRY(read_groups(r, e));
    TRY(read_splits(r, seed, e));
    TRY(read_facts(r, e));
    const status result = dataset_check(d, e);
    return result == E_OK ? E_OK : fail_prefix(e, "%s", r->path);
}

dataset *dataset_read_layout(const char *path, const dataset_layout *layout,
                             uint64_t seed, const task *watch, error *e)
{
    reading r = {.path = path, .layout = layout};
    r.archive = npz_open(path, e);
    r.d = r.archive ? dataset_new(e) : NULL;
    if (r.d && read_all(&r, seed, watch, e) != E_OK) {
        dataset_free(r.d);
        r.d = NULL;
    }
    npz_close(r.archive);
    return r.d;
}

dataset *dataset_read_npz(const char *path, error *e)
{
    npz *archive = npz_open(path, e);
    if (!archive)
        return NULL;
    const bool published = npz_has(archive, ENTRY_DENSITY);
    dataset_layout layout = {
        .input = published ? ENTRY_DENSITY : ENTRY_INPUT,
        .target = published ? ENTRY_GRADIENT : ENTRY_TARGET,
        .mask = published ? ENTRY_MASKS : ENTRY_MASK,
        .limit = INT64_MAX,
    };
    if (!npz_has(archive, layout.target))
        layout.target = NULL;
    if (!layout.target && npz_has(archive, ENTRY_LABELS))
        layout.labels = ENTRY_LABELS;
    if (!npz_has(archive, layout.mask))
        layout.mask = NULL;
    npz_close(archive);
    return dataset_read_layout(path, &layout, 0, NULL, e);
}
