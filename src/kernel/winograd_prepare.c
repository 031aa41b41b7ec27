/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_prepare.c -- what a pass of Winograd sums is: its tiles, and how its weights lie
   in planes.  It multiplies nothing. */
#include "base/parallel.h"
#include "kernel/winograd_parts.h"

enum {
    PARTS_FLOATS = 330 << 10, /* of a task in parts, in the cache of one core */
    FEW_PRODUCTS = 3,         /* of tiles */
    LINES_FLOATS = 4 << 10, /* of the lines that are made at once, in the nearest cache */
    WEIGHT_CHANNELS = 32    /* of a task */
};

static int64_t divide_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static int64_t minimum(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static winograd_pass pass_of(winograd_grid in, winograd_grid out, int64_t images,
                             int64_t tile)
{
    winograd_pass p = {.loops = winograd_loops_get(), .in = in, .out = out};
    p.form = tile == 2 ? &p.loops->two : &p.loops->four;
    p.in.rows = p.out.rows = divide_up(out.h, tile);
    p.in.columns = p.out.columns = divide_up(out.w, tile);
    p.tiles = images * p.in.rows * p.in.columns;
    p.groups = divide_up(in.channels, p.loops->lanes);
    p.panels = divide_up(out.channels, WINOGRAD_PANEL * p.loops->lanes);
    return p;
}

winograd_pass winograd_forward_pass(const convolution *v, int64_t tile)
{
    winograd_grid in = {.h = v->h,
                        .w = v->w,
                        .channels = v->c,
                        .pitch = v->x_pitch ? v->x_pitch : v->c,
                        .kept = v->x_kept,
                        .pad_h = v->pad_h,
                        .pad_w = v->pad_w};
    winograd_grid out = {.h = v->out_h,
                         .w = v->out_w,
                         .channels = v->out_c,
                         .pitch = v->y_pitch ? v->y_pitch : v->out_c,
                         .kept = v->y_kept};
    return pass_of(in, out, v->n, tile);
}

winograd_pass winograd_thin_pass(const convolution *v, int64_t tile)
{
    winograd_pass p = winograd_forward_pass(v, tile);
    p.thin = true;
    return p;
}

winograd_pass winograd_input_pass(const convolution *v, int64_t tile)
{
    winograd_grid in = {.h = v->out_h,
                        .w = v->out_w,
                        .channels = v->out_c,
                        .pitch = v->out_c,
                        .kept = v->y_kept,
                        .pad_h = 2 - v->pad_h,
                        .pad_w = 2 - v->pad_w};
    winograd_grid out = {
        .h = v->h, .w = v->w, .channels = v->c, .pitch = v->c, .kept = v->x_kept};
    winograd_pass p = pass_of(in, out, v->n, tile);
    p.turned = true;
    return p;
}

int64_t winograd_parts_room(const winograd_pass *p)
{
    bool few = p->tiles < FEW_PRODUCTS * p->loops->tiles && p->panels > 1;
    return few ? PARTS_FLOATS / winograd_tile_floats(p, p->groups + WINOGRAD_PANEL) : 0;
}

size_t winograd_weight_bytes(const winograd_pass *p)
{
    return (size_t)winograd_weight_panel(p, p->panels) * sizeof(float);
}

int64_t winograd_lines_channels(const winograd_pass *p)
{
    int64_t fit = LINES_FLOATS / (p->form->tile * WINOGRAD_PANEL * p->loops->lanes);
    return divide_up(minimum(fit, p->in.channels), p->loops->lanes) * p->loops->lanes;
}

typedef struct weight_job {
    const winograd_pass *pass;
    const float *weight;
    float *u;
} weight_job;

/* Where channel CHANNEL of PANEL goes. */
static void place_weights(const winograd_pass *p, int64_t panel, int64_t channel,
                          float *u, winograd_filter *f)
{
    const int64_t row = f->vectors * p->loops->lanes, in = p->in.channels;
    f->u = u + winograd_weight_panel(p, panel) + channel * row;
    if (p->thin && p->form->tile == 2) {
        f->u += (WINOGRAD_TAPS - 1) * channel * row;
        f->u_column = row;
        f->u_line = 3 * row;
    } else if (p->thin) {
        int64_t chunk = winograd_lines_channels(p), first = channel / chunk * chunk;
        f->u += (WINOGRAD_KEPT_LINES - 1) * first * row;
        f->u_line = minimum(in - first, chunk) * row;
        f->u_column = WINOGRAD_KEPT_LINES * in * row;
    } else {
        f->u_column = winograd_weight_plane(p, f->vectors);
        f->u_line = winograd_side(p) * f->u_column;
    }
}

static void weight_task(void *context, int64_t task, int thread)
{
    const weight_job *j = context;
    const winograd_pass *p = j->pass;
    (void)thread;
    int64_t panel = task % p->panels, channel = task / p->panels * WEIGHT_CHANNELS;
    int64_t row = WINOGRAD_PANEL * p->loops->lanes, output = panel * row;
    int64_t in = p->in.channels;
    winograd_filter f = {.channels = minimum(in - channel, WEIGHT_CHANNELS),
                         .outputs = minimum(p->out.channels - output, row),
                         .channel_step = p->turned ? 9 * p->out.channels : 1,
                         .output_step = p->turned ? 1 : 9 * in,
                         .tap_step = p->turned ? p->out.channels : in,
                         .turned = p->turned,
                         .thin = p->thin,
                         .vectors = winograd_panel_vectors(p, panel)};
    f.weight = j->weight + channel * f.channel_step + output * f.output_step;
    place_weights(p, panel, channel, j->u, &f);
    p->form->transform_weight(&f);
}

void winograd_weight_prepare(const winograd_pass *p, const float *weight, float *u)
{
    weight_job j = {p, weight, u};
    parallel_for(p->panels * divide_up(p->in.channels, WEIGHT_CHANNELS), weight_task, &j);
}
