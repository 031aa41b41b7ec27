/* SPDX-License-Identifier: GPL-3.0-or-later
   vortices.c -- phase gradients and windings on pixels.  It does not know where the field
   came from. */
#include "data/vortices.h"

#include <math.h>

/* The phase from A to B in (-pi, pi], also after rounding to float. */
static float phase_step(const double *a, const double *b)
{
    const float most = 0x1.921fb4p+1f; /* the largest float below pi */
    const double step = atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]);
    const float rounded = (float)step;
    return fabsf(rounded) > most ? most : rounded;
}

void phase_gradient(const double *psi, int64_t n, float *gradient)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            const double *here = psi + 2 * (j * n + i);
            const int64_t right = i + 1 < n ? i + 1 : 0, below = j + 1 < n ? j + 1 : 0;
            float *step = gradient + 2 * (j * n + i);
            step[0] = phase_step(here, psi + 2 * (j * n + right));
            step[1] = phase_step(here, psi + 2 * (below * n + i));
        }
}

int64_t plaquette_winding(const float *gradient, int64_t width, int64_t i, int64_t j)
{
    const float *here = gradient + 2 * (j * width + i);
    const float *right = here + 2, *below = here + 2 * width;
    const double around =
        (double)here[0] + (double)right[1] - (double)below[0] - (double)here[1];
    return llrint(around / (2 * M_PI));
}

int64_t vortex_count(const float *gradient, const uint8_t *mask, int64_t height,
                     int64_t width)
{
    int64_t count = 0;
    for (int64_t j = 0; j + 1 < height; j++)
        for (int64_t i = 0; i + 1 < width; i++) {
            const uint8_t *here = mask + j * width + i;
            if (here[0] && here[1] && here[width] && here[width + 1])
                continue;
            const int64_t winding = plaquette_winding(gradient, width, i, j);
            count += winding < 0 ? -winding : winding;
        }
    return count;
}
