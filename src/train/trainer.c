/* SPDX-License-Identifier: GPL-3.0-or-later
   trainer.c -- the life of a training: start, epochs with validation, choice of the best,
   and the way back to the last good epoch; what one step does is in train_step.c. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "data/prefetch.h"
#include "graph/operator.h"
#include "train/train_update.h"
#include "train/trainer_parts.h"

void slots_free(tensor ***slots, int parameters, int slot_count)
{
    for (int i = 0; slots && i < parameters; i++) {
        for (int k = 0; slots[i] && k < slot_count; k++)
            tensor_free(slots[i][k]);
        memory_free(slots[i]);
    }
    memory_free(slots);
}

tensor ***slots_new(const graph *g, int slot_count, tensor ***from, error *e)
{
    tensor ***slots = memory_new(g->parameter_count, sizeof *slots, e);
    for (int i = 0; slots && i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (!parameter_is_trained(p))
            continue;
        slots[i] = memory_new(slot_count, sizeof *slots[i], e);
        bool whole = slots[i] != NULL;
        for (int k = 0; whole && k < slot_count; k++) {
            slots[i][k] = from ? tensor_share(from[i][k], e)
                               : tensor_new(DTYPE_F32, tensor_shape(p->data), e);
            whole = slots[i][k] != NULL;
        }
        if (!whole) {
            slots_free(slots, g->parameter_count, slot_count);
            return NULL;
        }
    }
    return slots;
}

static status check_trainable(const model *m, const train_settings *t, error *e)
{
    const graph *g = m->graph;
    if (t->epochs < 1 || t->batch < 1)
        return fail(e, E_RANGE, "train: %lld epochs in batches of %lld, wanted 1 or more",
                    (long long)t->epochs, (long long)t->batch);
    if (t->regularizer && (t->latent < 0 || t->latent >= g->value_count ||
                           t->latent == g->input || t->latent == g->output))
        return fail(e, E_RANGE, "train: %s wants a value inside of the network",
                    t->regularizer->name);
    for (int i = 0; i < g->parameter_count; i++)
        if (g->parameters[i].codes && !g->parameters[i].quantizer->codebook) {
            fail(e, E_USAGE, "train: %s is quantized, wanted f32 parameters",
                 g->parameters[i].name);
            return fail_hint(e, "train first, then quantize");
        }
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i].type != DTYPE_F32) {
            fail(e, E_USAGE, "train: the model runs in integers, wanted f32");
            return fail_hint(e, "train first, then quantize");
        }
    for (int i = 0; i < g->node_count; i++)
        if (!g->nodes[i].op->backward)
            return fail(e, E_USAGE, "train: %s (%s) has no gradient", g->nodes[i].name,
                        g->nodes[i].op->name);
    return E_OK;
}

status train_start(train_state *s, const model *m, const train_settings *t, error *e)
{
    *s = (train_state){.slot_count = t->optimizer->slots};
    TRY(check_trainable(m, t, e));
    s->last = model_copy(m, e);
    if (s->last && graph_apply_masks(s->last->graph, e) == E_OK)
        s->slots = slots_new(s->last->graph, s->slot_count, NULL, e);
    if (!s->slots) {
        train_clear(s);
        return E_MEMORY;
    }
    return E_OK;
}

void train_clear(train_state *s)
{
    train_cache_free(s->cache);
    if (s->last)
        slots_free(s->slots, s->last->graph->parameter_count, s->slot_count);
    model_free(s->last);
    model_free(s->best);
    *s = (train_state){0};
}

const model *train_result(const train_state *s)
{
    return s->best ? s->best : s->last;
}

/* What one epoch needs while it runs. */
typedef struct epoch_run {
    train_state *s;
    const train_settings *t;
    const dataset *d;
    const task *watch;
    int64_t *train, *val; /* samples */
    int64_t train_count, val_count;
    int64_t *ends;       /* of the batches, in TRAIN */
    prefetch *ahead;     /* of the batches that come next; or NULL */
    const model *judged; /* what is validated and kept: `last`, or what is deployed */
    model *before;       /* where the epoch began, to go back to */
    tensor ***slots_before;
    int64_t step_before;
    double train_loss, val_loss, score, began; /* SCORE: what the monitor says */
} epoch_run;

static void epoch_run_clear(epoch_run *r)
{
    prefetch_stop(r->ahead);
    if (r->before)
        slots_free(r->slots_before, r->before->graph->parameter_count, r->s->slot_count);
    model_free(r->before);
    memory_free(r->train);
    memory_free(r->ends);
    memory_free(r->val);
}

