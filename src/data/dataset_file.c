/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset_file.c -- datasets out of archives of numpy arrays.  The outside's order
   (N,C,H,W) ends here; dataset_write.c goes the other way. */
#include "data/dataset_file.h"

#include <math.h>
#include "base/memory.h"
#include "base/spill.h"
#include "base/text.h"
#include "data/source.h"

enum { CLASSES_MOST = 1 << 20 };

/* An archive being read as a dataset. */
typedef struct reading {
    npz *archive;
    const char *path;
    const dataset_layout *layout;
    dataset *d;
    const task *watch;
    shape whole;     /* the input, one channel */
    int64_t samples; /* in the file: more than d->count where the layout limits it */
} reading;

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

/* What F feeds, (N,H,W), (N,C,H,W) or (N,C,D,H,W), in lathe's order. */
static tensor *take_images(array_feed *f, array_rule rule, int64_t limit,
                           const task *watch, error *e)
{
    array_wish wish = {.first = limit, .rule = rule, .least = -INFINITY, .watch = watch};
    const int rank = f->shape.rank;
    if (rank > 3)
        tensor_order_from_outside(rank, wish.order);
    else
        for (int i = 0; i < rank; i++)
            wish.order[i] = i;
    tensor *t = array_take(f, &wish, e);
    shape s = t ? tensor_shape(t) : (shape){0};
    if (s.rank != 3)
        return t;
    s.dim[s.rank++] = 1; /* one channel */
    if (tensor_reshape(t, s, e) == E_OK)
        return t;
    tensor_free(t);
    return NULL;
}

tensor *dataset_images(const char *path, const char *entry, int64_t limit,
                       const task *watch, error *e)
{
    array_feed f;
    tensor *t = NULL;
    if (npy_feed(path, &f, e) != E_OK)
        return NULL;
    if (check_rank(path, entry, f.shape, e) == E_OK)
        t = take_images(&f, ARRAY_REAL, limit, watch, e);
    array_feed_close(&f);
    return t;
}

/* Images of RULE; bytes that ENTRY_SCALE speaks of stay bytes where they are the input. */
static tensor *read_images(reading *r, const char *entry, bool target, array_rule rule,
                           error *e)
{
    array_feed f;
    tensor *t = NULL;
    if (npz_feed(r->archive, entry, &f, e) != E_OK)
        return NULL;
    shape s = f.shape;
    if (!r->d->input) {
        r->samples = s.rank > 0 ? s.dim[0] : 0;
        if (f.type == DTYPE_U8 && npz_has(r->archive, ENTRY_SCALE))
            rule = ARRAY_BYTES;
    }
    if (s.rank > 0 && s.dim[0] > r->layout->limit)
        s.dim[0] = r->layout->limit;
    if (check_images(r, entry, target, s, e) == E_OK)
        t = take_images(&f, rule, r->layout->limit, r->watch, e);
    array_feed_close(&f);
    return t;
}

/* Do all channels of MASK (N, ..., C) say the same? */
static bool channels_agree(const tensor *mask, int64_t channels)
{
    const int64_t points = tensor_count(mask) / channels;
    const uint8_t *from = tensor_data(mask);
    for (int64_t i = 0, behind = 0; i < points; i++) {
        for (int64_t c = 1; c < channels; c++)
            if (from[i * channels + c] != from[i * channels])
                return false;
        if ((size_t)((i - behind) * channels) >= SPILL_WINDOW) {
            tensor_settle(mask, behind * channels, i * channels);
            behind = i;
        }
    }
    return true;
}

/* MASK, which is given away, with one channel where all its channels say the same, as
   those of the published files do. */
static tensor *merge_channels(tensor *mask, error *e)
{
    shape s = tensor_shape(mask);
    const int last = s.rank - 1;
    const int64_t channels = s.dim[last], points = tensor_count(mask) / channels;
    if (channels == 1 || !channels_agree(mask, channels))
        return mask;
    const uint8_t *from = tensor_data(mask);
    s.dim[last] = 1;
    tensor *merged = tensor_new(DTYPE_U8, s, e);
    uint8_t *to = merged ? tensor_write(merged, e) : NULL;
    for (int64_t i = 0, behind = 0; to && i < points; i++) {
        to[i] = from[i * channels];
        if ((size_t)((i - behind) * channels) >= SPILL_WINDOW) {
            tensor_settle(mask, behind * channels, i * channels);
            tensor_settle(merged, behind, i);
            behind = i;
        }
    }
    tensor_free(mask);
    return merged;
}

static tensor *read_mask(reading *r, const char *entry, error *e)
{
    tensor *mask = read_images(r, entry, false, ARRAY_MASK, e);
    return mask ? merge_channels(mask, e) : NULL;
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
    if (l->target && !((r->d->target = read_images(r, l->target, true, ARRAY_REAL, e)) &&
                       (r->d->target_name = name_of(l->target, e))))
        return E_FORMAT;
    return share_input(r->d, e);
}

static status read_all(reading *r, uint64_t seed, error *e)
{
    const dataset_layout *l = r->layout;
    dataset *d = r->d;
    d->source = memory_text("npz", e);
    d->origin = d->source ? memory_format(e, "npz %s", r->path) : NULL;
    d->input_name = d->origin ? name_of(l->input, e) : NULL;
    if (!d->input_name)
        return E_MEMORY;
    if (!(d->input = read_images(r, l->input, false, ARRAY_REAL, e)))
        return E_FORMAT;
    TRY(read_target(r, e));
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
    reading r = {.path = path, .layout = layout, .watch = watch};
    r.archive = npz_open(path, e);
    r.d = r.archive ? dataset_new(e) : NULL;
    if (r.d && read_all(&r, seed, e) != E_OK) {
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
