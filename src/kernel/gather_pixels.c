/* SPDX-License-Identifier: GPL-3.0-or-later
   gather_pixels.c -- gathered products of small images and single pixels: what each pixel
   reads is gathered first, where it does not lie side by side already; where that is
   little, by each thread for itself, which takes less time than to fetch it from the cache
   of another core.  Which shapes go this way is not its business. */
#include "base/parallel.h"
#include "kernel/gather_parts.h"

enum {
    GATHERED_FLOATS = 1 << 21, /* gathered at once */
    OWN_FLOATS = 1 << 17,      /* by each thread */
    CHUNK_PIXELS = 96,         /* whole blocks of every product loop */
    TASKS_WANTED = 16,
    PRODUCTS_LEAST = 24 * 1024 /* less is not worth waking a thread */
};

static int64_t pixel_count(const mapping *m)
{
    return m->images * m->out_h * m->out_w;
}

static void gather_task(void *context, int64_t begin, int64_t end, int thread)
{
    const gather_job *j = context;
    (void)thread;
    mapping_gather(j->m, j->source, j->first + begin, j->first + end,
                   j->gathered + begin * j->step, j->step);
}

/* Puts the sums of pixels that are not neighbours in y to their places. */
static void scatter_task(void *context, int64_t begin, int64_t end, int thread)
{
    const gather_job *j = context;
    const mapping *m = j->m;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t p = j->first + i, image = m->out_h * m->out_w;
        const float *from = j->sums + i * m->outputs;
        float *to = j->y + p / image * m->y_image + p % image / m->out_w * m->y_row +
                    p % m->out_w * m->y_pixel;
        j->panels.loops->blend(m->outputs, 1, from, j->accumulate ? 1 : 0, to);
    }
}

/* Pixels from number BEGIN of those in work on, as they are multiplied. */
static const float *gathered_x(const gather_job *j, int64_t begin, int thread)
{
    if (!j->gathered)
        return j->source + (j->first + begin) * j->step;
    float *own = j->at_hand ? room_of(j->gathered, j->apart, thread) : j->gathered;
    bool *at_hand = j->at_hand ? room_of(j->at_hand, j->apart, thread) : NULL;
    if (at_hand && !*at_hand) {
        mapping_gather(j->m, j->source, j->first, j->last, own, j->step);
        *at_hand = true;
    }
    return own + begin * j->step;
}

static float *gathered_y(const gather_job *j, int64_t begin)
{
    return j->sums ? j->sums + begin * j->m->outputs
                   : j->y + (j->first + begin) * j->m->y_pixel;
}

/* A panel's outputs from FIRST on are all of one block. */
static void place_outputs(const gather_job *j, int64_t first, int64_t pixel, product *p)
{
    const placing *q = j->place;
    p->row_pixels = q->row_pixels;
    p->row_first = pixel;
    p->y_row = q->y_row;
    p->y_step = q->y_pixel;
    p->y = j->y + q->at[first / q->each] + first % q->each;
}

static void run_panel(const gather_job *j, int64_t panel, int64_t begin, int thread)
{
    const mapping *m = j->m;
    int64_t count = j->last - j->first - begin;
    int64_t first = panel * j->panels.form.outputs, pixel = j->first + begin;
    product p = panels_product(&j->panels, panel, j->tail, j->accumulate && !j->sums);
    static const int64_t start = 0;
    p.lines = 1;
    p.offset = &start;
    p.weight = gather_panel(j, panel, room_of(j->room, j->apart, thread));
    p.pixels = count < j->chunk ? count : j->chunk;
    p.x = gathered_x(j, begin, thread);
    p.step = j->step;
    p.y = gathered_y(j, begin) + first;
    if (j->tail->residual)
        p.residual = j->tail->residual + pixel * j->tail->residual_pitch + first;
    p.y_step = j->sums ? m->outputs : m->y_pixel;
    if (j->place)
        place_outputs(j, first, pixel, &p);
    j->panels.loops->product(&p);
}

