/* SPDX-License-Identifier: GPL-3.0-or-later
   vortices.h -- phase steps between pixels and the vortices that they wind about.
   Images are rows of pixels; a gradient holds (x step, y step) for each. */
#ifndef LATHE_DATA_VORTICES_H
#define LATHE_DATA_VORTICES_H

#include <stdint.h>

/* GRADIENT (n, n, 2) = the phase of the next pixel less that of this one, in (-pi, pi]:
   along x, then along y.  The field is periodic: the last column's neighbour is the first
   one, the last row's the first row.  PSI is n x n complex numbers, interleaved. */
void phase_gradient(const double *psi, int64_t n, float *gradient);

/* The winding round the four pixels (i, j), (i+1, j), (i+1, j+1), (i, j+1), counter
   clockwise in x and y: the sum of the steps in turns, which is a whole number. */
int64_t plaquette_winding(const float *gradient, int64_t width, int64_t i, int64_t j);

/* Vortices in the cloud: the windings, counted without their sign, of all plaquettes with
   a valid corner (MASK 0).  Those in the vacuum mean nothing.  A core's own pixel may be
   nearly empty, but a corner of its plaquette is not. */
int64_t vortex_count(const float *gradient, const uint8_t *mask, int64_t height,
                     int64_t width);

#endif
