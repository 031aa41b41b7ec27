/* SPDX-License-Identifier: GPL-3.0-or-later
   checkpoint.c -- where a training stands, as one safetensors file: both models, the
   optimizer's state, counters and settings, to the last bit.  It trains nothing. */
#include <stddef.h>
#include <string.h>
#include "base/memory.h"
#include "format/field.h"
#include "format/model_file.h"
#include "format/model_parts.h"
#include "measure/evaluate.h"

#define KEY       "lathe_checkpoint" /* of the metadata, and the version's */
#define VERSION   1
#define LAST      "last/"
#define BEST      "best/"
#define SLOTS_MAX 16
#define FIELD(type, field, kind)                                                         \
    {                                                                                    \
#field, kind, offsetof(type, field)                                              \
    }
#define FIELD_END                                                                        \
    {                                                                                    \
        NULL, ATTR_INTEGER, 0                                                            \
    }

static const attribute settings_fields[] = {
    FIELD(train_settings, epochs, ATTR_INTEGER),
    FIELD(train_settings, batch, ATTR_INTEGER), FIELD(train_settings, clip, ATTR_REAL),
    FIELD(train_settings, patience, ATTR_INTEGER), FIELD_END};

static const attribute latent_fields[] = {FIELD(train_settings, lambda, ATTR_REAL),
                                          FIELD(train_settings, latent, ATTR_INTEGER),
                                          FIELD_END};

static const attribute terms_fields[] = {FIELD(loss_settings, delta, ATTR_REAL),
                                         FIELD(loss_settings, smoothing, ATTR_REAL),
                                         FIELD_END};

static const attribute rates_fields[] = {
    FIELD(optimizer_settings, learning_rate, ATTR_REAL),
    FIELD(optimizer_settings, weight_decay, ATTR_REAL),
    FIELD(optimizer_settings, momentum, ATTR_REAL),
    FIELD(optimizer_settings, beta1, ATTR_REAL),
    FIELD(optimizer_settings, beta2, ATTR_REAL),
    FIELD(optimizer_settings, epsilon, ATTR_REAL),
    FIELD(optimizer_settings, alpha, ATTR_REAL),
    FIELD(optimizer_settings, nesterov, ATTR_FLAG),
    FIELD_END};

static const attribute plan_fields[] = {
    FIELD(schedule_settings, learning_rate, ATTR_REAL),
    FIELD(schedule_settings, steps, ATTR_INTEGER),
    FIELD(schedule_settings, steps_per_epoch, ATTR_INTEGER),
    FIELD(schedule_settings, warmup, ATTR_INTEGER),
    FIELD(schedule_settings, gamma, ATTR_REAL),
    FIELD(schedule_settings, every, ATTR_INTEGER),
    FIELD(schedule_settings, warm_fraction, ATTR_REAL),
    FIELD(schedule_settings, divisor, ATTR_REAL),
    FIELD(schedule_settings, final_divisor, ATTR_REAL),
    FIELD_END};

static const attribute state_fields[] = {FIELD(train_state, epoch, ATTR_INTEGER),
                                         FIELD(train_state, step, ATTR_INTEGER),
                                         FIELD(train_state, best_epoch, ATTR_INTEGER),
                                         FIELD(train_state, stale, ATTR_INTEGER),
                                         FIELD(train_state, best_loss, ATTR_REAL),
                                         FIELD(train_state, finished, ATTR_FLAG),
                                         FIELD_END};

static const attribute quantization_fields[] = {
    FIELD(train_quantization, from, ATTR_INTEGER),
    FIELD(train_quantization, bits, ATTR_INTEGER),
    FIELD(train_quantization, samples, ATTR_INTEGER),
    FIELD(train_quantization, keep_first, ATTR_INTEGER),
    FIELD(train_quantization, keep_last, ATTR_INTEGER),
    FIELD_END};

static const attribute distillation_fields[] = {
    FIELD(train_distillation, temperature, ATTR_REAL),
    FIELD(train_distillation, alpha, ATTR_REAL),
    FIELD(train_distillation, beta, ATTR_REAL), FIELD_END};

static const char *const grain_names[] = {"model", "tensor", "channel"};

static const attribute score_fields[] = {FIELD(train_state, best_score, ATTR_REAL),
                                         FIELD_END};