/* One panel at a chunk of pixels, or, of many pixels, all panels: then the pixels stay in
   the cache, and what was written, too. */
static void panel_task(void *context, int64_t task, int thread)
{
    const gather_job *j = context;
    int64_t count = j->columns == 1 ? j->panels.count : 1;
    int64_t first = task / j->chunks * count;
    for (int64_t panel = first; panel < first + count; panel++)
        run_panel(j, panel, task % j->chunks * j->chunk, thread);
}

static int64_t at_least_one(int64_t n)
{
    return n < 1 ? 1 : n;
}

/* Rows an odd number of cache lines apart lie in different sets of the cache. */
static int64_t padded_row(int64_t k)
{
    enum { LINE = 16, SHORT = 8 * LINE };
    return k < SHORT ? k : ((k + LINE - 1) / LINE | 1) * LINE;
}

static void pixels_prepare(gather_job *j, bool packs, scratch *s)
{
    const mapping *m = j->m;
    int64_t k = m->rows.count * m->columns.count * m->channels;
    int64_t pixels = pixel_count(m), tile = pixels;
    bool there = source_is_gathered(m);
    j->step = there ? m->pitch : padded_row(k);
    if (!there) {
        tile = at_least_one(GATHERED_FLOATS / at_least_one(k));
        tile = tile > pixels ? pixels : tile;
    }
    j->last = tile;
    panels_prepare(&j->panels, m, k ? 1 : 0, k, s);
    bool small = pixels * k * m->outputs < PRODUCTS_LEAST;
    bool whole = small || (tile >= TASKS_WANTED * CHUNK_PIXELS &&
                           j->panels.count * j->panels.floats <= GATHER_CACHED_FLOATS);
    int64_t parts = small ? 1 : at_least_one(TASKS_WANTED / j->panels.count);
    j->columns = whole ? 1 : j->panels.count;
    j->chunk =
        whole && !small ? CHUNK_PIXELS : (tile / parts / CHUNK_PIXELS + 1) * CHUNK_PIXELS;
    j->chunks = (tile - 1) / j->chunk + 1;
    bool shared = j->chunks > 1 || tile < pixels;
    bool own = !there && !whole && !shared && tile * j->step <= OWN_FLOATS;
    j->packed =
        packs && shared ? scratch_floats(s, j->panels.count * j->panels.floats) : NULL;
    j->sums = y_is_dense(m) ? NULL : scratch_floats(s, tile * m->outputs);
    j->gathered = there || own ? NULL : scratch_floats(s, tile * j->step);
    size_t used = s->used;
    j->room = scratch_floats(s, packs && !shared ? j->panels.floats : 0);
    if (own) {
        j->gathered = scratch_floats(s, tile * j->step);
        j->at_hand = scratch_take(s, 1, sizeof *j->at_hand);
    }
    j->apart = scratch_rooms(s, used);
    for (int i = 0; j->at_hand && i < cpu_threads(); i++)
        *(bool *)room_of(j->at_hand, j->apart, i) = false;
}

static void pixels_run(gather_job *j)
{
    enum { GRAIN = 8 };
    int64_t pixels = pixel_count(j->m), tile = j->last;
    if (j->packed)
        gather_pack(j);
    for (j->first = 0; j->first < pixels; j->first += tile) {
        j->last = j->first + tile > pixels ? pixels : j->first + tile;
        int64_t count = j->last - j->first;
        if (j->gathered && !j->at_hand)
            parallel_range(count, GRAIN, gather_task, j);
        j->chunks = (count - 1) / j->chunk + 1;
        parallel_for(j->columns * j->chunks, panel_task, j);
        if (j->sums)
            parallel_range(count, GRAIN, scatter_task, j);
    }
}

const gather_way gather_by_pixels = {.prepare = pixels_prepare, .run = pixels_run};
