/* SPDX-License-Identifier: GPL-3.0-or-later
   run.c -- the command `run`: what a model makes of an input.  It changes no name and
   prints nothing. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/npy.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

static const option run_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to run"},
    {"input", OPTION_TEXT, NULL, NULL, NULL,
     "a dataset, an .npy file, or a file of raw little-endian float32; order N,C,H,W"},
    {"index", OPTION_INTEGER, "0..", NULL, NULL,
     "one sample of the dataset (default: all)"},
    {"shape", OPTION_INTEGERS, "1..", NULL, NULL,
     "C,H,W of a raw file (default: the model's)"},
    {0},
};

/* The model's input shape, or shape=C,H,W in lathe's order. */
static status raw_shape(const call *c, const model *m, shape *out, error *e)
{
    const option_value *words = option_get(&c->options, "shape");
    *out = m->graph->input_shape;
    if (!words->present)
        return E_OK;
    if (words->count != out->rank)
        return fail(e, E_SHAPE, "run: shape has %lld numbers, the model wants %d (C,H,W)",
                    (long long)words->count, out->rank);
    for (int i = 0; i < out->rank; i++) /* channels stand first outside, last here */
        out->dim[i] = (int64_t)words->reals[(i + 1) % out->rank];
    return E_OK;
}

/* Raw float32 as a tensor (N,C,H,W). */
static tensor *read_raw(const call *c, const model *m, const char *path, error *e)
{
    shape one;
    void *bytes = NULL;
    size_t length;
    if (raw_shape(c, m, &one, e) != E_OK)
        return NULL;
    if (file_read(path, (size_t)1 << 34, &bytes, &length, e) != E_OK)
        return NULL;
    size_t sample = (size_t)shape_count(one) * sizeof(float);
    tensor *t = NULL;
    if (length == 0 || length % sample != 0) {
        fail(e, E_FORMAT,
             "run: %s has %zu bytes, which is no whole number of samples of %zu bytes",
             path, length, sample);
        fail_hint(e, "shape=C,H,W says what a sample is");
    } else {
        shape s = {.rank = one.rank + 1};
        s.dim[0] = (int64_t)(length / sample);
        for (int i = 0; i < one.rank; i++)
            s.dim[1 + (i + 1) % one.rank] = one.dim[i];
        t = tensor_new(DTYPE_F32, s, e);
        float *x = t ? tensor_write_f32(t, e) : NULL;
        if (x)
            memcpy(x, bytes, length);
    }
    memory_free(bytes);
    return t;
}

/* An array of one sample, of rows, or of images without a channel, as (N,C,H,W). */
static status complete_shape(tensor *t, const model *m, const char *path, error *e)
{
    shape s = tensor_shape(t), want = m->graph->input_shape, full = s;
    char found[128];
    int64_t channels = want.dim[want.rank - 1];
    if (s.rank == 2 && want.rank > 1 && s.dim[1] == shape_count(want)) {
        full.rank = want.rank + 1; /* N rows of all that a sample has */
        for (int i = 0; i < want.rank; i++)
            full.dim[1 + (i + 1) % want.rank] = want.dim[i];
    } else if (s.rank == want.rank && want.rank > 1 && channels == 1 && s.dim[0] != 1) {
        full.rank = s.rank + 1; /* N,H,W */
        full.dim[1] = 1;
        for (int i = 1; i < s.rank; i++)
            full.dim[i + 1] = s.dim[i];
    } else if (s.rank == want.rank - 1 && want.rank > 1 && channels == 1) {
        full.rank = s.rank + 2; /* H,W */
        full.dim[0] = full.dim[1] = 1;
        for (int i = 0; i < s.rank; i++)
            full.dim[i + 2] = s.dim[i];
    } else if (s.rank == want.rank) {
        full.rank = s.rank + 1; /* C,H,W */
        full.dim[0] = 1;
        for (int i = 0; i < s.rank; i++)
            full.dim[i + 1] = s.dim[i];
    }
    if (full.rank != want.rank + 1 || full.dim[0] < 1 || full.dim[1] != channels)
        return fail(e, E_SHAPE,
                    "run: %s is %s, the model wants N,C,H,W with %lld channels", path,
                    shape_text(found, s), (long long)channels);
    return tensor_reshape(t, full, e);
}

/* The file PATH as a dataset that has inputs alone. */
static dataset *read_input(const call *c, const model *m, const char *path, error *e)
{
    int order[SHAPE_MAX];
    tensor *any = text_ends(path, ".npy") ? npy_read(path, e) : read_raw(c, m, path, e);
    tensor *outside = any ? tensor_to_f32(any, e) : NULL;
    dataset *d = NULL;
    tensor_free(any);
    if (outside && complete_shape(outside, m, path, e) == E_OK)
        d = dataset_new(e);
    if (d) {
        d->count = tensor_shape(outside).dim[0];
        tensor_order_from_outside(tensor_shape(outside).rank, order);
        d->input = tensor_permute(outside, order, e);
        if (!d->input) {
            dataset_free(d);
            d = NULL;
        }
    }
    tensor_free(outside);
    return d;
}