/* The batches as train_step will cut them, for the thread that gathers them. */
static status look_ahead(epoch_run *r, error *e)
{
    const model *m = r->s->last;
    r->ends = memory_new(r->train_count, sizeof *r->ends, e);
    if (!r->ends)
        return E_MEMORY;
    const prefetch_epoch w = {.d = r->d,
                              .transform = &m->input_transform,
                              .augment = &m->augment,
                              .seed = r->t->seed,
                              .epoch = r->s->epoch,
                              .index = r->train,
                              .ends = r->ends,
                              .batches = train_batch_ends(r->t, r->train_count, r->ends)};
    return prefetch_start(&r->ahead, &w, e);
}

static status epoch_run_begin(epoch_run *r, error *e)
{
    train_state *s = r->s;
    TRY(dataset_split_index(r->d, SPLIT_TRAIN, &r->train, &r->train_count, e));
    TRY(dataset_split_index(r->d, SPLIT_VAL, &r->val, &r->val_count, e));
    if (r->train_count < 1) {
        fail(e, E_USAGE, "train: the dataset has no training samples, wanted some");
        return fail_hint(e, "split it first: split DATA train=.6 val=.2 test=.2");
    }
    random_stream shuffle = random_new(r->t->seed, "shuffle", (uint64_t)s->epoch);
    random_shuffle(&shuffle, r->train, r->train_count);
    TRY(look_ahead(r, e));
    r->step_before = s->step;
    r->before = model_copy(s->last, e);
    if (!r->before)
        return E_MEMORY;
    r->slots_before = slots_new(r->before->graph, s->slot_count, s->slots, e);
    return r->slots_before ? E_OK : E_MEMORY;
}

/* Back to where the epoch began; KEEP_WEIGHTS: all but the weights reached. */
static void roll_back(epoch_run *r, bool keep_weights)
{
    train_state *s = r->s;
    graph *now = s->last->graph, *then = r->before->graph;
    for (int i = 0; !keep_weights && i < now->parameter_count; i++) {
        tensor_swap(&now->parameters[i].data, &then->parameters[i].data);
        if (codebook_is_trained(&now->parameters[i])) {
            codebook_follow(&now->parameters[i]);
        } else {
            quantizer *scales = now->parameters[i].quantizer; /* that are trained */
            now->parameters[i].quantizer = then->parameters[i].quantizer;
            then->parameters[i].quantizer = scales;
        }
    }
    for (int i = 0; !keep_weights && i < now->value_count; i++) {
        quantizer *reached = now->values[i].quantizer; /* where ranges are trained */
        now->values[i].quantizer = then->values[i].quantizer;
        then->values[i].quantizer = reached;
    }
    tensor ***slots = s->slots;
    s->slots = r->slots_before;
    r->slots_before = slots;
    s->step = r->step_before;
}

static double last_val_loss(const train_state *s)
{
    return s->epoch > 0 ? s->last->epochs[s->last->epoch_count - 1].val_loss : NAN;
}

static void report(const epoch_run *r, const char *stage, int64_t done, int64_t total)
{
    progress p = {.stage = stage,
                  .unit = "batch",
                  .done = done,
                  .total = total,
                  .epoch = r->s->epoch + 1,
                  .epochs = r->t->epochs,
                  .loss = r->train_loss,
                  .metric = last_val_loss(r->s)};
    task_report(r->watch, &p);
}

static status stopped(const epoch_run *r, const char *stage, int64_t done, int64_t total,
                      error *e)
{
    return fail(e, E_STOPPED,
                "%s: stopped in epoch %lld of %lld after batch %lld of %lld", stage,
                (long long)r->s->epoch + 1, (long long)r->t->epochs, (long long)done,
                (long long)total);
}

static status run_batches(epoch_run *r, error *e)
{
    double sum = 0;
    int64_t batch = r->t->batch * train_accumulated(r->t);
    int64_t total = train_batch_count(r->train_count, batch);
    r->train_loss = NAN;
    for (int64_t i = 0; i < total; i++) {
        int64_t begin, end;
        double loss;
        if (task_cancelled(r->watch))
            return stopped(r, "train", i, total, e);
        train_batch_bounds(r->train_count, batch, i, &begin, &end);
        status code = train_step_of(r->s, r->t, r->d, r->train_count, r->ahead,
                                    r->train + begin, end - begin, &loss, e);
        if (code == E_NUMERIC)
            fail_prefix(e, "train: epoch %lld, batch %lld of %lld",
                        (long long)r->s->epoch + 1, (long long)i + 1, (long long)total);
        if (code != E_OK)
            return code;
        sum += loss * (double)(end - begin);
        r->train_loss = sum / (double)end;
        report(r, "train", i + 1, total);
    }
    return E_OK;
}

