/* SPDX-License-Identifier: GPL-3.0-or-later
   condensate_descend.c -- preconditioned conjugate gradients on the sphere of normalised
   fields.  It only changes the field; start and measurements are condensate.c's. */
#include "data/condensate.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"

/* Fields of one descent; all but the last are c->work. */
typedef struct descent {
    condensate *c;
    int64_t points;
    double area;               /* of a pixel */
    double *h;                 /* linear part of H applied to psi, kept up to date */
    double *residual, *before; /* H psi - mu psi, now and a step ago */
    double *preconditioned;
    double *direction, *h_direction;
    double *scratch;
    double *weight;             /* the preconditioner's part in space, real */
    double linear, quartic, mu; /* of psi */
    double slope_before;        /* <residual, preconditioned> a step ago */
} descent;

static double inner(const descent *d, const double *a, const double *b)
{
    const int64_t count = 2 * d->points;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum * d->area;
}

/* mu = <psi, H psi> and the residual; returns its norm. */
static double measure(descent *d)
{
    const double *psi = d->c->psi, *h = d->h, g = d->c->g;
    double *r = d->residual, quartic = 0, linear = 0, norm = 0;
#pragma omp simd reduction(+ : quartic, linear)
    for (int64_t i = 0; i < d->points; i++) {
        const double re = psi[2 * i], im = psi[2 * i + 1], density = re * re + im * im;
        quartic += density * density;
        linear += re * h[2 * i] + im * h[2 * i + 1];
    }
    d->quartic = quartic * d->area;
    d->linear = linear * d->area;
    d->mu = d->linear + g * d->quartic;
    const double mu = d->mu;
#pragma omp simd reduction(+ : norm)
    for (int64_t i = 0; i < d->points; i++) {
        const double re = psi[2 * i], im = psi[2 * i + 1];
        const double level = g * (re * re + im * im) - mu;
        const double a = h[2 * i] + level * re, b = h[2 * i + 1] + level * im;
        r[2 * i] = a;
        r[2 * i + 1] = b;
        norm += a * a + b * b;
    }
    return sqrt(norm * d->area);
}

/* z = V K V r with V = (mu + r^2/2 + g |psi|^2)^(-1/2), K = mu (mu - laplacian/2)^(-1):
   the symmetric combined preconditioner of the source. */
static void precondition(descent *d)
{
    const condensate_grid *grid = d->c->grid;
    const int64_t n = grid->n;
    const double *x = grid->x, *k = grid->k, *psi = d->c->psi, g = d->c->g, mu = d->mu;
    double *z = d->preconditioned, *v = d->weight;
    for (int64_t j = 0; j < n; j++) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = j * n + i;
            const double re = psi[2 * at], im = psi[2 * at + 1];
            v[at] = 1 / sqrt(mu + 0.5 * (x[i] * x[i] + x[j] * x[j]) +
                             g * (re * re + im * im));
            z[2 * at] = v[at] * d->residual[2 * at];
            z[2 * at + 1] = v[at] * d->residual[2 * at + 1];
        }
    }
    fftw_execute_dft(grid->forward, (fftw_complex *)z, (fftw_complex *)z);
    for (int64_t j = 0; j < n; j++) {
        double *row = z + 2 * j * n;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            const double factor =
                mu / (mu + 0.5 * (k[i] * k[i] + k[j] * k[j])) / (double)d->points;
            row[2 * i] *= factor;
            row[2 * i + 1] *= factor;
        }
    }
    fftw_execute_dft(grid->backward, (fftw_complex *)z, (fftw_complex *)z);
#pragma omp simd
    for (int64_t i = 0; i < d->points; i++) {
        z[2 * i] *= v[i];
        z[2 * i + 1] *= v[i];
    }
}

static void combine(double *out, double a, const double *with, double b, int64_t count)
{
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        out[i] = a * out[i] + b * with[i];
}

/* direction = -z + beta direction, tangent to the sphere, of length 1; beta is Polak's
   and Ribiere's, cut at 0.  Returns its length before; 0 where it does not go down. */
static double choose_direction(descent *d, bool first)
{
    const int64_t count = 2 * d->points;
    const double *z = d->preconditioned;
    const double slope = inner(d, d->residual, z);
    double beta = 0;
    if (!first && d->slope_before > 0)
        beta = fmax(0, (slope - inner(d, d->before, z)) / d->slope_before);
    d->slope_before = slope;
    for (int attempt = 0; attempt < 2; attempt++, beta = 0) {
        combine(d->direction, beta, z, -1, count);
        combine(d->direction, 1, d->c->psi, -inner(d, d->c->psi, d->direction), count);
        if (inner(d, d->residual, d->direction) < 0) {
            const double length = sqrt(inner(d, d->direction, d->direction));
            combine(d->direction, 1 / length, z, 0, count);
            return length;
        }
    }
    return 0;
}

