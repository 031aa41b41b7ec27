/* SPDX-License-Identifier: GPL-3.0-or-later
   answers.c -- how much what two models answer differs, for commands that replace one by
   another.  It judges nothing. */
#include "ui/command/answers.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "engine/plan.h"

/* What G answers to a random input; the caller frees. */
static status answer_to_random(const graph *g, uint64_t seed, tensor **out, error *e)
{
    const int64_t batch = 2;
    plan *p = plan_new_inference(g, batch, g->input_shape, e);
    if (!p)
        return e->code;
    random_stream r = random_new(seed, "answers", 0);
    random_fill_uniform(&r, plan_input(p), batch * shape_count(g->input_shape), -1, 1);
    status s = plan_forward(p, 0, 0, e);
    *out = s == E_OK ? tensor_new(DTYPE_F32, plan_output_shape(p), e) : NULL;
    float *y = *out ? tensor_write_f32(*out, e) : NULL;
    if (y)
        memcpy(y, plan_output(p), tensor_bytes(*out));
    plan_free(p);
    return y ? E_OK : e->code;
}

/* Largest difference of two answers, and the largest value of the first. */
static void compare(const tensor *a, const tensor *b, double *difference, double *largest)
{
    const float *x = tensor_f32(a), *y = tensor_f32(b);
    *difference = *largest = 0;
    for (int64_t i = 0; i < tensor_count(a); i++) {
        *difference = fmax(*difference, fabs((double)x[i] - (double)y[i]));
        *largest = fmax(*largest, fabs((double)x[i]));
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
