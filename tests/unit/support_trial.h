/* SPDX-License-Identifier: GPL-3.0-or-later
   support_trial.h -- one node run by itself, with buffers of exactly the size asked for
   and poisoned with NaN, and compared with the reference of support_operator. */
#ifndef LATHE_TESTS_SUPPORT_TRIAL_H
#define LATHE_TESTS_SUPPORT_TRIAL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/random.h"
#include "graph/graph.h"
#include "graph/operator.h"

typedef struct trial {
    node node;
    char name[8];
    shape in[NODE_INPUTS_MAX], out;
    parameter parameters[ROLE_COUNT]; /* data NULL where absent */
    float *running[ROLE_COUNT];       /* copies that training updates */
    float *x[NODE_INPUTS_MAX], *y, *up;
    float *grad_x[NODE_INPUTS_MAX], *grad_parameters[ROLE_COUNT];
    void *saved;
    size_t saved_bytes;
    epilogue tail;
    bool training;
    random_stream draws; /* dropout's */
} trial;

/* A node of operator OP and room for all it needs; fails the test where the row's shape
   is not the reference's. */
void trial_init(trial *t, const char *op, const attributes *a, const shape *in,
                int inputs);
void trial_clear(trial *t);

/* Normal numbers, kept away from the kinks at 0, 3 and -3; or numbers no two of which
   are near each other. */
void trial_fill(trial *t, random_stream *r, bool spaced);

void trial_forward(trial *t);
void trial_backward(trial *t, bool accumulate); /* after trial_forward in training */

/* y against the reference (and the tail), within 1e-5. */
void trial_check_forward(const trial *t);
/* Gradients of sum(up * y) against central differences of the reference, at up to
   PLACES places of each tensor, within 1e-5; PRESET is what they were added to. */
void trial_check_gradients(const trial *t, random_stream *r, int places, float preset);

/* Of y, running statistics and (with GRADIENTS) all gradients. */
uint64_t trial_hash(const trial *t, bool gradients);

/* COUNT numbers within 1e-5 of the wanted ones and of their typical size. */
void trial_compare(const char *what, const float *got, const double *wanted,
                   int64_t count);

#endif