/* Along psi cos(t) + direction sin(t) the energy is sum_m a[m] cos^(4-m) sin^m. */
static void energy_on_circle(const descent *d, double a[5])
{
    const double *p = d->c->psi, *q = d->direction, g = d->c->g;
    double pppq = 0, ppqq = 0, pqqq = 0, qqqq = 0;
#pragma omp simd reduction(+ : pppq, ppqq, pqqq, qqqq)
    for (int64_t i = 0; i < d->points; i++) {
        const double pp = p[2 * i] * p[2 * i] + p[2 * i + 1] * p[2 * i + 1];
        const double qq = q[2 * i] * q[2 * i] + q[2 * i + 1] * q[2 * i + 1];
        const double pq = p[2 * i] * q[2 * i] + p[2 * i + 1] * q[2 * i + 1];
        pppq += 4 * pp * pq;
        ppqq += 2 * pp * qq + 4 * pq * pq;
        pqqq += 4 * pq * qq;
        qqqq += qq * qq;
    }
    const double half = 0.5 * g * d->area, cross = 2 * inner(d, q, d->h);
    const double turned = inner(d, q, d->h_direction);
    a[0] = d->linear + 0.5 * g * d->quartic;
    a[1] = cross + half * pppq;
    a[2] = d->linear + turned + half * ppqq;
    a[3] = cross + half * pqqq;
    a[4] = turned + half * qqqq;
}

static double on_circle(const double a[5], double t)
{
    const double c = cos(t), s = sin(t);
    return (((a[4] * s + a[3] * c) * s + a[2] * c * c) * s + a[1] * c * c * c) * s +
           a[0] * c * c * c * c;
}

/* The first angle where the derivative of the energy stops being negative: the derivative
   is such a sum again, b[m] = (m + 1) a[m+1] - (5 - m) a[m-1]. */
static double search_angle(const double a[5])
{
    double b[5], low = 0, high;
    for (int m = 0; m < 5; m++)
        b[m] = (m < 4 ? (m + 1) * a[m + 1] : 0) - (m > 0 ? (5 - m) * a[m - 1] : 0);
    const double curvature = b[1];
    high = curvature > 0 ? fmin(-2 * b[0] / curvature, 0.1) : 0.1;
    while (high < M_PI && on_circle(b, high) < 0) {
        low = high;
        high *= 2;
    }
    /* Regula falsi, kept honest by halving now and then. */
    for (int i = 0; i < 60 && high - low > 1e-9 * high; i++) {
        const double at_low = on_circle(b, low), at_high = on_circle(b, high);
        double t = low - at_low * (high - low) / (at_high - at_low);
        if (i % 3 == 2 || !(t > low && t < high))
            t = 0.5 * (low + high);
        if (on_circle(b, t) < 0)
            low = t;
        else
            high = t;
    }
    return low;
}

static void begin(descent *d, condensate *c)
{
    d->c = c;
    d->points = c->grid->n * c->grid->n;
    d->area = c->grid->dx * c->grid->dx;
    d->h = c->work[0];
    d->residual = c->work[1];
    d->before = c->work[2];
    d->preconditioned = c->work[3];
    d->direction = c->work[4];
    d->h_direction = c->work[5];
    d->scratch = c->work[6];
    d->weight = c->real;
    memset(d->direction, 0, (size_t)(2 * d->points) * sizeof *d->direction);
    condensate_normalise(c);
    condensate_apply(c, c->psi, d->h, d->scratch);
}

status condensate_descend(condensate *c, double tolerance, int64_t limit,
                          const task *watch, int64_t *steps, error *e)
{
    descent d = {0};
    begin(&d, c);
    int64_t step = 0;
    for (; step < limit; step++) {
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "condensate: stopped");
        const double norm = measure(&d);
        if (!isfinite(norm))
            return fail(e, E_NUMERIC, "condensate: g=%g omega=%g left the finite numbers",
                        c->g, c->omega);
        if (norm <= tolerance)
            break;
        precondition(&d);
        const double length = choose_direction(&d, step == 0);
        double a[5], angle = 0;
        if (length > 0) {
            condensate_apply(c, d.direction, d.h_direction, d.scratch);
            energy_on_circle(&d, a);
            angle = search_angle(a);
        }
        if (!(angle > 0))
            break; /* at the end of double precision nothing goes down any more */
        combine(c->psi, cos(angle), d.direction, sin(angle), 2 * d.points);
        combine(d.h, cos(angle), d.h_direction, sin(angle), 2 * d.points);
        combine(d.direction, length, d.direction, 0, 2 * d.points);
        double *swap = d.before;
        d.before = d.residual;
        d.residual = swap;
    }
    *steps = step;
    condensate_normalise(c);
    return E_OK;
}
