/* SPDX-License-Identifier: GPL-3.0-or-later
   source_raw.c -- the source `raw`: frames of a camera's sensor, PNG of 16 bits or .npy,
   packed into four planes, and pictures of the same names as targets.  Whole frames or
   tiles of them; the tiles of one frame are one group. */
#include "data/source.h"

#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "data/bayer.h"
#include "data/listing.h"
#include "data/npy.h"
#include "data/picture.h"

typedef struct raw_reading {
    const option_set *options;
    const char *folder, *target;
    listing frames, targets;
    int64_t count;         /* of frames */
    float *ratio;          /* [count] */
    int64_t height, width; /* of a tile's planes */
    int64_t rows, columns; /* of tiles in a frame */
    bayer_level level;
    float *input, *picture;
} raw_reading;

/* A frame (H, W) of u16. */
static tensor *read_frame(const char *path, error *e)
{
    char words[128];
    tensor *t =
        text_ends(path, ".npy") ? npy_read(path, e) : picture_read(path, COLOUR_ANY, e);
    if (!t)
        return NULL;
    shape s = tensor_shape(t);
    const bool flat = s.rank == 2 || (s.rank == 3 && s.dim[2] == 1);
    if (!flat || tensor_dtype(t) != DTYPE_U16 || s.dim[0] < 2 || s.dim[1] < 2) {
        fail(e, E_SHAPE, "%s: holds %s of %s, a frame (H,W) of u16 was wanted", path,
             shape_text(words, s), dtype_name(tensor_dtype(t)));
        tensor_free(t);
        return NULL;
    }
    s.rank = 2;
    if (tensor_reshape(t, s, e) == E_OK)
        return t;
    tensor_free(t);
    return NULL;
}

/* Tiles of the size that is asked for, or one that is the whole frame. */
static status choose_tiles(raw_reading *r, const char *path, shape frame, error *e)
{
    const int64_t tile =
        option_given(r->options, "tile") ? option_integer(r->options, "tile") : 0;
    r->height = tile ? tile : frame.dim[0] / 2;
    r->width = tile ? tile : frame.dim[1] / 2;
    r->rows = frame.dim[0] / 2 / r->height;
    r->columns = frame.dim[1] / 2 / r->width;
    if (r->rows < 1 || r->columns < 1)
        return fail(e, E_RANGE,
                    "%s: has %lld x %lld pixels, fewer than a tile of %lld "
                    "squares",
                    path, (long long)frame.dim[0], (long long)frame.dim[1],
                    (long long)tile);
    return E_OK;
}

static void put_frame(const raw_reading *r, int64_t i, const tensor *frame)
{
    bayer_level level = r->level;
    const int64_t stride = tensor_shape(frame).dim[1];
    const int64_t size = r->height * r->width * BAYER_PLANES;
    float *to = r->input + i * r->rows * r->columns * size;
    level.ratio = (double)r->ratio[i];
    for (int64_t y = 0; y < r->rows; y++)
        for (int64_t x = 0; x < r->columns; x++, to += size)
            bayer_pack((const uint16_t *)tensor_data(frame) + 2 * y * r->height * stride +
                           2 * x * r->width,
                       stride, r->height, r->width, &level, to);
}

/* The picture's tiles, each (2h, 2w, 3). */
static void put_tiles(const raw_reading *r, int64_t i, const float *picture,
                      int64_t width)
{
    const int64_t row = 2 * r->width * 3, size = 2 * r->height * row;
    float *to = r->picture + i * r->rows * r->columns * size;
    for (int64_t y = 0; y < r->rows; y++)
        for (int64_t x = 0; x < r->columns; x++, to += size)
            for (int64_t k = 0; k < 2 * r->height; k++)
                memcpy(to + k * row,
                       picture + ((2 * y * r->height + k) * width + 2 * x * r->width) * 3,
                       (size_t)row * sizeof *to);
}