/* A last step may have left NaN behind that no loss has met yet. */
static status check_weights(const epoch_run *r, error *e)
{
    const graph *g = r->s->last->graph;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        double squares = parallel_sum_squares(tensor_f32(p->data), tensor_count(p->data));
        if (!isfinite(squares)) {
            fail(e, E_NUMERIC,
                 "train: epoch %lld, after its last batch: %s is not finite any more",
                 (long long)r->s->epoch + 1, p->name);
            return fail_hint(e, "try a smaller rate or gradient clipping");
        }
    }
    return E_OK;
}

/* Loss of the outputs of validation batch I, with that of its latent values. */
static status output_loss(const run_output *out, const train_settings *t, int64_t i,
                          train_room *room, double *value, error *e)
{
    int64_t elements = out->count * shape_count(out->sample);
    int64_t channels = out->sample.dim[out->sample.rank - 1];
    double apart = 0;
    *value = t->loss->value(&t->terms, out->output, out->target, out->valid, elements,
                            channels, NULL);
    if (!t->regularizer)
        return E_OK;
    TRY(train_regularize(room, t, out->kept, out->count, out->kept_count,
                         random_new(t->seed, "validate", (uint64_t)i), NULL, &apart, e));
    *value += t->lambda * apart;
    return E_OK;
}

/* Sum of the losses of N samples; R's watch is asked and told unless R is NULL. */
static status sum_losses(runner *run, const dataset *d, const train_settings *t,
                         const int64_t *index, int64_t n, const epoch_run *r,
                         train_room *room, double *sum, error *e)
{
    int64_t batch = runner_batch(run), total = (n + batch - 1) / batch;
    *sum = 0;
    for (int64_t i = 0; i < total; i++) {
        int64_t begin = i * batch, count = n - begin < batch ? n - begin : batch;
        run_output out;
        double value;
        if (r && task_cancelled(r->watch))
            return stopped(r, "validate", i, total, e);
        TRY(runner_run(run, d, index + begin, count, &out, e));
        TRY(output_loss(&out, t, i, room, &value, e));
        *sum += (double)count * value;
        if (r)
            report(r, "validate", i + 1, total);
    }
    return E_OK;
}

static status mean_loss(runner *run, const dataset *d, const train_settings *t,
                        const int64_t *index, int64_t n, const epoch_run *r,
                        double *value, error *e)
{
    train_room room = {0};
    double sum = 0;
    TRY(batch_check_target(d, runner_transform(run), runner_output_shape(run),
                           t->loss->labels, e));
    status code = sum_losses(run, d, t, index, n, r, &room, &sum, e);
    train_room_clear(&room);
    *value = sum / (double)n;
    return code;
}

static status ask_monitor(epoch_run *r, int64_t batch, error *e)
{
    const train_monitor *m = &r->t->monitor;
    TRY(m->measure(m->name, r->judged, r->d, batch, r->watch, &r->score, e));
    if (!isnan(r->score))
        return E_OK;
    return fail(e, E_NUMERIC, "train: epoch %lld, validation: there is no %s",
                (long long)r->s->epoch + 1, m->name);
}

/* Is the epoch better than the best before it? */
static bool is_better(const epoch_run *r)
{
    if (!r->s->best || train_enters(r->s, r->t))
        return true;
    return r->t->monitor.name && r->t->monitor.higher_is_better
               ? r->score > r->s->best_score
               : r->score < r->s->best_score;
}

/* The mean loss of what is judged, on the validation samples. */
static status judge(epoch_run *r, int64_t batch, error *e)
{
    runner *run;
    if (r->judged == r->s->last) {
        TRY(train_validator(r->s, r->t, batch, r->d, &run, e));
        return mean_loss(run, r->d, r->t, r->val, r->val_count, r, &r->val_loss, e);
    }
    run = train_runner(r->judged, r->t, batch,
                       batch_input_shape(r->d, &r->judged->input_transform), e);
    status s = run ? mean_loss(run, r->d, r->t, r->val, r->val_count, r, &r->val_loss, e)
                   : batch_explain(r->judged, r->d, e);
    runner_free(run);
    return s;
}

static status validate(epoch_run *r, error *e)
{
    const train_simulation *deploy =
        train_simulates(r->s, r->t) ? r->t->simulation : NULL;
    r->val_loss = NAN;
    r->judged = r->s->last;
    if (deploy)
        TRY(deploy->deployed(deploy->self, r->s->last->graph, &r->judged, e));
    if (r->val_count < 1)
        return E_OK;
    int64_t batch = r->t->batch < r->val_count ? r->t->batch : r->val_count;
    TRY(judge(r, batch, e));
    r->score = r->val_loss;
    if (isfinite(r->val_loss))
        return r->t->monitor.name ? ask_monitor(r, batch, e) : E_OK;
    fail(e, E_NUMERIC,
         "train: epoch %lld, validation: the loss is %g, wanted a finite number",
         (long long)r->s->epoch + 1, r->val_loss);
    return fail_hint(e, "try a smaller rate, and look for NaN in the validation samples");
}

