/* SPDX-License-Identifier: GPL-3.0-or-later
   input.c -- the command `input`: what a model does to its input first, and how
   the samples it is trained on are varied.  It changes no dataset. */
#include <math.h>

#include "base/memory.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

enum { CHANNELS_MOST = 16 };

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model whose input it is"},
    {"kind", OPTION_WORD, "none|log|normalize|block-log", NULL, NULL,
     "x, ln(x + epsilon), (x - mean) / std, or ln(x - least of the sample + epsilon)"},
    {"resize", OPTION_INTEGERS, "0..65536", NULL, "pixels",
     "size of the pictures that the model sees, HEIGHT,WIDTH or one for both; 0: as they "
     "are"},
    {"epsilon", OPTION_REAL, "0..", "0.000000001", NULL, "of the logarithms"},
    {"mean", OPTION_REALS, NULL, NULL, NULL, "of each channel, or one for all"},
    {"std", OPTION_REALS, "0..", NULL, NULL, "deviation of each channel, or one for all"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "take mean and std from the split train of these data"},
    {"crop", OPTION_INTEGER, "0..4096", NULL, "pixels",
     "training: pad by so many, reflected, and cut back at random; phase fields go "
     "round"},
    {"flip", OPTION_WORD, "no|x|y|xy", NULL, NULL,
     "training: left for right, top for bottom, each half of the times"},
    {"turn", OPTION_FLAG, NULL, NULL, NULL, "training: by none to three quarter turns"},
    {0},
};

/* Sums over one channel of the training samples, in double. */
typedef struct channel_sums {
    double count, sum, squares;
} channel_sums;

static void add_sample(const float *x, int64_t n, int64_t channels, channel_sums *sums)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < channels; c++) {
            const double value = (double)x[i * channels + c];
            sums[c].count++;
            sums[c].sum += value;
            sums[c].squares += value * value;
        }
}

static status measure(const dataset *d, const char *name, transform *t, error *e)
{
    channel_sums sums[CHANNELS_MOST] = {{0}};
    const transform size = {.height = t->height, .width = t->width};
    const shape s = batch_input_shape(d, &size);
    const int64_t count = shape_count(s), channels = s.dim[s.rank - 1];
    if (channels > CHANNELS_MOST)
        return fail(e, E_SHAPE, "input: %s has %lld channels, at most %d were wanted",
                    name, (long long)channels, CHANNELS_MOST);
    if (dataset_split_count(d, SPLIT_TRAIN) == 0)
        return fail(e, E_RANGE, "input: %s has no samples in split train", name);
    float *x = memory_new_raw(count, sizeof *x, e);
    if (!x)
        return E_MEMORY;
    status result = E_OK;
    for (int64_t i = 0; i < d->count && result == E_OK; i++)
        if (d->split[i] == SPLIT_TRAIN) {
            result = dataset_batch(d, &size, &i, 1, x, NULL, NULL, e);
            if (result == E_OK)
                add_sample(x, count / channels, channels, sums);
        }
    memory_free(x);
    TRY(result);
    t->channels = (int)channels;
    for (int64_t c = 0; c < channels; c++) {
        t->mean[c] = sums[c].sum / sums[c].count;
        t->deviation[c] =
            sqrt(fmax(sums[c].squares / sums[c].count - t->mean[c] * t->mean[c], 0));
    }
    return E_OK;
}

static status take_numbers(const option_set *o, int channels, transform *t, error *e)
{
    const option_value *mean = option_get(o, "mean"), *std = option_get(o, "std");
    if (!mean->given || !std->given)
        return fail(e, E_USAGE, "input: normalize wants mean= and std=, or data=");
    if ((mean->count != 1 && mean->count != channels) ||
        (std->count != 1 && std->count != channels) || channels > CHANNELS_MOST)
        return fail(e, E_SHAPE,
                    "input: %lld means and %lld deviations for %d channels: one of "
                    "each for each channel, or for all, were wanted",
                    (long long)mean->count, (long long)std->count, channels);
    t->channels = channels;
    for (int c = 0; c < channels; c++) {
        t->mean[c] = mean->reals[mean->count == 1 ? 0 : c];
        t->deviation[c] = std->reals[std->count == 1 ? 0 : c];
    }
    return E_OK;
}

static status set_normalize(const call *c, const model *m, transform *t, error *e)
{
    const option_set *o = &c->options;
    const shape in = m->graph->input_shape;
    const char *name = option_words(o, "data");
    if (name) {
        const dataset *d = session_get_dataset(c->session, name, e);
        TRY(d ? measure(d, name, t, e) : E_NAME);
    } else
        TRY(take_numbers(o, (int)in.dim[in.rank - 1], t, e));
    for (int k = 0; k < t->channels; k++)
        if (!(t->deviation[k] > 0))
            return fail(e, E_RANGE,
                        "input: channel %d has the deviation %g, more than "
                        "0 was wanted",
                        k, t->deviation[k]);
    return E_OK;
}

static status set_size(const option_set *o, const shape *seen, transform *t, error *e)
{
    const option_value *size = option_get(o, "resize");
    if (!size->given)
        return E_OK;
    if (seen->rank != 3)
        return fail(e, E_SHAPE, "input: resize= is of pictures, and the model sees none");
    if (size->count > 2)
        return fail(e, E_USAGE, "input: resize=%s: HEIGHT,WIDTH or one number was wanted",
                    size->words);
    t->height = (int64_t)size->reals[0];
    t->width = (int64_t)size->reals[size->count - 1];
    if ((t->height > 0) != (t->width > 0))
        return fail(e, E_RANGE, "input: resize=%s: both sides or none were wanted",
                    size->words);
    return E_OK;
}

