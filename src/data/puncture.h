/* SPDX-License-Identifier: GPL-3.0-or-later
   puncture.h -- black holes at rest as punctures (Brill-Lindquist data), and the blocks of
   a grid that is finer the nearer they are.  It knows nothing of datasets. */
#ifndef LATHE_DATA_PUNCTURE_H
#define LATHE_DATA_PUNCTURE_H

#include <stdint.h>
#include "base/error.h"
#include "base/random.h"

enum { PUNCTURES_MOST = 4, BLOCK_SIDE = 7, BLOCK_POINTS = 343 };

/* Masses and places, in units of the total mass. */
typedef struct punctures {
    int count;
    double mass[PUNCTURES_MOST], place[PUNCTURES_MOST][3];
} punctures;

/* LOW to HIGH holes with masses that add up to 1, the least at least a quarter of the
   largest, anywhere in the ball of RADIUS, at least a fifth of RADIUS apart. */
void punctures_draw(punctures *p, int low, int high, double radius,
                    random_stream *random);

/* chi = psi^-4, psi = 1 + sum of m / (2 |r - r_i|): the conformal factor that the BSSN
   equations evolve; 0 at a puncture, 1 far away.
   Source: Brill, Lindquist, Phys. Rev. 131 (1963) 471; Campanelli et al., Phys. Rev. Lett.
   96 (2006) 111101 (chi). */
double punctures_chi(const punctures *p, double x, double y, double z);

/* A block: a cube of 5^3 cells with values at their centres, and one layer around. */
typedef struct puncture_block {
    int level;        /* 0 is the coarsest */
    double centre[3]; /* of the cube */
    double spacing;   /* between points: a fifth of the cube's side */
} puncture_block;

/* The blocks of the cube |x|, |y|, |z| <= HALF: BASE^3 of them, each cut into eight up to
   LEVELS times while a puncture is nearer to its centre than its side.  *BLOCKS (the
   caller frees) has *COUNT of them, in a fixed order. */
status puncture_blocks(const punctures *p, double half, int base, int levels,
                       puncture_block **blocks, int64_t *count, error *e);

/* chi at the 7^3 points of the block, at least LEAST; x runs fastest.  No point of the
   grid lies on a puncture but by chance, where chi is 0 before that. */
void puncture_block_chi(const punctures *p, const puncture_block *b, double least,
                        float chi[BLOCK_POINTS]);

#endif
