/* SPDX-License-Identifier: GPL-3.0-or-later
   support_phase.h -- a small problem like the phase system's: fields with a known
   gradient, masks, splits, and a U-Net that fits them. */
#ifndef LATHE_TESTS_SUPPORT_PHASE_H
#define LATHE_TESTS_SUPPORT_PHASE_H

#include "data/dataset.h"
#include "graph/model.h"

/* COUNT samples of SIZE x SIZE: smooth positive densities, as targets the forward
   differences of their logarithm, as mask what lies in the outermost ring.  Of each ten
   samples six are for training, two for validation, two for the test. */
dataset *support_phase_data(int64_t count, int64_t size, uint64_t seed);

/* unet-phase with OPTIONS such as "levels=2 channels=4 size=16". */
model *support_phase_model(const char *options, uint64_t seed);

#endif
