/* SPDX-License-Identifier: GPL-3.0-or-later
   source_gpe.c -- the source `gpe`: samples of simulated rotating condensates.  The
   physics is condensate.h's and vortices.h's; here parameters are drawn, grids chosen,
   samples shared out to threads and put together. */
#include "data/source.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "data/condensate.h"
#include "data/vortices.h"

static const option options[] = {
    {"n", OPTION_INTEGER, "1..", "64", NULL,
     "samples; the last pair may have fewer starts"},
    {"grid", OPTION_INTEGER, "16..1024", "200", "pixels",
     "width and height of an image; coarse ones are samples of a finer state"},
    {"g", OPTION_SPAN, "0..", "50:500", NULL,
     "interaction strength, drawn from LOW:HIGH"},
    {"omega", OPTION_SPAN, "0..0.99", "0.45:0.85", "trap frequency",
     "speed of rotation, drawn from LOW:HIGH"},
    {"starts", OPTION_INTEGER, "1..", "4", NULL,
     "noisy starts of each pair of g and omega, which are one group"},
    {"box", OPTION_REAL, "1..1000", "20", "trap length",
     "side of the image; phases are resolved where a pixel is below pi / (omega radius)"},
    {"mask", OPTION_REAL, "0..1", "0.001", NULL,
     "pixels below this share of the largest density are invalid"},
    {"method", OPTION_WORD, "descent|imaginary-time", "descent", NULL,
     "way to the ground state: conjugate gradients, or split steps (slow)"},
    {"dt", OPTION_REAL, "0.00001..0.1", "0.005", NULL,
     "step of imaginary time; giving it chooses that method"},
    {"tolerance", OPTION_REAL, "0.000000001..1", "0.00001", NULL,
     "largest || H psi - mu psi || of a state that is done"},
    {"steps", OPTION_INTEGER, "1..", "20000", NULL,
     "most steps on one grid; the residual tells whether they were enough"},
    {0},
};

enum { STAGES_MOST = 3 };

typedef struct sample_facts {
    double g, omega;
    condensate_state state;
    int64_t steps, vortices;
} sample_facts;

typedef struct simulation {
    int64_t n, pixels, starts, limit;
    double g[2], omega[2], box, mask, dt, tolerance;
    bool descent;
    uint64_t seed;
    const task *watch;
    /* Grids from coarse to fine; the last one is that of the pixels.  If that is a coarse
       one, it is not solved on: it samples the state of the one before. */
    condensate_grid *grid[STAGES_MOST];
    int stages, solved;
    condensate *(*work)[STAGES_MOST]; /* of each thread, made when first used */
    float *density, *gradient;        /* of all samples */
    uint8_t *invalid;
    sample_facts *facts;
    atomic_llong done;
    atomic_bool failed;
    pthread_mutex_t lock; /* for the two below */
    int64_t failed_sample;
    error why;
} simulation;

/* The smallest even number from LEAST on with no prime factor above 5. */
static int64_t smooth_size(double least)
{
    for (int64_t n = 2 * (int64_t)ceil(least / 2);; n += 2) {
        int64_t rest = n;
        for (int factor = 2; factor <= 5; factor++)
            while (rest % factor == 0)
                rest /= factor;
        if (rest == 1)
            return n;
    }
}

/* The fastest motion within a cloud has wave numbers near (2 mu)^(1/2), the inverse of a
   vortex core's size.  Twice that finds where the vortices will be; four times that is a
   grid too fine to hold the lattice at preferred angles. */
static status choose_grids(simulation *s, error *e)
{
    const double mu = fmax(sqrt(s->g[1] / M_PI), 1), least = s->box / M_PI * sqrt(2 * mu);
    const int64_t coarse = smooth_size(2 * least), resolved = smooth_size(4 * least);
    int64_t sizes[STAGES_MOST];
    const bool fine = s->pixels >= resolved;
    if (!fine || 4 * s->pixels > 5 * resolved)
        sizes[s->stages++] = resolved;
    sizes[s->stages++] = s->pixels;
    s->solved = s->stages - !fine;
    if (5 * coarse < 4 * sizes[0]) { /* in front of what there is */
        for (int i = s->stages++; i > 0; i--)
            sizes[i] = sizes[i - 1];
        sizes[0] = coarse;
        s->solved++;
    }
    for (int i = 0; i < s->stages; i++) {
        s->grid[i] = condensate_grid_new(sizes[i], s->box, e);
        if (!s->grid[i])
            return e ? e->code : E_MEMORY;
    }
    return E_OK;
}

