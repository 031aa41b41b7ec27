/* SPDX-License-Identifier: GPL-3.0-or-later
   test_condensate.c -- ground states against known ones, the two minimisers against each
   other, windings against fields made by hand, and the source that puts it together. */
#include "support.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "data/condensate.h"
#include "data/dataset.h"
#include "data/vortices.h"

typedef struct fixture {
    condensate_grid *grid;
    condensate *c;
} fixture;

static fixture make(int64_t n, double box, double g, double omega, uint64_t seed)
{
    error e = {0};
    random_stream r = random_new(seed, "test", 0);
    fixture f;
    f.grid = condensate_grid_new(n, box, &e);
    assert_non_null(f.grid);
    f.c = condensate_new(f.grid, &e);
    assert_non_null(f.c);
    f.c->g = g;
    f.c->omega = omega;
    condensate_start(f.c, &r);
    return f;
}

static void drop(fixture f)
{
    condensate_free(f.c);
    condensate_grid_free(f.grid);
}

static condensate_state descend(condensate *c, double tolerance)
{
    error e = {0};
    int64_t steps;
    condensate_state state;
    assert_int_equal(condensate_descend(c, tolerance, 20000, NULL, &steps, &e), E_OK);
    condensate_observe(c, &state);
    assert_true(state.residual < 1.01 * tolerance);
    return state;
}

static void assert_near(double found, double wanted, double tolerance)
{
    if (!(fabs(found - wanted) <= tolerance))
        fail_msg("found %.12g, wanted %.12g within %g", found, wanted, tolerance);
}

static int64_t count_vortices(const condensate *c)
{
    error e = {0};
    const int64_t n = c->grid->n;
    float *gradient = memory_new(2 * n * n, sizeof *gradient, &e);
    uint8_t *mask = memory_new(n * n, 1, &e);
    double largest = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < n * n; i++) {
            const double *p = c->psi + 2 * i, density = p[0] * p[0] + p[1] * p[1];
            largest = fmax(largest, density);
            mask[i] = density < 1e-3 * largest;
        }
    phase_gradient(c->psi, n, gradient);
    const int64_t count = vortex_count(gradient, mask, n, n);
    memory_free(gradient);
    memory_free(mask);
    return count;
}

static void without_interaction_a_gaussian(void **state)
{
    (void)state;
    fixture f = make(48, 14, 0, 0, 1);
    const condensate_state found = descend(f.c, 1e-8);
    assert_near(found.mu, 1, 1e-12);
    assert_near(found.energy, 1, 1e-12);
    assert_near(found.lz, 0, 1e-8);
    for (int64_t j = 0; j < 48; j++)
        for (int64_t i = 0; i < 48; i++) {
            const double *p = f.c->psi + 2 * (j * 48 + i);
            const double x = f.grid->x[i], y = f.grid->x[j];
            assert_near(p[0] * p[0] + p[1] * p[1], exp(-x * x - y * y) / M_PI, 1e-9);
        }
    drop(f);
}

/* Round states to all digits: the radial equation with angular momentum m in 60 functions
   of the oscillator (180 Gauss-Laguerre points, Newton): g = 50 has E = 2.896031852,
   mu = 4.143005926 for m = 0 and E = 3.416734340, mu = 4.513849959 for m = 1, from which
   rotation takes Omega m. */
static void round_states(void **state)
{
    (void)state;
    fixture f = make(64, 16, 50, 0.45, 1);
    condensate_state found = descend(f.c, 1e-7);
    assert_near(found.energy, 2.896031852, 1e-7);
    assert_near(found.mu, 4.143005926, 1e-6);
    assert_near(found.lz, 0, 1e-6);
    assert_int_equal(count_vortices(f.c), 0);
    drop(f);
    f = make(64, 16, 50, 0.65, 1);
    found = descend(f.c, 1e-6);
    assert_near(found.energy, 3.416734340 - 0.65, 1e-6);
    assert_near(found.mu, 4.513849959 - 0.65, 1e-5);
    assert_near(found.lz, 1, 1e-5);
    assert_int_equal(count_vortices(f.c), 1);
    drop(f);
}

/* What imaginary-time runs found for the published ranges; starts differ by a vortex or
   two. */
