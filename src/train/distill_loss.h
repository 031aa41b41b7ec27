/* SPDX-License-Identifier: GPL-3.0-or-later
   distill_loss.h -- how far a student is from its teacher: value and gradient in one pass.
   Sums are in double by a fixed tree; nothing is allocated. */
#ifndef LATHE_TRAIN_DISTILL_LOSS_H
#define LATHE_TRAIN_DISTILL_LOSS_H

#include <stdint.h>

/* Y, Z: logits of student and teacher, ROWS x CHANNELS.  With p = softmax(z / T), q =
   softmax(y / T):  SHARE T^2 mean over rows of VALID sum_c p (ln p - ln q).
   GRADIENT = OWN GRADIENT + d/dy; d/dy = SHARE T VALID (q - p) / rows.  VALID [rows] may
   be NULL (all 1).
   Source: Hinton et al. 2015, arXiv:1503.02531, section 2. */
double distill_logits(const float *y, const float *z, const float *valid, int64_t rows,
                      int64_t channels, double temperature, double share, double own,
                      float *gradient);

/* SHARE mean over all N elements of VALID (y - z)^2, N = rows x CHANNELS; GRADIENT is
   overwritten.  VALID [rows] may be NULL.
   Source: Romero et al. 2015, arXiv:1412.6550, eq. 3. */
double distill_features(const float *y, const float *z, const float *valid, int64_t rows,
                        int64_t channels, double share, float *gradient);

/* GRADIENT = OWN GRADIENT + SHARE MORE, N elements. */
void distill_mix(float *gradient, const float *more, int64_t n, double own, double share);

#endif
