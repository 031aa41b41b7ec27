/* SPDX-License-Identifier: GPL-3.0-or-later
   distill.c -- the teacher beside a training: its answers to each batch, and what they add
   to the loss.  The distances are in distill_loss.c, adapters in distill_adapter.c. */
#include "train/distill.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "train/distill_loss.h"
#include "train/trainer_parts.h"

struct distiller {
    const model *teacher;
    int student_value, teacher_value; /* -1: outputs alone */
    plan *plan;
    int64_t batch; /* of the plan */
    int64_t count; /* samples of the batch that was looked at */
    shape input;
    train_room room;
};

distiller *distiller_new(const model *teacher, int student_value, int teacher_value,
                         error *e)
{
    const graph *g = teacher->graph;
    if (teacher_value >= 0 && g->values[teacher_value].type != DTYPE_F32) {
        fail(e, E_SHAPE, "distill: the teacher's value is in integers, wanted f32");
        return NULL;
    }
    distiller *s = memory_new(1, sizeof *s, e);
    if (!s)
        return NULL;
    s->teacher = teacher;
    s->student_value = student_value;
    s->teacher_value = teacher_value;
    return s;
}

void distiller_free(distiller *s)
{
    if (!s)
        return;
    plan_free(s->plan);
    train_room_clear(&s->room);
    memory_free(s);
}

int distiller_value(const distiller *s)
{
    return s->student_value;
}

/* A plan for N samples or more, of input shape IN. */
static status make_plan(distiller *s, const dataset *d, int64_t n, error *e)
{
    const shape in = batch_input_shape(d, &s->teacher->input_transform);
    if (s->plan && s->batch >= n && shape_equal(s->input, in))
        return E_OK;
    plan_free(s->plan);
    s->plan = plan_new_inference(s->teacher->graph, n, in, e);
    if (!s->plan)
        return batch_explain(s->teacher, d, e);
    s->batch = n;
    s->input = in;
    if (s->teacher_value >= 0 && s->teacher_value != s->teacher->graph->output)
        TRY(plan_want_value(s->plan, s->teacher_value, e));
    return plan_start(s->plan, e);
}

static bool same_transform(const transform *a, const transform *b)
{
    if (a->kind != b->kind || a->epsilon != b->epsilon || a->channels != b->channels ||
        a->height != b->height || a->width != b->width)
        return false;
    for (int c = 0; c < a->channels; c++)
        if (a->mean[c] != b->mean[c] || a->deviation[c] != b->deviation[c])
            return false;
    return true;
}

status distiller_look(distiller *s, const model *student, const dataset *d, uint64_t seed,
                      int64_t epoch, const int64_t *index, int64_t n, const float *input,
                      error *e)
{
    TRY(make_plan(s, d, n, e));
    float *x = plan_input(s->plan);
    const int64_t sample = shape_count(s->input);
    if (!x)
        return plan_start(s->plan, e);
    s->count = n;
    if (same_transform(&student->input_transform, &s->teacher->input_transform)) {
        memcpy(x, input, (size_t)(n * sample) * sizeof *x);
    } else {
        const model eyes = {.input_transform = s->teacher->input_transform,
                            .augment = student->augment};
        TRY(batch_load_varied(NULL, d, &eyes, seed, epoch, NULL, index, n, x, e));
    }
    /* A plan for more samples runs them all: in evaluation mode none sees another. */
    memset(x + n * sample, 0, (size_t)((s->batch - n) * sample) * sizeof *x);
    return plan_forward(s->plan, 0, 0, e);
}

static status check_outputs(const distiller *s, const plan *p, error *e)
{
    char mine[128], teachers[128];
    shape y = plan_output_shape(p), z = plan_output_shape(s->plan);
    z.dim[0] = y.dim[0];
    if (shape_equal(y, z))
        return E_OK;
    return fail(e, E_SHAPE, "distill: the student puts out %s, the teacher %s",
                shape_text(mine, y), shape_text(teachers, z));
}