static status put_target(const raw_reading *r, int64_t i, const char *path, shape frame,
                         error *e)
{
    char words[128];
    tensor *t = picture_read(path, COLOUR_RGB, e);
    if (!t)
        return E_FORMAT;
    const shape s = tensor_shape(t);
    float *picture = NULL;
    status result = E_OK;
    if (s.dim[0] != frame.dim[0] || s.dim[1] != frame.dim[1])
        result =
            fail(e, E_SHAPE, "%s: is %s, its frame has %lld x %lld pixels", path,
                 shape_text(words, s), (long long)frame.dim[0], (long long)frame.dim[1]);
    else if (!(picture = memory_new_raw(tensor_count(t), sizeof *picture, e)))
        result = E_MEMORY;
    else {
        picture_to_f32(t, picture);
        put_tiles(r, i, picture, s.dim[1]);
    }
    memory_free(picture);
    tensor_free(t);
    return result;
}

/* The target of the frame NAME: the picture whose name is the same up to the ending. */
static const char *find_target(const raw_reading *r, const char *name)
{
    const int stem = listing_stem(name);
    for (int64_t i = 0; i < r->targets.count; i++)
        if (listing_stem(r->targets.names[i]) == stem &&
            strncmp(r->targets.names[i], name, (size_t)stem) == 0)
            return r->targets.names[i];
    return NULL;
}

static status read_target(const raw_reading *r, int64_t i, shape frame, error *e)
{
    const char *name = find_target(r, r->frames.names[i]);
    if (!name)
        return fail(e, E_FILE, "%s/%s: has no picture of its name in %s", r->folder,
                    r->frames.names[i], r->target);
    char *path = memory_format(e, "%s/%s", r->target, name);
    const status result = path ? put_target(r, i, path, frame, e) : E_MEMORY;
    memory_free(path);
    return result;
}

/* The tensors of D, once a frame tells the sizes. */
static status make_room(raw_reading *r, dataset **out, error *e)
{
    const int64_t tiles = r->rows * r->columns;
    const shape in =
        shape_of(4, r->count * tiles, r->height, r->width, (int64_t)BAYER_PLANES);
    const shape picture = shape_of(4, in.dim[0], 2 * r->height, 2 * r->width, INT64_C(3));
    TRY(source_check_size(r->folder, DTYPE_F32, in, e));
    if (r->target)
        TRY(source_check_size(r->folder, DTYPE_F32, picture, e));
    dataset *d = *out = source_dataset(&source_raw, r->options, in.dim[0], "packed frame",
                                       r->target ? "picture" : NULL, e);
    if (!d)
        return E_MEMORY;
    d->input = tensor_new(DTYPE_F32, in, e);
    d->target = d->input && r->target ? tensor_new(DTYPE_F32, picture, e) : NULL;
    d->group = memory_new(d->count, sizeof *d->group, e);
    if (!d->input || (r->target && !d->target) || !d->group)
        return E_MEMORY;
    for (int64_t i = 0; i < d->count; i++)
        d->group[i] = i / tiles;
    r->input = tensor_write_f32(d->input, e);
    r->picture = d->target ? tensor_write_f32(d->target, e) : NULL;
    return r->input && (!d->target || r->picture) ? E_OK : E_MEMORY;
}

static status read_one(raw_reading *r, int64_t i, shape *first, dataset **out, error *e)
{
    char found[128], wanted[128];
    char *path = memory_format(e, "%s/%s", r->folder, r->frames.names[i]);
    tensor *frame = path ? read_frame(path, e) : NULL;
    status result = frame ? E_OK : E_FORMAT;
    const shape s = frame ? tensor_shape(frame) : (shape){0};
    if (frame && i == 0) {
        *first = s;
        result = choose_tiles(r, path, s, e);
        if (result == E_OK)
            result = make_room(r, out, e);
    } else if (frame && !shape_equal(s, *first))
        result = fail(e, E_SHAPE, "%s: has %s pixels, the first frame %s", path,
                      shape_text(found, s), shape_text(wanted, *first));
    if (result == E_OK)
        put_frame(r, i, frame);
    if (result == E_OK && r->target)
        result = read_target(r, i, s, e);
    tensor_free(frame);
    memory_free(path);
    return result;
}

