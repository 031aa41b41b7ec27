/* SPDX-License-Identifier: GPL-3.0-or-later
   support_drawing.h -- shapes and attributes at random for each operator, such as its row
   accepts.  It runs nothing. */
#ifndef LATHE_TESTS_SUPPORT_DRAWING_H
#define LATHE_TESTS_SUPPORT_DRAWING_H

#include <stdbool.h>
#include "base/random.h"
#include "graph/graph.h"

typedef struct drawn {
    attributes a;
    shape in[NODE_INPUTS_MAX];
    int inputs;
} drawn;

typedef struct drawing {
    const char *op;
    void (*draw)(random_stream *r, drawn *d); /* d: zeros, but for inputs = 1 */
    int trials;
    bool spaced; /* values must not lie near each other */
} drawing;

/* How OP is drawn, or NULL. */
const drawing *support_drawing(const char *op);

#endif
