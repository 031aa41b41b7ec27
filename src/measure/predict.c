/* SPDX-License-Identifier: GPL-3.0-or-later
   predict.c -- a model's outputs for chosen samples, as one tensor; nothing is
   compared. */
#include <string.h>

#include "measure/evaluate.h"
#include "train/runner.h"

#define PREDICT_BATCH 8

static shape all_outputs(shape batch, int64_t n)
{
    batch.dim[0] = n;
    return batch;
}

static status predict_into(tensor *all, runner *run, const dataset *d,
                           const int64_t *index, int64_t n, error *e)
{
    float *y = tensor_write_f32(all, e);
    if (!y)
        return E_MEMORY;
    for (int64_t begin = 0; begin < n; begin += runner_batch(run)) {
        int64_t left = n - begin, batch = runner_batch(run);
        run_output out;
        TRY(runner_run(run, d, index + begin, left < batch ? left : batch, &out, e));
        int64_t count = shape_count(out.sample);
        memcpy(y + begin * count, out.output, (size_t)(out.count * count) * sizeof *y);
    }
    return E_OK;
}

tensor *predict(const model *m, const dataset *d, const int64_t *index, int64_t n,
                error *e)
{
    if (n < 1) {
        fail(e, E_RANGE, "predict: no samples were asked for, wanted 1 or more");
        return NULL;
    }
    for (int64_t i = 0; i < n; i++)
        if (index[i] < 0 || index[i] >= d->count) {
            fail(e, E_RANGE, "predict: sample %lld, wanted 0 to %lld",
                 (long long)index[i], (long long)d->count - 1);
            return NULL;
        }
    runner *run = runner_new(m, n < PREDICT_BATCH ? n : PREDICT_BATCH,
                             batch_input_shape(d, &m->input_transform), e);
    if (!run) {
        batch_explain(m, d, e);
        return NULL;
    }
    tensor *all = tensor_new(DTYPE_F32, all_outputs(runner_output_shape(run), n), e);
    if (all && predict_into(all, run, d, index, n, e) != E_OK) {
        tensor_free(all);
        all = NULL;
    }
    runner_free(run);
    return all;
}