/* ---- writing ---- */

static status put_fields(json_t *parent, const char *key, const attribute *rows,
                         const void *base, error *e)
{
    json_t *object = field_put_object(parent, key, e);
    return object ? fields_put(object, rows, base, e) : E_MEMORY;
}

static status put_quantization(json_t *parent, const train_quantization *q, error *e)
{
    json_t *object = field_put_object(parent, "quantization", e);
    if (!object)
        return E_MEMORY;
    TRY(fields_put(object, quantization_fields, q, e));
    TRY(field_put(object, "learned", json_integer(q->learned), e));
    TRY(field_put(object, "granularity", json_string(grain_names[q->grain]), e));
    return field_put(object, "observer", json_string(q->observer), e);
}

static status put_settings(json_t *parent, const train_settings *t, error *e)
{
    json_t *object = field_put_object(parent, "settings", e);
    if (!object)
        return E_MEMORY;
    TRY(fields_put(object, settings_fields, t, e));
    TRY(field_put(object, "seed", field_from_unsigned(t->seed), e));
    TRY(field_put(object, "loss", json_string(t->loss->name), e));
    TRY(field_put(object, "optimizer", json_string(t->optimizer->name), e));
    TRY(field_put(object, "schedule", json_string(t->schedule->name), e));
    TRY(field_put(object, "precision", json_string(precision_name(t->precision)), e));
    TRY(put_fields(object, "terms", terms_fields, &t->terms, e));
    TRY(field_put(object, "accumulate", json_integer(t->accumulate), e));
    if (t->monitor.name)
        TRY(field_put(object, "monitor", json_string(t->monitor.name), e));
    if (t->regularizer) {
        TRY(field_put(object, "regularizer", json_string(t->regularizer->name), e));
        TRY(put_fields(object, "latent", latent_fields, t, e));
    }
    if (t->quantization.from > 0)
        TRY(put_quantization(object, &t->quantization, e));
    if (t->distillation.temperature > 0)
        TRY(put_fields(object, "distillation", distillation_fields, &t->distillation, e));
    TRY(put_fields(object, "rates", rates_fields, &t->rates, e));
    return put_fields(object, "plan", plan_fields, &t->plan, e);
}

static status fill_slot(const safetensors_item *item, void *bytes, error *e)
{
    tensor *outside = tensor_to_outside(item->source, e);
    if (!outside)
        return E_MEMORY;
    memcpy(bytes, tensor_data(outside), tensor_bytes(outside));
    tensor_free(outside);
    return E_OK;
}

static status put_slots(const train_state *s, safetensors_layout *l, error *e)
{
    const graph *g = s->last->graph;
    for (int i = 0; i < g->parameter_count; i++)
        for (int k = 0; s->slots[i] && k < s->slot_count; k++) {
            shape flat = shape_of(1, tensor_count(s->slots[i][k]));
            safetensors_item item = {.type = DTYPE_F32,
                                     .shape = flat,
                                     .fill = fill_slot,
                                     .source = s->slots[i][k]};
            TRY(safetensors_add(l, item, e, "slot%d/%s", k, g->parameters[i].name));
        }
    return E_OK;
}

static status put_all(const train_state *s, const train_settings *t, const char *command,
                      json_t *object, safetensors_layout *l, error *e)
{
    TRY(field_put(object, KEY, json_integer(VERSION), e));
    TRY(field_put(object, "command", field_from_text(command), e));
    TRY(put_settings(object, t, e));
    TRY(put_fields(object, "state", state_fields, s, e));
    if (t->monitor.name)
        TRY(put_fields(object, "score", score_fields, s, e));
    TRY(field_put(object, "slots", json_integer(s->slot_count), e));
    TRY(field_put(object, "slot_step", json_integer(s->slot_step), e));
    json_t *last = field_put_object(object, "last", e);
    TRY(last ? model_put(s->last, NULL, LAST, last, l, e) : E_MEMORY);
    if (s->best) {
        json_t *best = field_put_object(object, "best", e);
        TRY(best ? model_put(s->best, s->last, BEST, best, l, e) : E_MEMORY);
    }
    TRY(put_slots(s, l, e));
    return layout_finish(l, KEY, object, e);
}

