/* SPDX-License-Identifier: GPL-3.0-or-later
   gather_rows.c -- gathered products by rows: each output row is a line of pixels that
   reads the source tile in place, or out of rows that a depthwise convolution has just
   made.  Which shapes go this way is not its business. */
#include "base/parallel.h"
#include "kernel/gather_parts.h"

/* The residual of output row ROW, counted through images; or NULL. */
static const float *residual_at(const gather_job *j, int64_t row)
{
    const finish *f = j->tail;
    return f->residual ? f->residual + row * j->m->out_w * f->residual_pitch : NULL;
}

static const float *load_tile(const gather_job *j, int64_t image, int64_t begin,
                              int64_t end, int thread)
{
    float *room = room_of(j->room, j->apart, thread);
    if (!j->before)
        return tiling_load(&j->tiles, j->source, image, begin, end, room);
    depthwise_rows_run(j->made, image, begin, end, room, thread);
    return room;
}

/* While the tile of IMAGE that ends before output row END is multiplied, what the next
   one reads comes nearer. */
static void look_ahead(const gather_job *j, int64_t image, int64_t end, product *p)
{
    int64_t after = end + j->tiles.height, rows = j->m->out_h;
    if (!j->before || end >= rows)
        return;
    p->ahead = depthwise_rows_source(j->made, image, end, after < rows ? after : rows,
                                     &p->ahead_floats);
}

static void rows_task(void *context, int64_t tile, int thread)
{
    const gather_job *j = context;
    const mapping *m = j->m;
    const tiling *t = &j->tiles;
    int64_t image = tile / t->tiles, begin = tile % t->tiles * t->height;
    int64_t end = begin + t->height > m->out_h ? m->out_h : begin + t->height;
    const float *x = load_tile(j, image, begin, end, thread);
    float *y = j->y + image * m->y_image + begin * m->y_row;
    /* Rows that follow each other without a gap are one line. */
    bool one_line = m->y_row == m->out_w * m->y_pixel &&
                    m->step_h * t->row == m->out_w * m->step_w * t->pitch;
    for (int64_t panel = 0; panel < j->panels.count; panel++) {
        int64_t first = panel * j->panels.form.outputs;
        const float *residual = residual_at(j, image * m->out_h + begin);
        product p = panels_product(&j->panels, panel, j->tail, j->accumulate);
        p.pixels = one_line ? (end - begin) * m->out_w : m->out_w;
        p.lines = one_line ? 1 : end - begin;
        p.x_line = m->step_h * t->row;
        p.y_line = m->y_row;
        p.residual_line = m->out_w * p.residual_step;
        p.x = x;
        p.y = y + first;
        p.residual = residual ? residual + first : NULL;
        p.step = m->step_w * t->pitch;
        p.offset = t->offset;
        p.weight = gather_panel(j, panel, NULL);
        p.y_step = m->y_pixel;
        if (!panel)
            look_ahead(j, image, end, &p);
        j->panels.loops->product(&p);
    }
}

/* Whole strips of what makes the rows, where that leaves some tiles to share out. */
static void take_strips(gather_job *j)
{
    enum { TILES_LEAST = 4 };
    const mapping *m = j->m;
    tiling *t = &j->tiles;
    int64_t strip = j->panels.loops->strip_rows;
    int64_t height = (t->height + strip - 1) / strip * strip;
    if (m->images * m->out_h < TILES_LEAST * height || height > m->out_h)
        return;
    t->height = height;
    t->tiles = (m->out_h - 1) / height + 1;
    t->room = height * t->row;
}

static void rows_prepare(gather_job *j, bool packs, scratch *s)
{
    tiling_prepare(&j->tiles, j->m, !j->before, 0, s);
    panels_prepare(&j->panels, j->m, j->tiles.runs, j->tiles.run_length, s);
    if (j->before)
        take_strips(j);
    j->packed = packs ? scratch_floats(s, j->panels.count * j->panels.floats) : NULL;
    size_t used = s->used;
    j->room = scratch_floats(s, j->tiles.in_place ? 0 : j->tiles.room);
    j->apart = scratch_rooms(s, used);
}

static void rows_run(gather_job *j)
{
    if (j->packed)
        gather_pack(j);
    parallel_for(j->m->images * j->tiles.tiles, rows_task, j);
}

const gather_way gather_by_rows = {.prepare = rows_prepare, .run = rows_run};
