/* SPDX-License-Identifier: GPL-3.0-or-later
   source_lowlight.c -- the source `lowlight`: pictures of another dataset as a sensor sees
   them in the dark; the target is the clean picture.  The noise is sensor.h's, the packing
   bayer.h's. */
#include "data/source.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "data/bayer.h"
#include "data/picture.h"
#include "data/sensor.h"

typedef struct lowlight_making {
    const dataset *from;
    const option_set *options;
    uint64_t seed;
    int64_t height, width, channels; /* of a picture of FROM */
    int64_t size; /* of a target: pixels a side, 0: as large as the picture, made even */
    int64_t h, w; /* of the planes */
    sensor sensor;
    double ratio[2];
    float *input, *target;
    double *ratios; /* [count] */
    atomic_bool failed;
} lowlight_making;

/* Picture I as 16 bits, in the size that is wanted. */
static tensor *take_picture(const lowlight_making *m, int64_t i)
{
    const int64_t count = m->height * m->width * m->channels;
    tensor *t =
        tensor_new(DTYPE_U16, shape_of(3, m->height, m->width, m->channels), NULL);
    uint16_t *to = t ? tensor_write(t, NULL) : NULL;
    for (int64_t k = 0; to && k < count; k++) {
        const double value =
            tensor_dtype(m->from->input) == DTYPE_U8
                ? ((const uint8_t *)tensor_data(m->from->input))[i * count + k] / 255.0
                : (double)tensor_f32(m->from->input)[i * count + k];
        to[k] = (uint16_t)rint(fmin(fmax(value, 0), 1) * 65535);
    }
    if (!t || m->size == 0)
        return t;
    tensor *resized = picture_resize(t, m->size, m->size, NULL);
    tensor_free(t);
    return resized;
}

/* The clean picture in RGB, cut to an even size. */
static void put_target(const lowlight_making *m, const tensor *picture, float *target)
{
    const uint16_t *from = tensor_data(picture);
    const int64_t width = tensor_shape(picture).dim[1];
    for (int64_t y = 0; y < 2 * m->h; y++)
        for (int64_t x = 0; x < 2 * m->w; x++)
            for (int64_t c = 0; c < 3; c++)
                target[(y * 2 * m->w + x) * 3 + c] =
                    (float)from[(y * width + x) * m->channels + c % m->channels] /
                    65535.0f;
}

/* What the sensor says of TARGET, one colour a pixel. */
static void expose(const lowlight_making *m, const float *target, double ratio,
                   random_stream *random, uint16_t *frame)
{
    for (int64_t y = 0; y < m->h; y++)
        for (int64_t x = 0; x < m->w; x++)
            for (int p = 0; p < BAYER_PLANES; p++) {
                const int64_t at =
                    (2 * y + bayer_row(p)) * 2 * m->w + 2 * x + bayer_column(p);
                const double light =
                    light_of_srgb((double)target[at * 3 + bayer_colour(p)]);
                frame[at] = sensor_read(&m->sensor, light, ratio, random);
            }
}

static void make_sample(void *context, int64_t i, int thread)
{
    lowlight_making *m = context;
    const int64_t pixels = 4 * m->h * m->w;
    random_stream random = random_new(m->seed, "lowlight", (uint64_t)i);
    tensor *picture = take_picture(m, i);
    uint16_t *frame = picture ? memory_new(pixels, sizeof *frame, NULL) : NULL;
    (void)thread;
    if (frame) {
        const double ratio = random_between(&random, m->ratio[0], m->ratio[1]);
        const bayer_level level = {m->sensor.black, m->sensor.white, ratio};
        float *target = m->target + i * pixels * 3;
        put_target(m, picture, target);
        expose(m, target, ratio, &random, frame);
        bayer_pack(frame, 2 * m->w, m->h, m->w, &level, m->input + i * pixels);
        m->ratios[i] = ratio;
    } else
        atomic_store(&m->failed, true);
    memory_free(frame);
    tensor_free(picture);
}

static status prepare(lowlight_making *m, error *e)
{
    char words[128];
    const shape s = dataset_input_shape(m->from);
    if (s.rank != 3 || (s.dim[2] != 1 && s.dim[2] != 3))
        return fail(
            e, E_SHAPE,
            "lowlight: the dataset has %s, pictures of 1 or 3 colours were wanted",
            shape_text(words, s));
    m->height = s.dim[0];
    m->width = s.dim[1];
    m->channels = s.dim[2];
    m->h = (m->size ? m->size : m->height) / 2;
    m->w = (m->size ? m->size : m->width) / 2;
    if (m->h < 1 || m->w < 1)
        return fail(e, E_SHAPE, "lowlight: pictures of %s are smaller than 2 x 2",
                    shape_text(words, s));
    if (!(m->sensor.white > m->sensor.black))
        return fail(e, E_RANGE, "lowlight: 2^bits is not above black=%g",
                    m->sensor.black);
    return E_OK;
}