status checkpoint_write(const train_state *s, const train_settings *t,
                        const char *command, const char *path, error *e)
{
    safetensors_layout l = {0};
    json_t *object = json_object();
    status result = object ? put_all(s, t, command, object, &l, e)
                           : fail(e, E_MEMORY, "json: no room for a checkpoint");
    if (!result)
        result = safetensors_write(&l, path, e);
    safetensors_layout_clear(&l);
    json_decref(object);
    return result;
}

/* ---- reading ---- */

static status get_fields(const json_t *parent, const char *key, const attribute *rows,
                         void *base, error *e)
{
    json_t *object;
    TRY(field_object(parent, key, &object, e));
    return fields_get(object, rows, INT64_MAX, base, e);
}

/* A file from before there was a choice has none: it was f32. */
static status get_precision(const json_t *object, precision *p, error *e)
{
    const char *const words[] = {precision_name(PRECISION_F32),
                                 precision_name(PRECISION_BF16)};
    int which = PRECISION_F32;
    if (json_object_get(object, "precision"))
        TRY(field_word(object, "precision", words, 2, &which, e));
    *p = (precision)which;
    return E_OK;
}

static status get_monitor(const json_t *object, train_settings *t, error *e)
{
    const char *name;
    if (!json_object_get(object, "monitor"))
        return E_OK;
    TRY(field_text(object, "monitor", &name, e));
    const metric_row *row = metric_find(name);
    if (!row)
        return fail(e, E_FORMAT, "the metric '%.40s' is unknown", name);
    t->monitor = evaluate_monitor(row);
    return E_OK;
}

static status get_quantization(const json_t *parent, train_quantization *q, error *e)
{
    json_t *object;
    const char *observer;
    int grain;
    TRY(field_object(parent, "quantization", &object, e));
    TRY(fields_get(object, quantization_fields, INT32_MAX, q, e));
    TRY(field_word(object, "granularity", grain_names, 3, &grain, e));
    TRY(field_text(object, "observer", &observer, e));
    if (json_object_get(object, "learned"))
        TRY(field_integer(object, "learned", 0, 3, &q->learned, e));
    if (strlen(observer) >= sizeof q->observer)
        return fail(e, E_FORMAT, "the observer '%.40s' is unknown", observer);
    strcpy(q->observer, observer);
    q->grain = (granularity)grain;
    return E_OK;
}

/* What files from before there was a choice do not have. */
static status get_later(const json_t *object, train_settings *t, error *e)
{
    const char *regularizer;
    t->terms = loss_standard;
    t->accumulate = 1;
    TRY(get_precision(object, &t->precision, e));
    if (json_object_get(object, "terms"))
        TRY(get_fields(object, "terms", terms_fields, &t->terms, e));
    if (json_object_get(object, "accumulate"))
        TRY(field_integer(object, "accumulate", 0, INT32_MAX, &t->accumulate, e));
    TRY(get_monitor(object, t, e));
    if (json_object_get(object, "quantization"))
        TRY(get_quantization(object, &t->quantization, e));
    if (json_object_get(object, "distillation"))
        TRY(get_fields(object, "distillation", distillation_fields, &t->distillation, e));
    if (!json_object_get(object, "regularizer"))
        return E_OK;
    TRY(field_text(object, "regularizer", &regularizer, e));
    t->regularizer = regularizer_find(regularizer);
    if (!t->regularizer)
        return fail(e, E_FORMAT, "the regularizer '%.40s' is unknown", regularizer);
    return get_fields(object, "latent", latent_fields, t, e);
}

static status get_settings(const json_t *parent, train_settings *t, error *e)
{
    json_t *object;
    const char *loss, *optimizer, *schedule;
    TRY(field_object(parent, "settings", &object, e));
    TRY(fields_get(object, settings_fields, INT64_MAX, t, e));
    TRY(field_unsigned(object, "seed", &t->seed, e));
    TRY(field_text(object, "loss", &loss, e));
    TRY(field_text(object, "optimizer", &optimizer, e));
    TRY(field_text(object, "schedule", &schedule, e));
    TRY(get_later(object, t, e));
    t->loss = loss_find(loss);
    t->optimizer = optimizer_find(optimizer);
    t->schedule = schedule_find(schedule);
    if (!t->loss || !t->optimizer || !t->schedule)
        return fail(e, E_FORMAT,
                    "the loss '%.40s', the optimizer '%.40s' or the schedule "
                    "'%.40s' is unknown",
                    loss, optimizer, schedule);
    if (t->epochs < 1 || t->batch < 1)
        return fail(e, E_FORMAT, "it is of 0 epochs or batches of 0 samples");
    TRY(get_fields(object, "rates", rates_fields, &t->rates, e));
    return get_fields(object, "plan", plan_fields, &t->plan, e);
}