static status prepare(simulation *s, const option_set *set, uint64_t seed,
                      const task *watch, error *e)
{
    const option_value *g = option_get(set, "g"), *omega = option_get(set, "omega");
    *s = (simulation){
        .n = option_integer(set, "n"),
        .pixels = option_integer(set, "grid"),
        .starts = option_integer(set, "starts"),
        .limit = option_integer(set, "steps"),
        .g = {g->reals[0], g->reals[1]},
        .omega = {omega->reals[0], omega->reals[1]},
        .box = option_real(set, "box"),
        .mask = option_real(set, "mask"),
        .dt = option_real(set, "dt"),
        .tolerance = option_real(set, "tolerance"),
        .descent = option_is(set, "method", "descent") &&
                   (option_given(set, "method") || !option_given(set, "dt")),
        .seed = seed,
        .watch = watch,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    const double radius = condensate_radius(s->g[1], s->omega[1]),
                 room = 1.1 * radius + 1;
    if (room > s->box / 2) {
        fail(e, E_RANGE,
             "gpe: a cloud of g=%g and omega=%g has the radius %.3g, box=%g has "
             "no room for it",
             s->g[1], s->omega[1], radius, s->box);
        return fail_hint(e, "use box=%g or more, with the pixels to fill it",
                         ceil(2 * room));
    }
    char wanted[32], left[32];
    const double bytes = (double)s->n * (double)(s->pixels * s->pixels) * 13;
    if (bytes > (double)memory_available())
        return fail(
            e, E_MEMORY, "gpe: %lld samples of %lld x %lld pixels take %s, %s are left",
            (long long)s->n, (long long)s->pixels, (long long)s->pixels,
            text_bytes(wanted, bytes), text_bytes(left, (double)memory_available()));
    s->work = memory_new(cpu_threads(), sizeof *s->work, e);
    s->facts = memory_new(s->n, sizeof *s->facts, e);
    return s->work && s->facts ? choose_grids(s, e) : E_MEMORY;
}

static void clear(simulation *s)
{
    for (int i = 0; s->work && i < cpu_threads(); i++)
        for (int stage = 0; stage < s->stages; stage++)
            condensate_free(s->work[i][stage]);
    for (int stage = 0; stage < s->stages; stage++)
        condensate_grid_free(s->grid[stage]);
    memory_free(s->work);
    memory_free(s->facts);
}

/* The field's density, phase steps and mask. */
static void make_images(const condensate *c, double share, float *density,
                        float *gradient, uint8_t *invalid)
{
    const int64_t points = c->grid->n * c->grid->n;
    double largest = 0;
    for (int64_t i = 0; i < points; i++) {
        const double *p = c->psi + 2 * i, here = p[0] * p[0] + p[1] * p[1];
        density[i] = (float)here;
        largest = fmax(largest, here);
    }
    for (int64_t i = 0; i < points; i++)
        invalid[i] = (double)density[i] < share * largest;
    phase_gradient(c->psi, c->grid->n, gradient);
}

/* SOLVED's state, and how PIXELS sample it, into the dataset.  Vortices are counted where
   it was solved: coarse pixels may show more of them than there are, when the phase turns
   by more than pi from one to the next. */
static void put_sample(simulation *s, int64_t sample, condensate *solved,
                       const condensate *pixels)
{
    const int64_t points = s->pixels * s->pixels;
    float *density = s->density + sample * points;
    float *gradient = s->gradient + sample * points * 2;
    uint8_t *invalid = s->invalid + sample * points;
    condensate_observe(solved, &s->facts[sample].state);
    make_images(pixels, s->mask, density, gradient, invalid);
    if (solved != pixels) {
        density = (float *)solved->work[0]; /* larger than the images of that grid */
        gradient = (float *)solved->work[1];
        invalid = (uint8_t *)solved->real;
        make_images(solved, s->mask, density, gradient, invalid);
    }
    const int64_t n = solved->grid->n;
    s->facts[sample].vortices = vortex_count(gradient, invalid, n, n);
}

static status solve(simulation *s, int64_t sample, condensate **work, error *e)
{
    sample_facts *facts = &s->facts[sample];
    random_stream pair =
        random_new(s->seed, "condensate pair", (uint64_t)(sample / s->starts));
    random_stream noise = random_new(s->seed, "condensate start", (uint64_t)sample);
    facts->g = random_between(&pair, s->g[0], s->g[1]);
    facts->omega = random_between(&pair, s->omega[0], s->omega[1]);
    for (int stage = 0; stage < s->stages; stage++) {
        if (!work[stage] && !(work[stage] = condensate_new(s->grid[stage], e)))
            return E_MEMORY;
        condensate *c = work[stage];
        c->g = facts->g;
        c->omega = facts->omega;
        if (stage == 0)
            condensate_start(c, &noise);
        else
            condensate_resample(work[stage - 1], c);
        if (stage >= s->solved)
            break;
        /* A coarse grid is left as soon as the vortices are there: refining their places
           is the next one's work. */
        const double tolerance =
            stage + 1 < s->solved && stage == 0 ? fmax(s->tolerance, 1e-2) : s->tolerance;
        int64_t steps = 0;
        TRY(s->descent
                ? condensate_descend(c, tolerance, s->limit, s->watch, &steps, e)
                : condensate_evolve(c, s->dt, tolerance, s->limit, s->watch, &steps, e));
        facts->steps += steps;
    }
    put_sample(s, sample, work[s->solved - 1], work[s->stages - 1]);
    return E_OK;
}

static void report(const simulation *s, int64_t done)
{
    const progress p = {.stage = "simulate",
                        .unit = "sample",
                        .done = done,
                        .total = s->n,
                        .loss = NAN,
                        .metric = NAN};
    task_report(s->watch, &p);
}

static void simulate(void *context, int64_t sample, int thread)
{
    simulation *s = context;
    error why = {0};
    if (atomic_load(&s->failed))
        return;
    if (solve(s, sample, s->work[thread], &why) != E_OK) {
        pthread_mutex_lock(&s->lock);
        if (!atomic_load(&s->failed) || sample < s->failed_sample) {
            s->failed_sample = sample;
            s->why = why;
        }
        atomic_store(&s->failed, true);
        pthread_mutex_unlock(&s->lock);
        return;
    }
    const int64_t done = atomic_fetch_add(&s->done, 1) + 1;
    if (thread == 0) /* the caller's, which alone may report */
        report(s, done);
}

static void put_facts(const simulation *s, table *t)
{
    for (int64_t i = 0; i < s->n; i++) {
        const sample_facts *f = &s->facts[i];
        table_row(t);
        table_integer(t, "group", i / s->starts);
        table_real(t, "g", f->g);
        table_real(t, "omega", f->omega);
        table_integer(t, "start", i % s->starts);
        table_real(t, "mu", f->state.mu);
        table_real(t, "energy", f->state.energy);
        table_real(t, "lz", f->state.lz);
        table_integer(t, "vortices", f->vortices);
        table_integer(t, "steps", f->steps);
        table_real(t, "residual", f->state.residual);
    }
}

/* The dataset's memory, which the simulation fills. */
static status make_room(simulation *s, dataset *d, const option_set *set, error *e)
{
    const int64_t n = s->n, pixels = s->pixels;
    char *origin = source_origin(&source_gpe, set, e);
    d->count = n;
    d->source = memory_text(source_gpe.name, e);
    d->origin =
        origin ? memory_format(e, "%s seed=%llu", origin, (unsigned long long)s->seed)
               : NULL;
    memory_free(origin);
    d->input_name = memory_text("density", e);
    d->target_name = memory_text("phase gradient", e);
    d->group = memory_new(n, sizeof *d->group, e);
    d->split = memory_new(n, sizeof *d->split, e);
    d->input = tensor_new(DTYPE_F32, shape_of(4, n, pixels, pixels, INT64_C(1)), e);
    d->target = tensor_new(DTYPE_F32, shape_of(4, n, pixels, pixels, INT64_C(2)), e);
    d->mask = tensor_new(DTYPE_U8, shape_of(4, n, pixels, pixels, INT64_C(1)), e);
    d->facts = table_new(e);
    if (!d->source || !d->origin || !d->input_name || !d->target_name || !d->group ||
        !d->split || !d->input || !d->target || !d->mask || !d->facts)
        return E_MEMORY;
    s->density = tensor_write_f32(d->input, e);
    s->gradient = tensor_write_f32(d->target, e);
    s->invalid = tensor_write(d->mask, e);
    for (int64_t i = 0; i < n; i++)
        d->group[i] = i / s->starts;
    return s->density && s->gradient && s->invalid ? E_OK : E_MEMORY;
}

static status run(simulation *s, dataset *d, const option_set *set, error *e)
{
    TRY(make_room(s, d, set, e));
    report(s, 0);
    parallel_for(s->n, simulate, s);
    if (atomic_load(&s->failed)) {
        if (e)
            *e = s->why;
        if (s->why.code == E_STOPPED)
            return fail(e, E_STOPPED, "gpe: stopped after %lld of %lld samples",
                        (long long)atomic_load(&s->done), (long long)s->n);
        return s->why.code;
    }
    report(s, s->n);
    put_facts(s, d->facts);
    TRY(table_ok(d->facts, e));
    TRY(dataset_split_standard(d, s->seed, e));
    return dataset_check(d, e);
}

static dataset *read_gpe(const option_set *set, uint64_t seed, const task *watch,
                         error *e)
{
    simulation s;
    dataset *d = dataset_new(e);
    if (!d)
        return NULL;
    if (prepare(&s, set, seed, watch, e) != E_OK || run(&s, d, set, e) != E_OK) {
        dataset_free(d);
        d = NULL;
    }
    clear(&s);
    return d;
}

const data_source source_gpe = {
    .name = "gpe",
    .summary = "rotating condensates, simulated: densities, phase gradients, masks",
    .options = options,
    .example = "data d gpe n=64 grid=200 g=50:500 omega=.45:.85 starts=4",
    .read = read_gpe,
};
