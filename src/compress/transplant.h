/* SPDX-License-Identifier: GPL-3.0-or-later
   transplant.h -- one layer of a model put into another version of it, to see which layer a
   difference between both comes from.  Neither is changed. */
#ifndef LATHE_COMPRESS_TRANSPLANT_H
#define LATHE_COMPRESS_TRANSPLANT_H

#include <stdbool.h>
#include "graph/model.h"

typedef enum transplant_kind {
    TRANSPLANT_SAME, /* the layer is the same in both, or has no numbers */
    TRANSPLANT_FITS, /* it differs in its numbers alone */
    TRANSPLANT_ALIEN /* it is not in the other, or of another shape or type there */
} transplant_kind;

/* What node NODE of INTO is in FROM, found by its name. */
transplant_kind transplant_look(const model *into, const model *from, int node);

/* A copy of INTO whose node NODE, which fits, has the numbers, masks and codes of FROM. */
model *transplant(const model *into, const model *from, int node, error *e);

#endif
