/* SPDX-License-Identifier: GPL-3.0-or-later
   simulate.h -- training towards integers: every batch runs forward in the kernels of the
   deployed model, so that what was simulated is what is deployed, to the last bit.
   Backward goes through the float graph, whose values and weights are the decoded codes
   (straight-through estimator): rounding counts as the identity, and a value whose code
   stands at an end of its range takes no gradient.
   Batch norms are folded with the statistics that they have, and trained as part of their
   layers; dropouts go; ranges of values are observed anew before every epoch, or
   once and then trained, as scales of weights are where that is asked for (learned.h).
   Source: Jacob et al. 2018, arXiv:1712.05877, section 3; Bengio et al. 2013,
   arXiv:1308.3432. */
#ifndef LATHE_COMPRESS_SIMULATE_H
#define LATHE_COMPRESS_SIMULATE_H

#include "compress/quantize.h"
#include "train/trainer.h"

typedef struct simulation simulation;

/* As T's quantization says, from its epoch on.  E_NAME for an observer that is none. */
simulation *simulation_new(const train_settings *t, error *e);
void simulation_free(simulation *s);                        /* NULL is fine */
const train_simulation *simulation_of(const simulation *s); /* lent */

#endif
