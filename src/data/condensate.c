/* SPDX-License-Identifier: GPL-3.0-or-later
   condensate.c -- the grid, the Hamiltonian and what is measured on a field.  It does not
   look for ground states: condensate_descend.c and condensate_evolve.c do. */
#include "data/condensate.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include "base/memory.h"

/* FFTW's planner keeps tables of its own; only executing a plan is safe in threads. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

static fftw_plan plan_lines(int64_t n, bool columns, int sign, fftw_complex *field)
{
    const int length = (int)n, stride = columns ? length : 1, next = columns ? 1 : length;
    return fftw_plan_many_dft(1, &length, length, field, NULL, stride, next, field, NULL,
                              stride, next, sign, FFTW_ESTIMATE);
}

/* FFTW_ESTIMATE measures nothing, so that every run chooses the same algorithm and gives
   the same bits. */
static status make_plans(condensate_grid *grid, error *e)
{
    const int n = (int)grid->n;
    fftw_complex *field = memory_new(grid->n * grid->n, sizeof *field, e);
    if (!field)
        return E_MEMORY;
    pthread_mutex_lock(&planner);
    grid->row_forward = plan_lines(n, false, FFTW_FORWARD, field);
    grid->row_backward = plan_lines(n, false, FFTW_BACKWARD, field);
    grid->column_forward = plan_lines(n, true, FFTW_FORWARD, field);
    grid->column_backward = plan_lines(n, true, FFTW_BACKWARD, field);
    grid->forward = fftw_plan_dft_2d(n, n, field, field, FFTW_FORWARD, FFTW_ESTIMATE);
    grid->backward = fftw_plan_dft_2d(n, n, field, field, FFTW_BACKWARD, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    memory_free(field);
    if (!grid->row_forward || !grid->row_backward || !grid->column_forward ||
        !grid->column_backward || !grid->forward || !grid->backward)
        return fail(e, E_MEMORY, "condensate: no transform of %d x %d points", n, n);
    return E_OK;
}

condensate_grid *condensate_grid_new(int64_t n, double box, error *e)
{
    if (n < 4 || n > 2048 || !(box > 0) || !isfinite(box)) {
        fail(e, E_RANGE,
             "condensate: a grid of %lld points over %g, 4 to 2048 points were wanted",
             (long long)n, box);
        return NULL;
    }
    condensate_grid *grid = memory_new(1, sizeof *grid, e);
    if (!grid)
        return NULL;
    grid->n = n;
    grid->box = box;
    grid->dx = box / (double)n;
    grid->x = memory_new(n, sizeof *grid->x, e);
    grid->k = memory_new(n, sizeof *grid->k, e);
    grid->k_odd = memory_new(n, sizeof *grid->k_odd, e);
    if (!grid->x || !grid->k || !grid->k_odd || make_plans(grid, e) != E_OK) {
        condensate_grid_free(grid);
        return NULL;
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t mode = i <= (n - 1) / 2 ? i : i - n;
        grid->x[i] = ((double)i - 0.5 * (double)(n - 1)) * grid->dx;
        grid->k[i] = 2 * M_PI / box * (double)mode;
        grid->k_odd[i] = 2 * mode == -n ? 0 : grid->k[i];
    }
    return grid;
}

void condensate_grid_free(condensate_grid *grid)
{
    if (!grid)
        return;
    const fftw_plan plans[] = {grid->row_forward,    grid->row_backward,
                               grid->column_forward, grid->column_backward,
                               grid->forward,        grid->backward};
    pthread_mutex_lock(&planner);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        if (plans[i])
            fftw_destroy_plan(plans[i]);
    pthread_mutex_unlock(&planner);
    memory_free(grid->x);
    memory_free(grid->k);
    memory_free(grid->k_odd);
    memory_free(grid);
}

condensate *condensate_new(const condensate_grid *grid, error *e)
{
    const int64_t points = grid->n * grid->n;
    condensate *c = memory_new(1, sizeof *c, e);
    if (!c)
        return NULL;
    c->grid = grid;
    c->psi = memory_new(2 * points, sizeof *c->psi, e);
    c->real = memory_new(points, sizeof *c->real, e);
    bool whole = c->psi && c->real;
    for (size_t i = 0; i < sizeof c->work / sizeof *c->work && whole; i++) {
        c->work[i] = memory_new(2 * points, sizeof *c->work[i], e);
        whole = c->work[i] != NULL;
    }
    if (!whole) {
        condensate_free(c);
        return NULL;
    }
    return c;
}

void condensate_free(condensate *c)
{
    if (!c)
        return;
    memory_free(c->psi);
    memory_free(c->real);
    for (size_t i = 0; i < sizeof c->work / sizeof *c->work; i++)
        memory_free(c->work[i]);
    memory_free(c);
}

void condensate_normalise(condensate *c)
{
    const int64_t count = 2 * c->grid->n * c->grid->n;
    double *psi = c->psi, sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++)
        sum += psi[i] * psi[i];
    const double scale = 1 / (sqrt(sum) * c->grid->dx);
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        psi[i] *= scale;
}

/* The part of -1/2 laplacian - Omega Lz that acts along the lines of one direction, on
   FIELD in place.  Lz = x py - y px. */