/* Groups and splits are those of the pictures; the ratio of each sample is a fact. */
static status keep_facts(const lowlight_making *m, dataset *d, error *e)
{
    const size_t count = (size_t)d->count;
    memcpy(d->split, m->from->split, count * sizeof *d->split);
    if (m->from->group) {
        d->group = memory_new(d->count, sizeof *d->group, e);
        if (!d->group)
            return E_MEMORY;
        memcpy(d->group, m->from->group, count * sizeof *d->group);
    }
    d->facts = table_new(e);
    for (int64_t i = 0; d->facts && i < d->count; i++) {
        table_row(d->facts);
        table_real(d->facts, "ratio", m->ratios[i]);
    }
    return d->facts ? table_ok(d->facts, e) : E_MEMORY;
}

static status make_all(lowlight_making *m, const task *watch, dataset **out, error *e)
{
    const int64_t limit = source_limit(m->options);
    TRY(prepare(m, e));
    const int64_t n = limit < m->from->count ? limit : m->from->count;
    const shape in = shape_of(4, n, m->h, m->w, (int64_t)BAYER_PLANES);
    const shape picture = shape_of(4, n, 2 * m->h, 2 * m->w, INT64_C(3));
    TRY(source_check_size("lowlight", DTYPE_F32, picture, e));
    dataset *d = *out =
        source_dataset(&source_lowlight, m->options, n, "packed frame", "picture", e);
    if (!d)
        return E_MEMORY;
    d->input = tensor_new(DTYPE_F32, in, e);
    d->target = d->input ? tensor_new(DTYPE_F32, picture, e) : NULL;
    m->ratios = memory_new(n, sizeof *m->ratios, e);
    if (!d->target || !m->ratios)
        return E_MEMORY;
    m->input = tensor_write_f32(d->input, e);
    m->target = tensor_write_f32(d->target, e);
    parallel_for(n, make_sample, m);
    if (atomic_load(&m->failed))
        return fail(e, E_MEMORY, "lowlight: no room for a picture");
    if (task_cancelled(watch))
        return fail(e, E_STOPPED, "lowlight: stopped");
    return keep_facts(m, d, e);
}

static dataset *make_lowlight(const dataset *from, const option_set *set, uint64_t seed,
                              const task *watch, error *e)
{
    dataset *d = NULL;
    const option_value *ratio = option_get(set, "ratio");
    lowlight_making m = {
        .from = from,
        .options = set,
        .seed = seed,
        .size = option_given(set, "size") ? option_integer(set, "size") : 0,
        .ratio = {ratio->reals[0], ratio->reals[1]},
        .sensor = {option_real(set, "electrons"), option_real(set, "read"),
                   option_real(set, "black"),
                   (double)((INT64_C(1) << option_integer(set, "bits")) - 1)},
    };
    const status result = make_all(&m, watch, &d, e);
    memory_free(m.ratios);
    return source_finish(d, result, e);
}

static const option options[] = {
    {"from", OPTION_DATASET, NULL, NULL, NULL, "pictures, as sRGB from 0 to 1"},
    {"ratio", OPTION_SPAN, "1..10000", "100:300", NULL,
     "how much shorter the exposure is, drawn from LOW:HIGH"},
    {"size", OPTION_INTEGER, "2..4096", NULL, "pixels",
     "width and height that pictures are resized to first"},
    {"electrons", OPTION_REAL, "1..1000000", "10000", NULL,
     "that white is in the long exposure: their number is drawn from Poisson's law"},
    {"read", OPTION_REAL, "0..1000", "2", "electrons", "deviation of the read noise"},
    {"bits", OPTION_INTEGER, "8..16", "14", NULL, "of the sensor's numbers"},
    {"black", OPTION_REAL, "0..65535", "512", NULL, "the number for no light"},
    OPTION_LIMIT,
    {0},
};

const data_source source_lowlight = {
    .name = "lowlight",
    .summary = "pictures of another dataset as a sensor sees them in the dark",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "data dark lowlight d ratio=100:300 size=64",
    .derive = make_lowlight,
};
