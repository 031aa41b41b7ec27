/* SPDX-License-Identifier: GPL-3.0-or-later
   condensate_evolve.c -- imaginary time in split steps.  It only changes the field; start
   and measurements are condensate.c's. */
#include "data/condensate.h"

#include <math.h>
#include <string.h>

/* Factors of one step, as real numbers for each point. */
typedef struct propagator {
    double *rows, *columns; /* exp(-dt (k^2/2 +- Omega t k)) / n */
    double *trap;           /* exp(-dt/2 r^2/2) */
} propagator;

static void make_propagator(propagator *p, condensate *c, double dt)
{
    const condensate_grid *grid = c->grid;
    const int64_t n = grid->n;
    const double *x = grid->x, *k = grid->k, *k_odd = grid->k_odd, scale = 1 / (double)n;
    p->rows = c->work[0]; /* fields have room for two real numbers a point */
    p->columns = c->work[1];
    p->trap = c->work[2];
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = j * n + i;
            p->rows[at] =
                exp(-dt * (0.5 * k[i] * k[i] + c->omega * x[j] * k_odd[i])) * scale;
            p->columns[at] =
                exp(-dt * (0.5 * k[j] * k[j] - c->omega * x[i] * k_odd[j])) * scale;
            p->trap[at] = exp(-0.25 * dt * (x[i] * x[i] + x[j] * x[j]));
        }
}

/* exp(-t) for small t to t^5/720, always between 0 and 1: its (2,2) Pade fraction. */
static inline double decay(double t)
{
    return (12 + t * (t - 6)) / (12 + t * (t + 6));
}

/* Half a step of the trap, the interaction and -mu.  The density is that in the middle of
   the half step, which keeps the whole step of second order; -mu keeps the norm near 1
   meanwhile, so that it is the density of a normalised field. */
static void half_potential(condensate *c, const double *trap, double dt, double mu)
{
    const int64_t points = c->grid->n * c->grid->n;
    const double strength = 0.5 * dt * c->g, lift = exp(0.5 * dt * mu);
    double *psi = c->psi;
#pragma omp simd
    for (int64_t i = 0; i < points; i++) {
        const double re = psi[2 * i], im = psi[2 * i + 1];
        const double density = re * re + im * im, plain = trap[i] * lift;
        const double middle = density * plain * decay(strength * density);
        const double factor = plain * decay(strength * middle);
        psi[2 * i] = re * factor;
        psi[2 * i + 1] = im * factor;
    }
}

static void along(condensate *c, const double *factor, fftw_plan forward,
                  fftw_plan backward)
{
    const int64_t points = c->grid->n * c->grid->n;
    double *psi = c->psi;
    fftw_execute_dft(forward, (fftw_complex *)psi, (fftw_complex *)psi);
#pragma omp simd
    for (int64_t i = 0; i < points; i++) {
        psi[2 * i] *= factor[i];
        psi[2 * i + 1] *= factor[i];
    }
    fftw_execute_dft(backward, (fftw_complex *)psi, (fftw_complex *)psi);
}

/* One step; MU is renewed from what the norm lost. */
static void advance(condensate *c, const propagator *p, double dt, bool rows_first,
                    double *mu)
{
    const condensate_grid *grid = c->grid;
    const int64_t count = 2 * grid->n * grid->n;
    half_potential(c, p->trap, dt, *mu);
    if (rows_first)
        along(c, p->rows, grid->row_forward, grid->row_backward);
    along(c, p->columns, grid->column_forward, grid->column_backward);
    if (!rows_first)
        along(c, p->rows, grid->row_forward, grid->row_backward);
    half_potential(c, p->trap, dt, *mu);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++)
        sum += c->psi[i] * c->psi[i];
    *mu -= 0.5 * log(sum * grid->dx * grid->dx) / dt;
    condensate_normalise(c);
}

/* || psi - before || / time. */
static double speed(const condensate *c, const double *before, double time)
{
    const int64_t count = 2 * c->grid->n * c->grid->n;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) {
        const double change = c->psi[i] - before[i];
        sum += change * change;
    }
    return sqrt(sum) * c->grid->dx / time;
}

status condensate_evolve(condensate *c, double dt, double tolerance, int64_t limit,
                         const task *watch, int64_t *steps, error *e)
{
    const size_t bytes = (size_t)(2 * c->grid->n * c->grid->n) * sizeof *c->psi;
    double *before = c->work[3];
    propagator p;
    condensate_state state;
    condensate_normalise(c);
    condensate_observe(c, &state);
    make_propagator(&p, c, dt);
    double mu = state.mu;
    int64_t step = 0;
    for (; step < limit; step++) {
        const bool rows_first = step % 2 == 0;
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "condensate: stopped");
        if (rows_first)
            memcpy(before, c->psi, bytes);
        advance(c, &p, dt, rows_first, &mu);
        if (rows_first)
            continue;
        /* Over two steps the order of rows and columns is symmetric, and its alternation
           does not count as movement. */
        const double change = speed(c, before, 2 * dt);
        if (!isfinite(change))
            return fail(e, E_NUMERIC,
                        "condensate: g=%g omega=%g dt=%g left the finite "
                        "numbers",
                        c->g, c->omega, dt);
        if (change <= tolerance)
            break;
    }
    *steps = step < limit ? step + 1 : limit;
    return E_OK;
}
