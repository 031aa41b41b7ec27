/* SPDX-License-Identifier: GPL-3.0-or-later
   runner.c -- batches of samples, and a model run on them in evaluation mode; it knows
   neither losses nor metrics. */
#include "train/runner.h"

#include "base/memory.h"

struct runner {
    const model *model;
    plan *plan;
    int64_t batch;
    int kept; /* a value, or -1 */
    batch_buffer buffer;
    int64_t *index; /* [batch] samples of a batch that is not full */
};

void batch_buffer_clear(batch_buffer *b)
{
    memory_free(b->target);
    memory_free(b->valid);
    *b = (batch_buffer){0};
}

static status make_room(float **block, int64_t *room, int64_t needed, error *e)
{
    if (needed <= *room)
        return E_OK;
    float *more = memory_new_raw(needed, sizeof *more, e);
    if (!more)
        return E_MEMORY;
    memory_free(*block);
    *block = more;
    *room = needed;
    return E_OK;
}

/* Room for N targets and masks in B; NULL for those that D has not. */
static status make_targets(batch_buffer *b, const dataset *d, const transform *t,
                           int64_t n, float **target, float **valid, error *e)
{
    *target = *valid = NULL;
    if (!b || !d->target)
        return E_OK;
    int64_t elements = n * shape_count(batch_target_shape(d, t));
    TRY(make_room(&b->target, &b->target_room, elements, e));
    if (d->mask)
        TRY(make_room(&b->valid, &b->valid_room, elements, e));
    *target = b->target;
    *valid = d->mask ? b->valid : NULL;
    return E_OK;
}

status batch_load(batch_buffer *b, const dataset *d, const transform *t,
                  const int64_t *index, int64_t n, float *input, error *e)
{
    float *target, *valid;
    TRY(make_targets(b, d, t, n, &target, &valid, e));
    return dataset_batch(d, t, index, n, input, target, valid, e);
}

status batch_load_varied(batch_buffer *b, const dataset *d, const model *m, uint64_t seed,
                         int64_t epoch, prefetch *ahead, const int64_t *index, int64_t n,
                         float *input, error *e)
{
    float *target, *valid;
    if (!augmentation_is_none(&m->augment))
        TRY(augmentation_check(&m->augment, d, e));
    TRY(make_targets(b, d, &m->input_transform, n, &target, &valid, e));
    if (prefetch_take(ahead, index, n, input, target, valid))
        return E_OK;
    if (augmentation_is_none(&m->augment))
        return dataset_batch(d, &m->input_transform, index, n, input, target, valid, e);
    return dataset_batch_augmented(d, &m->input_transform, &m->augment, seed, epoch,
                                   index, n, input, target, valid, e);
}

static shape without_batch(shape s)
{
    shape rest = {.rank = s.rank - 1};
    for (int i = 0; i < rest.rank; i++)
        rest.dim[i] = s.dim[i + 1];
    return rest;
}

status batch_check_target(const dataset *d, const transform *t, shape output, bool labels,
                          error *e)
{
    char have[128], want[128];
    if (!d->target)
        return fail(e, E_SHAPE,
                    "dataset: it has no targets, wanted some to compare with");
    shape sample = without_batch(output), target = batch_target_shape(d, t);
    if (labels) {
        int64_t rows = shape_count(sample) / sample.dim[sample.rank - 1];
        int64_t channels = sample.dim[sample.rank - 1];
        if (d->class_count > channels)
            return fail(e, E_SHAPE,
                        "dataset: it has %lld classes, the model's outputs are %lld",
                        (long long)d->class_count, (long long)channels);
        if (shape_count(target) == rows)
            return E_OK;
        return fail(e, E_SHAPE, "dataset: targets are %s, wanted %lld labels a sample",
                    shape_text(have, target), (long long)rows);
    }
    if (shape_equal(sample, target))
        return E_OK;
    return fail(e, E_SHAPE, "dataset: targets are %s, the model's outputs %s",
                shape_text(have, target), shape_text(want, sample));
}

status batch_explain(const model *m, const dataset *d, error *e)
{
    char built[128], have[128];
    const shape wanted = m->graph->input_shape;
    shape in = batch_input_shape(d, &m->input_transform);
    status code = e && e->code != E_OK ? e->code : E_SHAPE;
    if (code != E_SHAPE || shape_equal(wanted, in))
        return code;
    const bool sizes = in.rank == 3 && wanted.rank == 3 && in.dim[2] == wanted.dim[2];
    const bool resized = !shape_equal(in, dataset_input_shape(d));
    fail_hint(e, "the model was built for %s, %s %s%s", shape_text(built, wanted),
              resized ? "its resize= brings the samples to" : "the dataset has",
              shape_text(have, in),
              sizes ? "; 'input MODEL resize=HEIGHT,WIDTH' changes that" : "");
    return code;
}

runner *runner_new(const model *m, int64_t batch, shape in, error *e)
{
    runner *r = memory_new(1, sizeof *r, e);
    if (!r)
        return NULL;
    r->model = m;
    r->batch = batch;
    r->kept = -1;
    r->index = memory_new(batch, sizeof *r->index, e);
    r->plan = r->index ? plan_new_inference(m->graph, batch, in, e) : NULL;
    if (!r->plan) {
        runner_free(r);
        return NULL;
    }
    return r;
}

void runner_free(runner *r)
{
    if (!r)
        return;
    plan_free(r->plan);
    batch_buffer_clear(&r->buffer);
    memory_free(r->index);
    memory_free(r);
}

int64_t runner_batch(const runner *r)
{
    return r->batch;
}

shape runner_output_shape(const runner *r)
{
    return plan_output_shape(r->plan);
}

const transform *runner_transform(const runner *r)
{
    return &r->model->input_transform;
}

status runner_keep(runner *r, int value, error *e)
{
    TRY(plan_want_value(r->plan, value, e));
    r->kept = value;
    return E_OK;
}

status runner_run(runner *r, const dataset *d, const int64_t *index, int64_t n,
                  run_output *out, error *e)
{
    float *input = plan_input(r->plan);
    if (!input)
        return fail(e, E_MEMORY, "run: no room for a batch of %lld samples",
                    (long long)r->batch);
    /* A batch that is not full repeats its last sample: one plan serves all, and in
       evaluation mode no sample sees another. */
    for (int64_t i = 0; i < r->batch; i++)
        r->index[i] = index[i < n ? i : n - 1];
    TRY(batch_load(&r->buffer, d, &r->model->input_transform, r->index, r->batch, input,
                   e));
    TRY(plan_forward(r->plan, 0, 0, e));
    *out = (run_output){.count = n,
                        .output = plan_output(r->plan),
                        .target = d->target ? r->buffer.target : NULL,
                        .valid = d->target && d->mask ? r->buffer.valid : NULL,
                        .sample = without_batch(plan_output_shape(r->plan))};
    if (r->kept >= 0) {
        out->kept = plan_value(r->plan, r->kept);
        out->kept_count = shape_count(plan_value_shape(r->plan, r->kept)) / r->batch;
    }
    return E_OK;
}
