/* SPDX-License-Identifier: GPL-3.0-or-later
   group_norm.c -- normalisation of each sample by itself, and its gradients.
   A thread has whole groups, or whole channels for gamma and beta; it allocates nothing. */
#include "kernel/group_norm.h"

#include <math.h>
#include "base/parallel.h"

enum { WORTH = 16 * 1024 }; /* elements of a tile */

typedef struct job {
    group_norm norm;
    const float *x, *g;
    float *y, *grad_scale, *grad_shift;
    double *saved;      /* forward: to be filled, or NULL */
    const double *kept; /* backward */
    bool accumulate;
} job;

/* The part of x that one number covers: PIXELS rows of WIDTH from FIRST on, each CHANNELS
   behind the one before. */
typedef struct part {
    int64_t first, channel, width;
} part;

static part part_of(const group_norm *g, int64_t number)
{
    int64_t width = g->channels / g->groups, channel = number % g->groups * width;
    return (part){number / g->groups * g->pixels * g->channels + channel, channel, width};
}

static double mean_of(const group_norm *g, part p, const float *x)
{
    double sum = 0;
    for (int64_t i = 0; i < g->pixels; i++)
        for (int64_t c = 0; c < p.width; c++)
            sum += (double)x[p.first + i * g->channels + c];
    return sum / (double)(g->pixels * p.width);
}

static double variance_of(const group_norm *g, part p, const float *x, double mean)
{
    double sum = 0;
    for (int64_t i = 0; i < g->pixels; i++)
        for (int64_t c = 0; c < p.width; c++) {
            double d = (double)x[p.first + i * g->channels + c] - mean;
            sum += d * d;
        }
    return sum / (double)(g->pixels * p.width);
}

static void forward_group(const job *j, int64_t number)
{
    const group_norm *g = &j->norm;
    const part p = part_of(g, number);
    double mean = mean_of(g, p, j->x);
    double inverse = 1 / sqrt(variance_of(g, p, j->x, mean) + g->epsilon);
    const float *scale = g->scale + p.channel, *shift = g->shift + p.channel;
    for (int64_t i = 0; i < g->pixels; i++) {
        const float *x = j->x + p.first + i * g->channels;
        float *y = j->y + p.first + i * g->channels;
        for (int64_t c = 0; c < p.width; c++)
            y[c] = (float)(((double)x[c] - mean) * inverse) * scale[c] + shift[c];
    }
    if (j->saved) {
        j->saved[2 * number] = mean;
        j->saved[2 * number + 1] = inverse;
    }
}

static void forward_groups(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        forward_group(context, i);
}

/* Groups of a tile of about WORTH elements. */
static int64_t group_grain(const group_norm *g)
{
    return WORTH / (g->pixels * (g->channels / g->groups)) + 1;
}

size_t group_norm_saved(const group_norm *g)
{
    return (size_t)(2 * g->images * g->groups) * sizeof(double);
}

void group_norm_forward(const group_norm *g, const float *x, float *y, double *saved)
{
    job j = {.norm = *g, .x = x, .y = y, .saved = saved};
    parallel_range(g->images * g->groups, group_grain(g), forward_groups, &j);
}

/* With z the normalised x, h = grad_y gamma, and M elements in the group:
   grad_x = inverse (h - sum h / M - z sum (h z) / M). */
static void backward_group(const job *j, int64_t number)
{
    const group_norm *g = &j->norm;
    const part p = part_of(g, number);
    const double mean = j->kept[2 * number], inverse = j->kept[2 * number + 1];
    const float *scale = g->scale + p.channel;
    double sum = 0, product = 0, count = (double)(g->pixels * p.width);
    for (int64_t i = 0; i < g->pixels; i++)
        for (int64_t c = 0; c < p.width; c++) {
            int64_t at = p.first + i * g->channels + c;
            double h = (double)j->g[at] * (double)scale[c];
            sum += h;
            product += h * (((double)j->x[at] - mean) * inverse);
        }
    for (int64_t i = 0; i < g->pixels; i++)
        for (int64_t c = 0; c < p.width; c++) {
            int64_t at = p.first + i * g->channels + c;
            double h = (double)j->g[at] * (double)scale[c];
            double z = ((double)j->x[at] - mean) * inverse;
            float v = (float)(inverse * (h - sum / count - z * product / count));
            j->y[at] = j->accumulate ? j->y[at] + v : v;
        }
}

static void backward_groups(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        backward_group(context, i);
}

static void parameter_channel(const job *j, int64_t channel)
{
    const group_norm *g = &j->norm;
    int64_t group = channel / (g->channels / g->groups), at = channel;
    double sum = 0, product = 0;
    for (int64_t n = 0; n < g->images; n++) {
        const double *kept = j->kept + 2 * (n * g->groups + group);
        for (int64_t i = 0; i < g->pixels; i++, at += g->channels) {
            sum += (double)j->g[at];
            product += (double)j->g[at] * (((double)j->x[at] - kept[0]) * kept[1]);
        }
    }
    if (j->grad_scale)
        j->grad_scale[channel] = (float)product;
    if (j->grad_shift)
        j->grad_shift[channel] = (float)sum;
}

static void parameter_channels(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t c = begin; c < end; c++)
        parameter_channel(context, c);
}

void group_norm_backward(const group_norm *g, const float *x, const double *saved,
                         const float *grad_y, float *grad_x, bool accumulate,
                         float *grad_scale, float *grad_shift)
{
    job j = {.norm = *g,
             .x = x,
             .g = grad_y,
             .y = grad_x,
             .kept = saved,
             .grad_scale = grad_scale,
             .grad_shift = grad_shift,
             .accumulate = accumulate};
    if (grad_scale || grad_shift)
        parallel_range(g->channels, WORTH / (g->images * g->pixels) + 1,
                       parameter_channels, &j);
    if (grad_x)
        parallel_range(g->images * g->groups, group_grain(g), backward_groups, &j);
}