/* Predicts samples INDEX[AT..AT+COUNT-1] of N into *ALL (n, H, W, C), made by the first
   call. */
static status predict_some(const model *m, const dataset *d, const int64_t *index,
                           int64_t at, int64_t count, int64_t n, tensor **all, error *e)
{
    tensor *some = predict(m, d, index + at, count, e);
    if (!some)
        return e->code;
    if (!*all) {
        shape s = tensor_shape(some);
        s.dim[0] = n;
        *all = tensor_new(DTYPE_F32, s, e);
    }
    float *y = *all ? tensor_write_f32(*all, e) : NULL;
    if (y)
        memcpy(y + at * (tensor_count(some) / count), tensor_f32(some),
               tensor_bytes(some));
    tensor_free(some);
    return y ? E_OK : e->code;
}

/* Predicts samples INDEX[0..n-1], a few at a time: (n, H, W, C). */
static tensor *predict_all(const call *c, const model *m, const dataset *d,
                           const int64_t *index, int64_t n, error *e)
{
    const int64_t batch = evaluation_batch(m, d);
    tensor *all = NULL;
    status s = E_OK;
    for (int64_t done = 0; s == E_OK && done < n;) {
        int64_t count = n - done < batch ? n - done : batch;
        s = predict_some(m, d, index, done, count, n, &all, e);
        done += count;
        task_report(c->task, &(progress){.stage = "run",
                                         .unit = "sample",
                                         .done = done,
                                         .total = n,
                                         .loss = NAN,
                                         .metric = NAN});
        if (s == E_OK && done < n && task_cancelled(c->task))
            s = fail(e, E_STOPPED, "run: stopped after %lld of %lld samples",
                     (long long)done, (long long)n);
    }
    if (s == E_OK)
        return all;
    tensor_free(all);
    return NULL;
}

/* Writes Y in the outside's order and tells about it. */
static status write_output(call *c, const tensor *y, error *e)
{
    int order[SHAPE_MAX];
    char words[128];
    tensor_order_to_outside(tensor_shape(y).rank, order);
    tensor *outside = tensor_permute(y, order, e);
    if (!outside)
        return e->code;
    status s = npy_write(c->output_file, outside, e);
    shape full = tensor_shape(outside);
    table_integer(c->rows, "samples", full.dim[0]);
    table_text(c->rows, "shape", shape_text(words, full));
    table_text(c->rows, "file", c->output_file);
    tensor_free(outside);
    return s;
}

static status run_on(call *c, const model *m, const dataset *d, error *e)
{
    const option_value *one = option_get(&c->options, "index");
    int64_t n = one->present ? 1 : d->count;
    if (one->present && one->integer >= d->count)
        return fail(e, E_RANGE, "run: index=%lld, but there are %lld samples (from 0)",
                    (long long)one->integer, (long long)d->count);
    int64_t *index = memory_new(n, sizeof *index, e);
    if (!index)
        return e->code;
    for (int64_t i = 0; i < n; i++)
        index[i] = one->present ? one->integer : i;
    double start = task_clock();
    tensor *y = predict_all(c, m, d, index, n, e);
    memory_free(index);
    if (!y)
        return e->code;
    table_row(c->rows);
    table_text(c->rows, "model", option_words(&c->options, "model"));
    table_text(c->rows, "input", option_words(&c->options, "input"));
    status s = write_output(c, y, e);
    table_real(c->rows, "seconds", task_clock() - start);
    tensor_free(y);
    return s;
}

static status run_command(call *c, error *e)
{
    const char *input = option_words(&c->options, "input");
    const model *m = session_get_model(c->session, option_words(&c->options, "model"), e);
    if (!m)
        return e->code;
    if (!c->output_file || !text_ends(c->output_file, ".npy")) {
        fail(e, E_USAGE, "run: the output goes to an .npy file");
        return fail_hint(e, "add '> FILE.npy'");
    }
    if (session_kind(c->session, input) == OBJECT_DATASET)
        return run_on(c, m, session_get_dataset(c->session, input, e), e);
    if (!file_exists(input))
        return fail(e, E_NAME, "run: '%s' is no dataset and no file", input);
    dataset *d = read_input(c, m, input, e);
    if (!d)
        return e->code;
    status s = run_on(c, m, d, e);
    dataset_free(d);
    return s;
}

const command command_run = {
    .name = "run",
    .group = "measure",
    .summary = "apply a model to samples and write what it answers",
    .options = run_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_LONG | COMMAND_FILE | COMMAND_RECORDED,
    .example = "run m d index=0 > answer.npy",
    .details =
        "The model's own input transform is applied.  The file holds float32 in the "
        "order N,C,H,W, as numpy.load reads it.",
    .see = "eval, export",
    .run = run_command,
};