static status room_for(train_room *r, size_t bytes, error *e)
{
    if (r->bytes >= bytes)
        return E_OK;
    train_room_clear(r);
    r->block = memory_new_raw((int64_t)bytes, 1, e);
    r->bytes = r->block ? bytes : 0;
    return r->block ? E_OK : E_MEMORY;
}

/* (1 - alpha) of the loss that stands, alpha of the distance of outputs. */
static status judge_outputs(distiller *s, const train_settings *t, const float *valid,
                            plan *p, double *loss, error *e)
{
    const double alpha = t->distillation.alpha;
    const shape out = plan_output_shape(p);
    const int64_t n = shape_count(out), channels = out.dim[out.rank - 1];
    const float *z = plan_output(s->plan);
    float *gradient = plan_output_gradient(p);
    if (t->loss->labels) {
        *loss = (1 - alpha) * *loss +
                distill_logits(plan_output(p), z, valid, n / channels, channels,
                               t->distillation.temperature, alpha, 1 - alpha, gradient);
        return E_OK;
    }
    TRY(room_for(&s->room, (size_t)n * sizeof(float), e));
    double apart =
        t->loss->value(&t->terms, plan_output(p), z, valid, n, channels, s->room.block);
    distill_mix(gradient, s->room.block, n, 1 - alpha, alpha);
    *loss = (1 - alpha) * *loss + alpha * apart;
    return E_OK;
}

/* Masks of OUT (N,H,W,C; or one for each row of labels) as shares of the pixels of
   FEATURES (N,h,w,C): means over the pixels that each of those covers. */
static void shrink_mask(const float *valid, shape out, bool labels, shape features,
                        float *share)
{
    const int64_t rows = out.dim[1], columns = out.dim[2],
                  channels = labels ? 1 : out.dim[3], h = features.dim[1],
                  w = features.dim[2];
    for (int64_t i = 0; i < features.dim[0] * h * w; i++) {
        const int64_t image = i / (h * w), y = i / w % h, x = i % w;
        const int64_t top = y * rows / h, left = x * columns / w;
        int64_t bottom = (y + 1) * rows / h, right = (x + 1) * columns / w;
        double sum = 0;
        bottom = bottom > top ? bottom : top + 1;
        right = right > left ? right : left + 1;
        for (int64_t r = top; r < bottom; r++)
            for (int64_t c = left * channels; c < right * channels; c++)
                sum += (double)valid[(image * rows + r) * columns * channels + c];
        share[i] = (float)(sum / (double)((bottom - top) * (right - left) * channels));
    }
}

static status judge_features(distiller *s, const train_settings *t, const float *valid,
                             plan *p, double *loss, error *e)
{
    const shape here = plan_value_shape(p, s->student_value), out = plan_output_shape(p);
    const int64_t channels = here.dim[here.rank - 1], rows = shape_count(here) / channels;
    const float *z = s->teacher_value == s->teacher->graph->output
                         ? plan_output(s->plan)
                         : plan_value(s->plan, s->teacher_value);
    float *share = NULL;
    if (valid && here.rank == 4 && out.rank == 4) {
        TRY(room_for(&s->room, (size_t)rows * sizeof(float), e));
        share = s->room.block;
        shrink_mask(valid, out, t->loss->labels, here, share);
    }
    *loss += distill_features(plan_value(p, s->student_value), z, share, rows, channels,
                              t->distillation.beta, plan_value_gradient(p));
    return E_OK;
}

status distiller_judge(distiller *s, const train_settings *t, const float *valid, plan *p,
                       double *loss, error *e)
{
    const float *kept = text_starts(t->loss->name, "masked-") ? valid : NULL;
    TRY(check_outputs(s, p, e));
    TRY(judge_outputs(s, t, kept, p, loss, e));
    if (s->student_value >= 0)
        TRY(judge_features(s, t, kept, p, loss, e));
    if (isfinite(*loss))
        return E_OK;
    return fail(e, E_NUMERIC, "distill: the loss is %g, wanted a finite number", *loss);
}
