/* SPDX-License-Identifier: GPL-3.0-or-later
   confusion.c -- which class a model takes for which, counted over a split.  Rates are
   left to those who show them. */
#include <math.h>

#include "base/memory.h"
#include "measure/evaluate.h"
#include "train/runner.h"

/* The first of the largest outputs, -1 where none is a number. */
static int64_t largest(const float *y, int64_t channels)
{
    int64_t at = -1;
    for (int64_t c = 0; c < channels; c++)
        if (!isnan(y[c]) && (at < 0 || y[c] > y[at]))
            at = c;
    return at;
}

static void count_batch(const run_output *out, int64_t classes, int64_t *counts)
{
    int64_t channels = shape_count(out->sample);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t taken = largest(out->output + i * channels, channels);
        if (taken >= 0)
            counts[(int64_t)out->target[i] * classes + taken]++;
    }
}

static status count_all(runner *run, const dataset *d, const int64_t *index, int64_t n,
                        const task *watch, int64_t classes, int64_t *counts, error *e)
{
    TRY(batch_check_target(d, runner_transform(run), runner_output_shape(run), true, e));
    for (int64_t begin = 0; begin < n; begin += runner_batch(run)) {
        int64_t left = n - begin, batch = runner_batch(run);
        run_output out;
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "confusion: stopped after %lld of %lld samples",
                        (long long)begin, (long long)n);
        TRY(runner_run(run, d, index + begin, left < batch ? left : batch, &out, e));
        count_batch(&out, classes, counts);
    }
    return E_OK;
}

status evaluate_confusion(const model *m, const dataset *d, split_kind split,
                          int64_t batch, const task *watch, int64_t **counts,
                          int64_t *classes, error *e)
{
    int64_t *index = NULL, n = 0;
    *counts = NULL;
    if (!d->target || d->class_count < 1)
        return fail(e, E_USAGE, "confusion: the dataset has no classes, wanted some");
    batch = batch ? batch : evaluation_batch(m, d);
    TRY(dataset_split_index(d, split, &index, &n, e));
    runner *run = n > 0 ? runner_new(m, batch < n ? batch : n,
                                     batch_input_shape(d, &m->input_transform), e)
                        : NULL;
    status code = E_OK;
    if (n < 1)
        code = fail(e, E_USAGE, "confusion: split %s has no samples, wanted some",
                    split_name(split));
    else if (!run)
        code = batch_explain(m, d, e);
    if (code == E_OK) {
        shape out = runner_output_shape(run);
        *classes = out.dim[out.rank - 1];
        *counts = memory_new(*classes * *classes, sizeof **counts, e);
        code =
            *counts ? count_all(run, d, index, n, watch, *classes, *counts, e) : E_MEMORY;
    }
    if (code != E_OK) {
        memory_free(*counts);
        *counts = NULL;
    }
    runner_free(run);
    memory_free(index);
    return code;
}