static void published_states(void **state)
{
    (void)state;
    static const struct {
        double g, omega, mu, lz;
        int64_t vortices;
    } rows[] = {
        {50, .45, 4.12, 0, 0}, {50, .65, 3.85, .99, 1}, {200, .65, 6.94, 3.49, 6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture f = make(80, 18, rows[i].g, rows[i].omega, 3);
        const condensate_state found = descend(f.c, 1e-5);
        assert_near(found.mu, rows[i].mu, 0.01 * rows[i].mu);
        assert_near(found.lz, rows[i].lz, 0.1 * rows[i].lz + 1e-6);
        assert_near((double)count_vortices(f.c), (double)rows[i].vortices, 2);
        drop(f);
    }
}

static void energy_falls_at_every_step(void **state)
{
    (void)state;
    error e = {0};
    int64_t steps;
    fixture f = make(40, 14, 100, 0.6, 1), start = make(40, 14, 100, 0.6, 1);
    const size_t bytes = 2 * 40 * 40 * sizeof *f.c->psi;
    condensate_state before, after;
    for (int64_t limit = 0; limit <= 40; limit++, before = after) {
        memcpy(f.c->psi, start.c->psi, bytes);
        assert_int_equal(condensate_descend(f.c, 0, limit, NULL, &steps, &e), E_OK);
        assert_int_equal(steps, limit);
        condensate_observe(f.c, &after);
        assert_true(limit == 0 || after.energy < before.energy);
    }
    memcpy(f.c->psi, start.c->psi, bytes);
    condensate_observe(f.c, &before);
    for (int i = 0; i < 200; i++, before = after) {
        assert_int_equal(condensate_evolve(f.c, 0.005, 0, 1, NULL, &steps, &e), E_OK);
        condensate_observe(f.c, &after);
        assert_true(after.energy < before.energy);
    }
    drop(f);
    drop(start);
}

static void both_ways_lead_to_one_state(void **state)
{
    (void)state;
    error e = {0};
    int64_t steps;
    condensate_state found;
    fixture f = make(40, 14, 50, 0.3, 1); /* from a start of its own */
    assert_int_equal(condensate_evolve(f.c, 0.01, 1e-4, 20000, NULL, &steps, &e), E_OK);
    assert_true(steps < 20000);
    condensate_observe(f.c, &found);
    assert_near(found.energy, 2.896031852, 1e-6);
    assert_near(found.mu, 4.143005926, 1e-4);
    drop(f);
    f = make(48, 14, 100, 0.65, 2); /* a state with vortices stays as it is */
    const condensate_state before = descend(f.c, 1e-6);
    assert_true(count_vortices(f.c) >= 2);
    assert_int_equal(condensate_evolve(f.c, 0.005, 1e-3, 100, NULL, &steps, &e), E_OK);
    assert_int_equal(steps, 2);
    condensate_observe(f.c, &found);
    assert_near(found.energy, before.energy, 1e-9);
    assert_near(found.lz, before.lz, 1e-6);
    drop(f);
}

static void resampling_keeps_the_field(void **state)
{
    (void)state;
    fixture f = make(64, 14, 50, 0.65, 1), fine = make(100, 14, 50, 0.65, 1),
            back = make(64, 14, 50, 0.65, 1);
    condensate_state before, after;
    before = descend(f.c, 1e-6);
    condensate_resample(f.c, fine.c);
    condensate_observe(fine.c, &after);
    assert_near(after.energy, before.energy, 1e-6);
    assert_near(after.lz, before.lz, 1e-6);
    condensate_resample(fine.c, back.c);
    for (int i = 0; i < 2 * 64 * 64; i++)
        assert_near(back.c->psi[i], f.c->psi[i], 1e-6); /* the Nyquist modes are lost */
    /* Every third pixel centre of 63 is one of 21: there the coarse grid has the same. */
    fixture odd = make(63, 14, 50, 0.65, 1), third = make(21, 14, 50, 0.65, 1);
    condensate_resample(f.c, odd.c);
    condensate_resample(odd.c, third.c);
    const double *whole = odd.c->psi, *part = third.c->psi;
    const double scale = part[2 * (21 * 12 + 12)] / whole[2 * (63 * 37 + 37)];
    for (int j = 0; j < 21; j++)
        for (int i = 0; i < 21; i++)
            assert_near(part[2 * (21 * j + i) + 1],
                        scale * whole[2 * (63 * (3 * j + 1) + 3 * i + 1) + 1], 1e-9);
    drop(f);
    drop(fine);
    drop(back);
    drop(odd);
    drop(third);
}

/* psi = (z - a) (z - b)^2 conj(z - c), whose windings are known. */
static void windings_are_those_of_the_field(void **state)
{
    (void)state;
    enum { SIZE = 24 };
    static double psi[2 * SIZE * SIZE];
    static float gradient[2 * SIZE * SIZE];
    static uint8_t mask[SIZE * SIZE];
    static const double place[3][2] = {{6.3, 7.6}, {15.4, 9.7}, {11.5, 17.2}};
    static const int turns[3] = {1, 2, -1};
    for (int j = 0; j < SIZE; j++)
        for (int i = 0; i < SIZE; i++) {
            double phase = 0;
            for (int v = 0; v < 3; v++)
                phase += turns[v] * atan2(j - place[v][1], i - place[v][0]);
            psi[2 * (j * SIZE + i)] = cos(phase);
            psi[2 * (j * SIZE + i) + 1] = sin(phase);
        }
    phase_gradient(psi, SIZE, gradient);
    int64_t sum[3] = {0};
    for (int j = 0; j + 1 < SIZE; j++)
        for (int i = 0; i + 1 < SIZE; i++)
            for (int v = 0; v < 3; v++)
                if (fabs(i + .5 - place[v][0]) < 2 && fabs(j + .5 - place[v][1]) < 2)
                    sum[v] += plaquette_winding(gradient, SIZE, i, j);
    for (int v = 0; v < 3; v++)
        assert_int_equal(sum[v], turns[v]);
    assert_int_equal(vortex_count(gradient, mask, SIZE, SIZE), 4);
    memset(mask, 1, sizeof mask);
    assert_int_equal(vortex_count(gradient, mask, SIZE, SIZE), 0);
    /* Round every closed rectangle the steps add up to the windings inside. */
    for (int size = 1; size < SIZE - 3; size++) {
        double around = 0;
        int64_t inside = 0;
        for (int t = 2; t < 2 + size; t++) {
            around += (double)gradient[2 * (2 * SIZE + t)];
            around += (double)gradient[2 * (t * SIZE + 2 + size) + 1];
            around -= (double)gradient[2 * ((2 + size) * SIZE + t)];
            around -= (double)gradient[2 * (t * SIZE + 2) + 1];
            for (int u = 2; u < 2 + size; u++)
                inside += plaquette_winding(gradient, SIZE, u, t);
        }
        assert_near(around / (2 * M_PI), (double)inside, 1e-5);
    }
}

static void steps_lie_within_half_a_turn(void **state)
{
    (void)state;
    const double psi[] = {1, 0, -1, 0, -1, -0.0, 0, 1};
    float gradient[8];
    phase_gradient(psi, 2, gradient);
    for (int i = 0; i < 8; i++)
        assert_true((double)gradient[i] > -M_PI && (double)gradient[i] <= M_PI);
    assert_near((double)gradient[0], M_PI, 1e-6);
    assert_near((double)gradient[1], M_PI, 1e-6); /* not -pi */
    assert_near((double)gradient[4], -M_PI / 2, 1e-6);
}

/* `data d gpe WORDS`; E gets the failure. */
static dataset *simulate(const char *words, const task *watch, error *e)
{
    option_set set;
    char buffer[200];
    snprintf(buffer, sizeof buffer, "%s", words);
    assert_int_equal(option_set_init(&set, source_gpe.options, NULL, e), E_OK);
    for (char *save, *word = strtok_r(buffer, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value++ = 0;
        assert_int_equal(option_set_put(&set, word, value, e), E_OK);
    }
    dataset *d = source_gpe.read(&set, 11, watch, e);
    option_set_clear(&set);
    return d;
}

/* Vortices recounted from the arrays alone. */
static void check_sample(const dataset *d, int64_t sample, int64_t pixels)
{
    const int64_t points = pixels * pixels;
    const float *density = tensor_f32(d->input) + sample * points;
    const float *gradient = tensor_f32(d->target) + sample * points * 2;
    const uint8_t *mask = (const uint8_t *)tensor_data(d->mask) + sample * points;
    double largest = 0, vortices, sum = 0;
    for (int64_t i = 0; i < points; i++) {
        assert_true(density[i] >= 0 && isfinite(density[i]));
        largest = fmax(largest, (double)density[i]);
        sum += (double)density[i];
    }
    for (int64_t i = 0; i < points; i++)
        assert_int_equal(mask[i], (double)density[i] < 1e-3 * largest);
    for (int64_t i = 0; i < 2 * points; i++)
        assert_true(fabs((double)gradient[i]) <= M_PI);
    assert_near(sum * (16.0 / (double)pixels) * (16.0 / (double)pixels), 1, 1e-3);
    assert_true(table_number(d->facts, sample, "vortices", &vortices));
    assert_int_equal(vortex_count(gradient, mask, pixels, pixels), (int64_t)vortices);
}

static void a_dataset(void **state)
{
    (void)state;
    error e = {0};
    static const char words[] = "n=7 starts=2 grid=72 box=16 g=40:60 omega=.6:.8";
    dataset *d = simulate(words, NULL, &e);
    assert_non_null(d);
    assert_int_equal(d->count, 7);
    assert_int_equal(d->facts->row_count, 7);
    for (int64_t i = 0; i < 7; i++) {
        double g, omega, mu, lz, residual, pair;
        assert_int_equal(d->group[i], i / 2);
        assert_true(table_number(d->facts, i, "g", &g) && g >= 40 && g <= 60);
        assert_true(table_number(d->facts, i, "omega", &omega) && omega >= .6 &&
                    omega <= .8);
        assert_true(table_number(d->facts, i, "mu", &mu) && mu > 2.5 && mu < 4.6);
        assert_true(table_number(d->facts, i, "lz", &lz) && lz > -1e-3 && lz < 4);
        assert_true(table_number(d->facts, i, "residual", &residual) && residual < 1e-5);
        assert_true(table_number(d->facts, i - i % 2, "g", &pair) && pair == g);
        check_sample(d, i, 72);
    }
    /* Four groups: two for training, one each for the others. */
    assert_int_equal(dataset_split_count(d, SPLIT_VAL) +
                         dataset_split_count(d, SPLIT_TEST) +
                         dataset_split_count(d, SPLIT_TRAIN),
                     7);
    assert_true(dataset_split_count(d, SPLIT_VAL) > 0);
    assert_true(dataset_split_count(d, SPLIT_TEST) > 0);
    cpu_set_threads(1);
    dataset *same = simulate(words, NULL, &e);
    cpu_set_threads(0);
    assert_true(tensor_equal(d->input, same->input));
    assert_true(tensor_equal(d->target, same->target));
    assert_true(tensor_equal(d->mask, same->mask));
    dataset_free(d);
    dataset_free(same);
}

static void coarse_pixels_sample_a_finer_state(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = simulate("n=1 grid=24 box=16 g=50 omega=.45", NULL, &e);
    double mu;
    assert_non_null(d);
    assert_true(table_number(d->facts, 0, "mu", &mu));
    assert_near(mu, 4.143005926, 1e-5);
    dataset_free(d);
    d = simulate("n=1 grid=40 box=14 g=50 omega=.2 dt=.01 tolerance=1e-3", NULL, &e);
    assert_non_null(d);
    assert_true(table_number(d->facts, 0, "mu", &mu));
    assert_near(mu, 4.143005926, 1e-3);
    dataset_free(d);
}

static volatile sig_atomic_t stop;

static void stop_after_two(void *context, const progress *p)
{
    *(int64_t *)context = p->done;
    assert_string_equal(p->stage, "simulate");
    assert_int_equal(p->total, 50);
    stop = p->done >= 2;
}

static void stops_when_asked(void **state)
{
    (void)state;
    error e = {0};
    int64_t done = 0;
    const task watch = {stop_after_two, &done, &stop};
    assert_null(simulate("n=50 grid=32 box=14 g=50 omega=.6", &watch, &e));
    assert_int_equal(e.code, E_STOPPED);
    assert_true(done >= 2 && done < 50);
    assert_null(simulate("n=1 grid=32 box=8 g=500 omega=.8", NULL, &e));
    assert_int_equal(e.code, E_RANGE);
    assert_non_null(strstr(e.hint, "box="));
    assert_null(simulate("n=1000000000 grid=1024", NULL, &e));
    assert_int_equal(e.code, E_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_interaction_a_gaussian),
        cmocka_unit_test(round_states),
        cmocka_unit_test(published_states),
        cmocka_unit_test(energy_falls_at_every_step),
        cmocka_unit_test(both_ways_lead_to_one_state),
        cmocka_unit_test(resampling_keeps_the_field),
        cmocka_unit_test(windings_are_those_of_the_field),
        cmocka_unit_test(steps_lie_within_half_a_turn),
        cmocka_unit_test(a_dataset),
        cmocka_unit_test(coarse_pixels_sample_a_finer_state),
        cmocka_unit_test(stops_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