static void apply_lines(const condensate *c, bool columns, double kinetic, double omega,
                        double *field)
{
    const condensate_grid *grid = c->grid;
    const int64_t n = grid->n;
    const double scale = 1 / (double)n;
    fftw_execute_dft(columns ? grid->column_forward : grid->row_forward,
                     (fftw_complex *)field, (fftw_complex *)field);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            const int64_t mode = columns ? j : i;
            const double turn = columns ? -grid->x[i] : grid->x[j], k = grid->k[mode];
            const double factor =
                (kinetic * k * k + omega * turn * grid->k_odd[mode]) * scale;
            field[2 * (j * n + i)] *= factor;
            field[2 * (j * n + i) + 1] *= factor;
        }
    fftw_execute_dft(columns ? grid->column_backward : grid->row_backward,
                     (fftw_complex *)field, (fftw_complex *)field);
}

void condensate_apply(const condensate *c, const double *field, double *out,
                      double *scratch)
{
    const int64_t n = c->grid->n;
    const double *x = c->grid->x;
    const size_t bytes = (size_t)(2 * n * n) * sizeof *field;
    memcpy(out, field, bytes);
    apply_lines(c, false, 0.5, c->omega, out);
    memcpy(scratch, field, bytes);
    apply_lines(c, true, 0.5, c->omega, scratch);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            const double trap = 0.5 * (x[i] * x[i] + x[j] * x[j]);
            const int64_t at = 2 * (j * n + i);
            out[at] += scratch[at] + trap * field[at];
            out[at + 1] += scratch[at + 1] + trap * field[at + 1];
        }
}

double condensate_radius(double g, double omega)
{
    const double curvature = 1 - omega * omega;
    const double mu = sqrt(g * curvature / M_PI); /* of n = (mu - curvature r^2/2) / g */
    return sqrt(2 * fmax(mu, 1) / curvature);
}

void condensate_start(condensate *c, random_stream *random)
{
    const double *x = c->grid->x, edge = condensate_radius(c->g, c->omega);
    const int64_t n = c->grid->n;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            const double inside = 1 - (x[i] * x[i] + x[j] * x[j]) / (edge * edge);
            const double height = inside > 0 ? sqrt(inside) : 0;
            double *at = c->psi + 2 * (j * n + i);
            at[0] = height * (1 + 0.5 * random_normal(random));
            at[1] = height * 0.5 * random_normal(random);
        }
    condensate_normalise(c);
}

/* The sum of FROM's modes at the other grid's pixel centres, which begin SHIFT beside its
   own.  On a coarser grid several modes are one: that is what sampling makes of them. */
void condensate_resample(const condensate *from, condensate *to)
{
    const condensate_grid *a = from->grid, *b = to->grid;
    const int64_t n = a->n, m = b->n, half = (n - 1) / 2;
    const double shift = b->x[0] - a->x[0], scale = 1 / (double)(n * n);
    double *modes = from->work[0];
    memcpy(modes, from->psi, (size_t)(2 * n * n) * sizeof *modes);
    fftw_execute_dft(a->forward, (fftw_complex *)modes, (fftw_complex *)modes);
    memset(to->psi, 0, (size_t)(2 * m * m) * sizeof *to->psi);
    for (int64_t q = -half; q <= half; q++)
        for (int64_t p = -half; p <= half; p++) {
            const int64_t row = (q % m + m) % m, column = (p % m + m) % m;
            const double *s = modes + 2 * ((q + n) % n * n + (p + n) % n);
            double *t = to->psi + 2 * (row * m + column);
            const double angle = 2 * M_PI / a->box * (double)(p + q) * shift;
            const double re = cos(angle) * scale, im = sin(angle) * scale;
            t[0] += re * s[0] - im * s[1];
            t[1] += re * s[1] + im * s[0];
        }
    fftw_execute_dft(b->backward, (fftw_complex *)to->psi, (fftw_complex *)to->psi);
    condensate_normalise(to);
}

static double inner(const double *a, const double *b, int64_t count)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

void condensate_observe(condensate *c, condensate_state *state)
{
    const int64_t points = c->grid->n * c->grid->n;
    const double area = c->grid->dx * c->grid->dx;
    const size_t bytes = (size_t)(2 * points) * sizeof *c->psi;
    double *h = c->work[0], *scratch = c->work[1], quartic = 0, residual = 0;
    double turning = 0;
    for (int columns = 0; columns < 2; columns++) { /* -Lz, one direction at a time */
        memcpy(scratch, c->psi, bytes);
        apply_lines(c, columns, 0, 1, scratch);
        turning += inner(c->psi, scratch, 2 * points);
    }
    condensate_apply(c, c->psi, h, scratch);
    for (int64_t i = 0; i < points; i++) {
        const double *p = c->psi + 2 * i, density = p[0] * p[0] + p[1] * p[1];
        quartic += density * density;
    }
    const double linear = area * inner(c->psi, h, 2 * points);
    quartic *= area;
    state->energy = linear + 0.5 * c->g * quartic;
    state->mu = linear + c->g * quartic;
    state->lz = -area * turning;
    for (int64_t i = 0; i < points; i++) {
        const double *p = c->psi + 2 * i;
        const double level = c->g * (p[0] * p[0] + p[1] * p[1]) - state->mu;
        const double re = h[2 * i] + level * p[0], im = h[2 * i + 1] + level * p[1];
        residual += re * re + im * im;
    }
    state->residual = sqrt(residual * area);
}
