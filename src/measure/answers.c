/* SPDX-License-Identifier: GPL-3.0-or-later
   answers.c -- how much what two models answer differs, for whoever replaces one by
   another.  It judges nothing. */
#include "measure/answers.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "engine/plan.h"

/* What samples are drawn from: networks have learnt on one range or another, and beyond it
   a whole layer may be silent. */
static const double ranges[][2] = {{-1, 1}, {0, 1}, {-10, 0}, {0, 10}};
enum { SAMPLES = sizeof ranges / sizeof *ranges };

/* What G answers to a sample of each range; the caller frees. */
static status answer_to_random(const graph *g, uint64_t seed, tensor **out, error *e)
{
    const int64_t sample = shape_count(g->input_shape);
    plan *p = plan_new_inference(g, SAMPLES, g->input_shape, e);
    float *x = p ? plan_input(p) : NULL;
    random_stream r = random_new(seed, "answers", 0);
    for (int i = 0; x && i < SAMPLES; i++)
        random_fill_uniform(&r, x + i * sample, sample, ranges[i][0], ranges[i][1]);
    status s = p ? plan_forward(p, 0, 0, e) : e->code;
    *out = s == E_OK ? tensor_new(DTYPE_F32, plan_output_shape(p), e) : NULL;
    float *y = *out ? tensor_write_f32(*out, e) : NULL;
    if (y)
        memcpy(y, plan_output(p), tensor_bytes(*out));
    plan_free(p);
    return y ? E_OK : e->code;
}

/* Of the sample where both differ most, as a share of A's largest answer: the largest
   difference, and that answer.  What is not finite is as far as can be. */
static void compare(const tensor *a, const tensor *b, double *difference, double *largest)
{
    const float *x = tensor_f32(a), *y = tensor_f32(b);
    const int64_t n = tensor_count(a) / SAMPLES;
    *difference = *largest = 0;
    for (int64_t k = 0; k < SAMPLES; k++) {
        double apart = 0, most = 0;
        for (int64_t i = k * n; i < (k + 1) * n; i++) {
            double d = fabs((double)x[i] - (double)y[i]);
            apart = isfinite(d) ? fmax(apart, d) : INFINITY;
            most = fmax(most, fabs((double)x[i]));
        }
        if (k == 0 || apart * *largest > *difference * most) {
            *difference = apart;
            *largest = most;
        }
    }
}

status answers_differ(const graph *a, const graph *b, uint64_t seed, double *difference,
                      double *largest, error *e)
{
    tensor *first = NULL, *second = NULL;
    status s = answer_to_random(a, seed, &first, e);
    if (s == E_OK)
        s = answer_to_random(b, seed, &second, e);
    if (s == E_OK)
        compare(first, second, difference, largest);
    tensor_free(first);
    tensor_free(second);
    return s;
}
