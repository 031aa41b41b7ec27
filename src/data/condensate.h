/* SPDX-License-Identifier: GPL-3.0-or-later
   condensate.h -- ground states of a rotating two-dimensional Bose-Einstein condensate,
   hbar = m = omega = 1, in the rotating frame:
       E = integral of 1/2 |grad psi|^2 + r^2/2 |psi|^2 + g/2 |psi|^4 - Omega psi* Lz psi
   with integral |psi|^2 = 1, on a square periodic grid with Fourier derivatives.
   It knows nothing of datasets, and never draws from anything but the stream it is given.

   Fields are n x n complex numbers, interleaved (real, imaginary), row y, column x. */
#ifndef LATHE_DATA_CONDENSATE_H
#define LATHE_DATA_CONDENSATE_H

#include <fftw3.h>
#include <stdint.h>
#include "base/error.h"
#include "base/random.h"
#include "base/task.h"

/* A grid with its transforms: constant once made, so threads may share it.  Pixel centres
   lie symmetric about the trap's centre, which falls between pixels for even n. */
typedef struct condensate_grid {
    int64_t n;
    double box, dx;
    double *x;     /* [n] pixel centres */
    double *k;     /* [n] wave numbers in the order of the transform */
    double *k_odd; /* [n] the same with 0 at the Nyquist mode: for first derivatives */
    fftw_plan row_forward, row_backward;       /* every row; in place, not scaled */
    fftw_plan column_forward, column_backward; /* every column */
    fftw_plan forward, backward;               /* both */
} condensate_grid;

condensate_grid *condensate_grid_new(int64_t n, double box, error *e);
void condensate_grid_free(condensate_grid *grid);

/* One condensate, for one thread.  The grid is borrowed. */
typedef struct condensate {
    const condensate_grid *grid;
    double g, omega;
    double *psi;     /* the field */
    double *work[7]; /* fields for the minimisers */
    double *real;    /* n x n real numbers */
} condensate;

condensate *condensate_new(const condensate_grid *grid, error *e);
void condensate_free(condensate *c);

/* psi = sqrt(max(mu - (1 - Omega^2) r^2 / 2, 0)) (1 + noise), mu the Thomas-Fermi one of
   the rotating trap; noise is complex and normal, its parts of deviation 1/2 at every
   pixel: enough to let vortices come by themselves, and the lattice turn any way. */
void condensate_start(condensate *c, random_stream *random);

/* psi / (integral |psi|^2)^(1/2). */
void condensate_normalise(condensate *c);

/* The radius where the Thomas-Fermi density of that g and Omega ends. */
double condensate_radius(double g, double omega);

/* TO->psi becomes FROM->psi at the pixels of another grid of the same box, finer or
   coarser (trigonometric interpolation), normalised. */
void condensate_resample(const condensate *from, condensate *to);

/* OUT = (-1/2 laplacian + r^2/2 - Omega Lz) FIELD; SCRATCH is a field, too. */
void condensate_apply(const condensate *c, const double *field, double *out,
                      double *scratch);

typedef struct condensate_state {
    double energy, mu; /* of one particle */
    double lz;         /* <Lz> */
    double residual;   /* || H psi - mu psi || */
} condensate_state;

void condensate_observe(condensate *c, condensate_state *state);

/* Two ways down to a ground state.  Both end when || H psi - mu psi || (for the steps:
   the speed of psi in imaginary time, which is the same but for the step's own error) is
   below TOLERANCE, or after LIMIT steps; *STEPS counts them.  E_STOPPED where WATCH asks
   for it, E_NUMERIC where the numbers left the finite ones. */

/* Preconditioned nonlinear conjugate gradients, with an exact search along great circles:
   the energy falls at every step.
   Source: Antoine, Levitt, Tang, J. Comput. Phys. 343 (2017) 92, arXiv:1611.02045. */
status condensate_descend(condensate *c, double tolerance, int64_t limit,
                          const task *watch, int64_t *steps, error *e);

/* Normalised imaginary-time split steps of DT: potential and interaction, then
   exp(-dt (kx^2/2 + Omega y kx)) along rows and exp(-dt (ky^2/2 - Omega x ky)) along
   columns, in an order that is symmetric over two steps.
   Source: Bao, Du, SIAM J. Sci. Comput. 25 (2004) 1674; the propagators as in Bao, Wang,
   J. Comput. Phys. 217 (2006) 612. */
status condensate_evolve(condensate *c, double dt, double tolerance, int64_t limit,
                         const task *watch, int64_t *steps, error *e);

#endif