static void clear_best_flags(model *m, int64_t rows)
{
    for (int64_t i = 0; i < rows; i++)
        m->epochs[i].best = false;
}

/* Writes the epoch into the curves of `last` and of the model kept; nothing changes
   where there is no memory. */
static status record_epoch(epoch_run *r, error *e)
{
    train_state *s = r->s;
    bool validated = r->val_count > 0, deployed = r->judged != s->last;
    bool better = validated ? is_better(r) : deployed;
    model *last = s->last, *best = better ? model_copy(r->judged, e) : s->best;
    epoch_row row = {.train_loss = r->train_loss,
                     .val_loss = r->val_loss,
                     .score = NAN,
                     .learning_rate = train_rate(r->t, r->train_count, s->step - 1),
                     .seconds = task_clock() - r->began,
                     .best = better || !s->best};
    if (validated && r->t->monitor.name) {
        snprintf(row.metric, sizeof row.metric, "%s", r->t->monitor.name);
        row.score = r->score;
    }
    /* A model that was trained before goes on counting. */
    row.epoch = last->epoch_count ? last->epochs[last->epoch_count - 1].epoch + 1 : 1;
    if ((better && !best) || model_add_epoch(last, row, e) != E_OK) {
        if (better)
            model_free(best);
        return E_MEMORY;
    }
    if (best && model_add_epoch(best, row, e) != E_OK) {
        last->epoch_count--;
        if (better)
            model_free(best);
        return E_MEMORY;
    }
    if (row.best) {
        clear_best_flags(last, last->epoch_count - 1);
        if (best)
            clear_best_flags(best, best->epoch_count - 1);
    }
    s->epoch++;
    s->stale = better || !validated ? 0 : s->stale + 1;
    if (better) {
        model_free(s->best);
        s->best = best;
        s->best_loss = r->val_loss;
        s->best_score = r->score;
        s->best_epoch = s->epoch;
    }
    return E_OK;
}

static bool is_finished(const train_state *s, const train_settings *t)
{
    return s->epoch >= t->epochs || (t->patience > 0 && s->stale >= t->patience);
}

static void report_epoch(const epoch_run *r)
{
    int64_t total =
        train_batch_count(r->train_count, r->t->batch * train_accumulated(r->t));
    progress p = {.stage = "train",
                  .unit = "batch",
                  .done = total,
                  .total = total,
                  .epoch = r->s->epoch,
                  .epochs = r->t->epochs,
                  .loss = r->train_loss,
                  .metric = r->val_loss,
                  .milestone = true};
    task_report(r->watch, &p);
}

status train_epoch(train_state *s, const train_settings *t, const dataset *d,
                   const task *watch, error *e)
{
    epoch_run r = {.s = s, .t = t, .d = d, .watch = watch, .began = task_clock()};
    s->finished = is_finished(s, t);
    if (s->finished)
        return E_OK;
    status code = train_begin_simulation(s, t, d, watch, e);
    if (code == E_OK)
        code = epoch_run_begin(&r, e);
    if (code == E_OK) {
        code = run_batches(&r, e);
        if (code == E_OK)
            code = check_weights(&r, e);
        if (code == E_OK)
            code = validate(&r, e);
        if (code == E_OK)
            code = record_epoch(&r, e);
        if (code != E_OK)
            roll_back(&r, code == E_STOPPED && s->epoch == 0);
    }
    if (code == E_MEMORY) {
        /* Plans may be half made; and whoever tries again has their room. */
        train_cache_free(s->cache);
        s->cache = NULL;
    }
    if (code == E_OK) {
        s->finished = is_finished(s, t);
        report_epoch(&r);
    }
    epoch_run_clear(&r);
    return code;
}

status train_loss(const model *m, const dataset *d, split_kind split,
                  const train_settings *t, double *value, error *e)
{
    int64_t *index = NULL, n = 0;
    TRY(dataset_split_index(d, split, &index, &n, e));
    status code = E_OK;
    runner *run = NULL;
    if (n < 1) {
        code = fail(e, E_USAGE, "loss: split %s has no samples, wanted some",
                    split_name(split));
    } else {
        run = train_runner(m, t, t->batch < n ? t->batch : n,
                           batch_input_shape(d, &m->input_transform), e);
        code =
            run ? mean_loss(run, d, t, index, n, NULL, value, e) : batch_explain(m, d, e);
    }
    runner_free(run);
    memory_free(index);
    return code;
}