static status get_slot(const safetensors *f, const parameter *p, int k, tensor **slot,
                       error *e)
{
    int order[SHAPE_MAX], rank = tensor_shape(p->data).rank;
    shape outside = {.rank = rank};
    tensor_order_to_outside(rank, order);
    for (int i = 0; i < rank; i++)
        outside.dim[i] = tensor_shape(p->data).dim[order[i]];
    tensor *t = safetensors_get(f, DTYPE_F32, e, "slot%d/%s", k, p->name);
    if (!t)
        return e ? e->code : E_FORMAT;
    status s = tensor_reshape(t, outside, e);
    if (!s)
        *slot = tensor_from_outside(t, e);
    tensor_free(t);
    return s || *slot ? s : E_MEMORY;
}

static status get_slots(const safetensors *f, const json_t *object, train_state *s,
                        const train_settings *t, error *e)
{
    int64_t count;
    const graph *g = s->last->graph;
    TRY(field_integer(object, "slots", 0, SLOTS_MAX, &count, e));
    if (count != t->optimizer->slots)
        return fail(e, E_FORMAT, "%s has %d slots of state, the file %d",
                    t->optimizer->name, t->optimizer->slots, (int)count);
    s->slot_count = (int)count;
    s->slots = memory_new(g->parameter_count, sizeof *s->slots, e);
    if (!s->slots)
        return E_MEMORY;
    for (int i = 0; i < g->parameter_count; i++) {
        if (!parameter_is_trained(&g->parameters[i]))
            continue;
        s->slots[i] = memory_new(count, sizeof *s->slots[i], e);
        if (!s->slots[i])
            return E_MEMORY;
        for (int k = 0; k < s->slot_count; k++)
            TRY(get_slot(f, &g->parameters[i], k, &s->slots[i][k], e));
    }
    return E_OK;
}

static status get_models(const safetensors *f, const json_t *object, train_state *s,
                         error *e)
{
    json_t *last, *best;
    TRY(field_object(object, "last", &last, e));
    s->last = model_get(f, last, NULL, LAST, e);
    if (!s->last)
        return e ? e->code : E_FORMAT;
    if (!json_object_get(object, "best"))
        return E_OK;
    TRY(field_object(object, "best", &best, e));
    s->best = model_get(f, best, s->last, BEST, e);
    return s->best ? E_OK : e ? e->code : E_FORMAT;
}

static status get_all(const safetensors *f, const json_t *object, train_state *s,
                      train_settings *t, char **command, error *e)
{
    TRY(check_version(object, KEY, VERSION, e));
    TRY(get_settings(object, t, e));
    TRY(get_fields(object, "state", state_fields, s, e));
    s->best_score = s->best_loss;
    if (t->monitor.name)
        TRY(get_fields(object, "score", score_fields, s, e));
    if (json_object_get(object, "slot_step"))
        TRY(field_integer(object, "slot_step", 0, s->step, &s->slot_step, e));
    TRY(get_models(f, object, s, e));
    TRY(get_slots(f, object, s, t, e));
    const char *words = json_string_value(json_object_get(object, "command"));
    *command = words ? memory_text(words, e) : NULL;
    return words && !*command ? E_MEMORY : E_OK;
}

status checkpoint_read(const char *path, train_state *s, train_settings *t,
                       char **command, error *e)
{
    *s = (train_state){0};
    *t = (train_settings){0};
    *command = NULL;
    error local = {0};
    error *filled = e ? e : &local;
    safetensors *f = safetensors_read(path, filled);
    json_t *object = f ? metadata_object(f, KEY, path, filled) : NULL;
    status result = object ? get_all(f, object, s, t, command, filled) : filled->code;
    if (object && result) {
        fail_prefix(filled, "%s", path);
        train_clear(s);
    }
    json_decref(object);
    safetensors_free(f);
    return result;
}
