/* SPDX-License-Identifier: GPL-3.0-or-later
   channel_criterion.c -- the table of criteria that tell which channels matter.
   A criterion scores one layer; joining layers and choosing is not its business. */
#include "compress/channel_parts.h"

#include <math.h>
#include <string.h>
#include "base/parallel.h"
#include "base/random.h"
#include "graph/operator.h"

enum { LANES = 8 };

/* The weight of a layer as rows: one for each output channel. */
typedef struct filters {
    const float *w;
    int64_t rows, length;
    double *score;
} filters;

static filters filters_of(const channel_evidence *v, int node, double *score)
{
    const parameter *p = channel_weight(v->graph, node);
    filters f = {
        .w = tensor_f32(p->data), .rows = tensor_shape(p->data).dim[0], .score = score};
    f.length = tensor_count(p->data) / f.rows;
    return f;
}

static bool l1_score(const channel_evidence *v, int node, double *score)
{
    filters f = filters_of(v, node, score);
    for (int64_t r = 0; r < f.rows; r++) {
        score[r] = 0;
        for (int64_t i = 0; i < f.length; i++)
            score[r] += fabs((double)f.w[r * f.length + i]);
    }
    return true;
}

static bool l2_score(const channel_evidence *v, int node, double *score)
{
    filters f = filters_of(v, node, score);
    for (int64_t r = 0; r < f.rows; r++) {
        double squares = 0;
        for (int64_t i = 0; i < f.length; i++)
            squares += (double)f.w[r * f.length + i] * (double)f.w[r * f.length + i];
        score[r] = sqrt(squares);
    }
    return true;
}

static double distance(const float *a, const float *b, int64_t n)
{
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            double d = (double)(a[i + k] - b[i + k]);
            lane[k] += d * d;
        }
    for (; i < n; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    for (int k = 0; k < LANES; k++)
        sum += lane[k];
    return sqrt(sum);
}

static void distances_of_row(void *context, int64_t row, int thread)
{
    const filters *f = context;
    double sum = 0;
    (void)thread;
    for (int64_t r = 0; r < f->rows; r++)
        sum += distance(f->w + row * f->length, f->w + r * f->length, f->length);
    f->score[row] = sum;
}

/* The sum of distances to all filters of the layer is least at their geometric median:
   what lies there is what the others can replace. */
static bool median_score(const channel_evidence *v, int node, double *score)
{
    filters f = filters_of(v, node, score);
    parallel_for(f.rows, distances_of_row, &f);
    return true;
}

static bool scale_score(const channel_evidence *v, int node, double *score)
{
    int norm = channel_norm_behind(v->graph, node);
    if (norm < 0)
        return false;
    const parameter *p = graph_parameter(v->graph, &v->graph->nodes[norm], ROLE_SCALE);
    for (int64_t c = 0; p && c < tensor_count(p->data); c++)
        score[c] = fabs((double)tensor_f32(p->data)[c]);
    return p != NULL;
}

static bool copy_seen(const channel_evidence *v, int at, int node, double *score)
{
    const parameter *p = channel_weight(v->graph, node);
    if (v->seen[at])
        memcpy(score, v->seen[at], (size_t)tensor_shape(p->data).dim[0] * sizeof *score);
    return v->seen[at] != NULL;
}

static bool taylor_score(const channel_evidence *v, int node, double *score)
{
    return copy_seen(v, v->graph->nodes[node].output, node, score);
}

/* The only node that reads VALUE and does something to each element in its place. */
static int function_behind(const graph *g, int value_at)
{
    if (value_at == g->output || graph_reader_count(g, value_at) != 1)
        return -1;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (n->inputs[0] == value_at && n->input_count == 1)
            return n->op->couple == couple_first && n->op->reach == REACH_POINT ? i : -1;
    }
    return -1;
}

/* What the next layer gets to see: behind norm and activation. */
static bool activation_score(const channel_evidence *v, int node, double *score)
{
    int at = v->graph->nodes[node].output;
    for (int next = function_behind(v->graph, at); next >= 0;
         next = function_behind(v->graph, at))
        at = v->graph->nodes[next].output;
    return copy_seen(v, at, node, score);
}

static bool random_score(const channel_evidence *v, int node, double *score)
{
    random_stream r = random_new(v->seed, "channel", (uint64_t)node);
    const int64_t rows = tensor_shape(channel_weight(v->graph, node)->data).dim[0];
    for (int64_t c = 0; c < rows; c++)
        score[c] = random_uniform(&r);
    return true;
}

static const channel_criterion rows[] = {
    {"l1", "sum of the absolute weights of a filter",
     "Li, Kadav, Durdanovic, Samet, Graf 2017, arXiv:1608.08710, section 3.1",
     EVIDENCE_NONE, false, l1_score},
    {"l2", "root of the sum of its squared weights",
     "He, Kang, Dong, Fu, Yang 2018, arXiv:1808.06866, section 3", EVIDENCE_NONE, false,
     l2_score},
    {"bn-scale", "absolute scale of the batch norm behind it",
     "Liu, Li, Shen, Huang, Yan, Zhang 2017, arXiv:1708.06519, section 3", EVIDENCE_NONE,
     true, scale_score},
    {"taylor", "what the loss would change by, to first order",
     "Molchanov, Mallya, Tyree, Frosio, Kautz 2019, arXiv:1906.10771, section 3",
     EVIDENCE_GRADIENTS, true, taylor_score},
    {"activation", "mean absolute output behind norm and activation",
     "Molchanov, Tyree, Karras, Aila, Kautz 2017, arXiv:1611.06440, section 2.2",
     EVIDENCE_ACTIVATIONS, false, activation_score},
    {"median", "sum of the distances to the other filters of the layer",
     "He, Liu, Wang, Hu, Yang 2019, arXiv:1811.00250, section 3", EVIDENCE_NONE, false,
     median_score},
    {"random", "drawn by the seed: a control", NULL, EVIDENCE_NONE, true, random_score},
};

const channel_criterion *channel_criterion_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof *rows) ? &rows[i] : NULL;
}

const channel_criterion *channel_criterion_find(const char *name)
{
    for (int i = 0; channel_criterion_at(i); i++)
        if (strcmp(channel_criterion_at(i)->name, name) == 0)
            return channel_criterion_at(i);
    return NULL;
}
