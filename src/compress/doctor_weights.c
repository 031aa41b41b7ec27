/* SPDX-License-Identifier: GPL-3.0-or-later
   doctor_weights.c -- checks of parameters, masks, norms and quantizers.  Nothing is run. */
#include "compress/doctor_parts.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "graph/operator.h"

/* A layer with less left than this share of its weights does next to nothing. */
#define LEFT 0.005
/* Variances of one layer may be so many times their median, or its inverse. */
#define WILD 1e6
/* The present share of zeros may be so much below what was asked for. */
#define SLACK 0.005

/* ---- single numbers ---- */

typedef bool test(float x, bool kept);

static bool is_not_finite(float x, bool kept)
{
    (void)kept;
    return !isfinite(x);
}

bool doctor_is_subnormal(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7f800000u) == 0 && (bits & 0x007fffffu) != 0;
}

static bool is_subnormal(float x, bool kept)
{
    (void)kept;
    return doctor_is_subnormal(x);
}

static bool is_revived(float x, bool kept)
{
    return !kept && x != 0;
}

static int64_t count_numbers(const parameter *p, test *is)
{
    const float *x = tensor_f32(p->data);
    const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
    int64_t count = 0;
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        count += is(x[i], !mask || mask[i]);
    return count;
}

static void look_at_numbers(const doctor_check *c, const doctor_subject *s, test *is,
                            table *out)
{
    const graph *g = s->m->graph;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        int64_t count = count_numbers(p, is);
        if (count > 0)
            doctor_find(out, c, p->name, (double)count, "%lld of %lld numbers",
                        (long long)count, (long long)tensor_count(p->data));
    }
}

void doctor_look_not_finite(const doctor_check *c, const doctor_subject *s, table *out)
{
    look_at_numbers(c, s, is_not_finite, out);
}

void doctor_look_subnormal(const doctor_check *c, const doctor_subject *s, table *out)
{
    look_at_numbers(c, s, is_subnormal, out);
}

void doctor_look_revived(const doctor_check *c, const doctor_subject *s, table *out)
{
    look_at_numbers(c, s, is_revived, out);
}

/* ---- layers and channels ---- */

void doctor_look_collapsed(const doctor_check *c, const doctor_subject *s, table *out)
{
    const graph *g = s->m->graph;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        const int64_t n = tensor_count(p->data), left = parameter_nonzero(p);
        if (p->role == ROLE_WEIGHT && (double)left < LEFT * (double)n)
            doctor_find(out, c, p->name, (double)left, "%lld of %lld weights are left",
                        (long long)left, (long long)n);
    }
}

void doctor_look_dead_weights(const doctor_check *c, const doctor_subject *s, table *out)
{
    const graph *g = s->m->graph;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        const int64_t channels = tensor_shape(p->data).dim[0];
        if (p->role != ROLE_WEIGHT || channels == 0)
            continue;
        const int64_t size = tensor_count(p->data) / channels;
        const float *x = tensor_f32(p->data);
        int64_t dead = 0;
        for (int64_t k = 0; k < channels; k++) {
            int64_t j = 0;
            while (j < size && x[k * size + j] == 0)
                j++;
            dead += j == size;
        }
        if (dead > 0 && dead < channels) /* all of them: the layer has collapsed */
            doctor_find(out, c, p->name, (double)dead,
                        "%lld of %lld output channels have no weight", (long long)dead,
                        (long long)channels);
    }
}

/* ---- batch norms ---- */

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The median of X [n]; NaN without memory. */
static double median_of(const float *x, int64_t n)
{
    double median = NAN;
    float *sorted = memory_new_raw(n, sizeof *sorted, NULL);
    if (sorted && n > 0) {
        memcpy(sorted, x, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, compare_floats);
        median = sorted[n / 2];
    }
    memory_free(sorted);
    return median;
}

void doctor_look_norm(const doctor_check *c, const doctor_subject *s, table *out)
{
    const graph *g = s->m->graph;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (p->role != ROLE_RUNNING_VARIANCE)
            continue;
        const float *x = tensor_f32(p->data);
        const int64_t n = tensor_count(p->data);
        const double median = median_of(x, n);
        int64_t none = 0, far = 0;
        for (int64_t k = 0; k < n; k++) {
            none += !(x[k] >= 0);
            far += x[k] > 0 && median > 0 &&
                   ((double)x[k] > WILD * median || (double)x[k] < median / WILD);
        }
        if (none > 0)
            doctor_find(out, c, p->name, (double)none,
                        "%lld of %lld are below 0 or no number", (long long)none,
                        (long long)n);
        if (far > 0)
            doctor_find(out, c, p->name, (double)far,
                        "%lld of %lld are a million times away from the median %.3g",
                        (long long)far, (long long)n, median);
    }
}

/* ---- integers ---- */

static bool has_range(const quantizer *q)
{
    return q && q->channels > 0 && isfinite(q->scale[0]) && q->scale[0] > 0;
}

void doctor_look_unobserved(const doctor_check *c, const doctor_subject *s, table *out)
{
    const graph *g = s->m->graph;
    for (int i = 0; i < g->value_count; i++) {
        const value *v = &g->values[i];
        if (v->type == DTYPE_S8 && !has_range(v->quantizer))
            doctor_find(out, c, v->producer < 0 ? "input" : g->nodes[v->producer].name,
                        v->quantizer ? (double)v->quantizer->scale[0] : (double)NAN,
                        "its scale is no positive number");
    }
}

/* ---- targets ---- */

/* What amount= the last step asked for that pruned single weights; NaN: there was none. */
static double amount_asked(const model *m)
{
    for (int64_t i = m->step_count; i-- > 0;) {
        const char *line = m->steps[i].command, *found = strstr(line, " amount=");
        char *end;
        if (!text_starts(line, "prune ") || strstr(line, "kind=channel") ||
            strstr(line, "dry=yes") || !found)
            continue;
        const double amount = strtod(found + strlen(" amount="), &end);
        if ((*end == ' ' || *end == '\0') && amount > 0 && amount <= 1)
            return amount;
    }
    return NAN;
}

/* What a prune left out has no mask: only weights with one were asked. */
void doctor_look_target(const doctor_check *c, const doctor_subject *s, table *out)
{
    const graph *g = s->m->graph;
    const double asked = amount_asked(s->m);
    int64_t n = 0, left = 0;
    for (int i = 0; i < g->parameter_count; i++)
        if (g->parameters[i].role == ROLE_WEIGHT && g->parameters[i].mask) {
            n += tensor_count(g->parameters[i].data);
            left += parameter_nonzero(&g->parameters[i]);
        }
    const double zero = n > 0 ? 1 - (double)left / (double)n : 0;
    if (asked - zero > SLACK)
        doctor_find(out, c, "", zero, "%.4g of the weights are zero, %.4g were asked for",
                    zero, asked);
}