static status set_kind(const call *c, model *m, error *e)
{
    const option_set *o = &c->options;
    const int64_t height = m->input_transform.height, width = m->input_transform.width;
    transform t = {.height = height, .width = width};
    if (!option_given(o, "kind"))
        return E_OK;
    t.epsilon = option_real(o, "epsilon");
    if (option_is(o, "kind", "normalize")) {
        t = (transform){height, width, .kind = TRANSFORM_NORMALIZE};
        TRY(set_normalize(c, m, &t, e));
    } else if (option_is(o, "kind", "none"))
        t = (transform){height, width, .kind = TRANSFORM_NONE};
    else
        t.kind = option_is(o, "kind", "log") ? TRANSFORM_LOG : TRANSFORM_BLOCK_LOG;
    if (t.kind == TRANSFORM_BLOCK_LOG && !(t.epsilon > 0))
        return fail(e, E_RANGE,
                    "input: epsilon=0: the least of a sample has no "
                    "logarithm then");
    m->input_transform = t;
    return E_OK;
}

static void set_augmentation(const option_set *o, augmentation *a)
{
    if (option_given(o, "crop"))
        a->crop = option_integer(o, "crop");
    if (option_given(o, "flip")) {
        a->flip_x = option_is(o, "flip", "x") || option_is(o, "flip", "xy");
        a->flip_y = option_is(o, "flip", "y") || option_is(o, "flip", "xy");
    }
    if (option_given(o, "turn"))
        a->turn = option_flag(o, "turn");
}

/* "0.1307" or "0.485,0.456,0.406". */
static void put_numbers(table *rows, const char *column, const double *x, int count)
{
    text words = {0};
    for (int i = 0; i < count; i++)
        text_addf(&words, "%s%.6g", i ? "," : "", x[i]);
    table_text(rows, column, text_get(&words));
    text_clear(&words);
}

static void put_row(const call *c, const char *name, const model *m)
{
    static const char *const flips[] = {"no", "x", "y", "xy"};
    static const char *const kinds[] = {[TRANSFORM_NONE] = "none",
                                        [TRANSFORM_LOG] = "log",
                                        [TRANSFORM_NORMALIZE] = "normalize",
                                        [TRANSFORM_BLOCK_LOG] = "block-log"};
    const transform *t = &m->input_transform;
    const augmentation *a = &m->augment;
    table_row(c->rows);
    table_text(c->rows, "model", name);
    if (t->height > 0) {
        table_integer(c->rows, "height", t->height);
        table_integer(c->rows, "width", t->width);
    }
    table_text(c->rows, "transform", kinds[t->kind]);
    if (t->kind == TRANSFORM_LOG || t->kind == TRANSFORM_BLOCK_LOG)
        table_real(c->rows, "epsilon", t->epsilon);
    if (t->kind == TRANSFORM_NORMALIZE) {
        put_numbers(c->rows, "mean", t->mean, t->channels);
        put_numbers(c->rows, "std", t->deviation, t->channels);
    }
    table_integer(c->rows, "crop", a->crop);
    table_text(c->rows, "flip", flips[(a->flip_x ? 1 : 0) + (a->flip_y ? 2 : 0)]);
    table_flag(c->rows, "turn", a->turn);
}

static status run(call *c, error *e)
{
    const char *name = option_words(&c->options, "model"),
               *data = option_words(&c->options, "data");
    const model *before = session_get_model(c->session, name, e);
    if (before && data && !session_get_dataset(c->session, data, e))
        return e->code; /* also where nothing is measured on them */
    model *m = before ? model_copy(before, e) : NULL;
    if (!m)
        return e->code;
    status result = set_size(&c->options, &m->graph->input_shape, &m->input_transform, e);
    if (result == E_OK)
        result = set_kind(c, m, e);
    if (result != E_OK) {
        model_free(m);
        return result;
    }
    set_augmentation(&c->options, &m->augment);
    put_row(c, name, m);
    return session_put_model(c->session, name, m, e);
}

const command command_input = {
    .name = "input",
    .group = "learn",
    .summary = "say what a model does to its input, how training varies samples",
    .options = options,
    .arguments = 2,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_RECORDED,
    .example = "input m log epsilon=1e-9 flip=xy",
    .details =
        "Both are part of the model and of its file; the data stay as they are.  resize= "
        "comes first: pictures of any size are brought to the one that the model sees, "
        "as "
        "the sources images and lowlight do it while reading.  Where "
        "the "
        "target is the input, it is transformed, too, and the way back is exact: "
        "block-log "
        "keeps the least of each sample beside what the network gives.  Samples are "
        "varied "
        "while training alone, by seed, epoch and sample; targets that are images move "
        "with their inputs, and steps of phases turn with them.  A field of phases is "
        "periodic: crop moves it round, because a reflected edge would hold vortices "
        "that "
        "turn the other way.  A flip changes the "
        "sense "
        "in which a field of phases winds, a turn does not.",
    .see = "model, train, data",
    .run = run,
};