static status read_ratios(raw_reading *r, error *e)
{
    const char *path = option_words(r->options, "ratios");
    r->ratio = memory_new(r->count, sizeof *r->ratio, e);
    if (!r->ratio)
        return E_MEMORY;
    for (int64_t i = 0; i < r->count; i++)
        r->ratio[i] = (float)option_real(r->options, "ratio");
    if (!path)
        return E_OK;
    tensor *raw = npy_read(path, e), *t = raw ? tensor_to_f32(raw, e) : NULL;
    tensor_free(raw);
    status result = t ? E_OK : E_FORMAT;
    if (t && tensor_count(t) != r->frames.count)
        result = fail(e, E_SHAPE, "%s: has %lld ratios, %s has %lld frames", path,
                      (long long)tensor_count(t), r->folder, (long long)r->frames.count);
    for (int64_t i = 0; result == E_OK && i < r->count; i++) {
        r->ratio[i] = tensor_f32(t)[i];
        if (!(r->ratio[i] > 0 && r->ratio[i] <= 1e6f))
            result = fail(e, E_RANGE,
                          "%s: holds the ratio %g, more than 0 and at most "
                          "a million was wanted",
                          path, (double)r->ratio[i]);
    }
    tensor_free(t);
    return result;
}

static status read_all(raw_reading *r, uint64_t seed, const task *watch, dataset **out,
                       error *e)
{
    shape first = {0};
    const int64_t limit = source_limit(r->options);
    if (!(r->level.white > r->level.black))
        return fail(e, E_RANGE, "raw: white=%g is not above black=%g", r->level.white,
                    r->level.black);
    TRY(listing_read(&r->frames, r->folder, r->folder, "png|npy", e));
    if (r->target)
        TRY(listing_read(&r->targets, r->target, r->target, "png", e));
    r->count = limit < r->frames.count ? limit : r->frames.count;
    if (r->count == 0) {
        fail(e, E_FILE, "%s: has no frames", r->folder);
        return fail_hint(e, "PNG files of 16 bits, or .npy of u16, were wanted");
    }
    TRY(read_ratios(r, e));
    for (int64_t i = 0; i < r->count; i++) {
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "%s: stopped", r->folder);
        TRY(read_one(r, i, &first, out, e));
    }
    return dataset_split_standard(*out, seed, e);
}

static dataset *read_raw(const option_set *set, uint64_t seed, const task *watch,
                         error *e)
{
    dataset *d = NULL;
    raw_reading r = {
        .options = set,
        .folder = option_words(set, "folder"),
        .target = option_words(set, "target"),
        .level = {option_real(set, "black"), option_real(set, "white"), 1},
    };
    const status result = read_all(&r, seed, watch, &d, e);
    listing_clear(&r.frames);
    listing_clear(&r.targets);
    memory_free(r.ratio);
    return source_finish(d, result, e);
}

static const option options[] = {
    {"folder", OPTION_FILE, NULL, NULL, NULL,
     "of frames: R G over G B, PNG of 16 bits or .npy of u16"},
    {"target", OPTION_FILE, NULL, NULL, NULL, "a folder of pictures of the same names"},
    {"black", OPTION_REAL, "0..65535", "512", NULL, "what the sensor says in the dark"},
    {"white", OPTION_REAL, "1..65535", "16383", NULL, "and at most"},
    {"ratio", OPTION_REAL, "0.001..1000000", "1", NULL,
     "exposure of the target by that of the frame: light is multiplied by it"},
    {"ratios", OPTION_FILE, NULL, NULL, NULL,
     "an .npy file of ratios, one a frame in the order of their names"},
    {"tile", OPTION_INTEGER, "1..4096", NULL, "squares",
     "cut frames into tiles of so many 2 x 2 squares a side"},
    OPTION_LIMIT,
    {0},
};

const data_source source_raw = {
    .name = "raw",
    .summary = "frames of a camera's sensor, packed into four planes of half the size",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "data d raw short/ target=long/ ratio=100 tile=128",
    .read = read_raw,
};
