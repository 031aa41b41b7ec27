/* SPDX-License-Identifier: GPL-3.0-or-later
   unroll.c -- conv3d and transposed convolutions, forward and backward, by patches around
   a convolution that kernel/algorithm has.  The arithmetic is in kernel/.

   With weight w [o][t][i] of taps t:
     conv3d      P = gather(x) along depth; y = conv2d(P) with w [o][height, width][depth, i]
     transposed  P = x w' with w [t, o][i];  y = scatter(P)
   and backward the same with gather and scatter exchanged. */
#include "graph/unroll.h"

#include "graph/convolve.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "kernel/algorithm.h"
#include "kernel/gather.h"
#include "kernel/norm.h"
#include "kernel/scratch.h"

enum { CHUNK_FLOATS = 1 << 18 }; /* of patches at once, in inference */

bool unroll_is(const operator_row *op)
{
    return op == &op_conv3d || op == &op_conv_transpose2d || op == &op_conv_transpose3d;
}

/* Depth, height and width of an image or a block; an image's depth is 1. */
static void size_of(shape s, int64_t size[3])
{
    size[0] = s.rank == 5 ? s.dim[1] : 1;
    size[1] = s.dim[s.rank - 3];
    size[2] = s.dim[s.rank - 2];
}

static int64_t channels_of(shape s)
{
    return s.dim[s.rank - 1];
}

/* Along the first AXES axes; the others are left to the inner convolution. */
static patch patch_of(const operation *op, shape image, shape count, int axes)
{
    const attributes *a = &op->node->attr;
    patch p = {.images = image.dim[0],
               .channels = channels_of(image),
               .groups = a->groups,
               .kernel = {1, 1, 1},
               .stride = {1, 1, 1},
               .dilation = {1, 1, 1}};
    size_of(image, p.size);
    size_of(count, p.count);
    for (int i = image.rank == 5 ? 0 : 1; i < axes; i++) {
        p.kernel[i] = a->kernel[i];
        p.stride[i] = a->stride[i];
        p.padding[i] = a->padding[i];
        p.dilation[i] = a->dilation[i];
    }
    for (int i = axes; i < 3; i++)
        p.count[i] = p.size[i];
    return p;
}

/* Rows of patches whose pixels are their own are images by themselves. */
static void split_rows(patch *p)
{
    if (p->kernel[0] != 1 || p->stride[0] != 1 || p->padding[0] != 0 ||
        p->dilation[1] != 1 || p->padding[1] != 0 || p->kernel[1] > p->stride[1] ||
        p->size[0] != p->count[0] || p->size[1] != p->count[1] * p->stride[1])
        return;
    p->images *= p->count[0] * p->count[1];
    p->size[0] = p->count[0] = p->count[1] = 1;
    p->size[1] = p->stride[1];
}

/* The most images that fit a chunk and divide all of them, so that all chunks are alike. */
static int64_t chunk_images(const patch *p)
{
    int64_t each = patch_count(p) * patch_taps(p) * p->channels;
    int64_t images = CHUNK_FLOATS / each;
    images = images > p->images ? p->images : images < 1 ? 1 : images;
    while (p->images % images != 0)
        images--;
    return images;
}

static void unroll_depth(unrolled *u, const operation *op)
{
    const attributes *a = &op->node->attr;
    const int64_t *out = op->out.dim, taps = patch_taps(&u->patch);
    u->inner = (convolution){
        .n = u->patch.images * out[1],
        .h = u->patch.size[1],
        .w = u->patch.size[2],
        .c = taps * channels_of(op->in[0]),
        .out_h = out[2],
        .out_w = out[3],
        .out_c = out[4],
        .kernel_h = a->kernel[1],
        .kernel_w = a->kernel[2],
        .stride_h = a->stride[1],
        .stride_w = a->stride[2],
        .pad_h = a->padding[1],
        .pad_w = a->padding[2],
        .dilation_h = a->dilation[1],
        .dilation_w = a->dilation[2],
        .groups = a->groups,
        .y_pitch = op->out_pitch,
    };
    u->turn[0] = out[4];
    u->turn[1] = taps;
    u->turn[2] = a->kernel[1] * a->kernel[2];
}

static void unroll_product(unrolled *u, const operation *op)
{
    const attributes *a = &op->node->attr;
    const int64_t pixels = u->patch.images * patch_count(&u->patch);
    u->inner = (convolution){
        .n = 1,
        .h = 1,
        .w = pixels,
        .c = channels_of(op->in[0]),
        .out_h = 1,
        .out_w = pixels,
        .out_c = patch_taps(&u->patch) * a->channels,
        .kernel_h = 1,
        .kernel_w = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
        .groups = a->groups,
        .x_pitch = op->in_pitch[0],
    };
    u->turn[0] = a->groups;
    u->turn[1] = a->channels / a->groups;
    u->turn[2] = patch_taps(&u->patch);
}

unrolled unroll(const operation *op, bool whole)
{
    unrolled u = {.transposed = op->node->op != &op_conv3d};
    const int64_t x_pitch = op->in_pitch[0] ? op->in_pitch[0] : channels_of(op->in[0]);
    const int64_t y_pitch = op->out_pitch ? op->out_pitch : channels_of(op->out);
    if (u.transposed)
        u.patch = patch_of(op, op->out, op->in[0], 3);
    else
        u.patch = patch_of(op, op->in[0], op->out, 1);
    u.patch.pitch = u.transposed ? y_pitch : x_pitch;
    if (u.transposed)
        split_rows(&u.patch);
    const int64_t all = u.patch.images;
    u.exact = u.transposed && patch_is_exact(&u.patch);
    u.patch.images = whole ? all : chunk_images(&u.patch);
    u.chunks = all / u.patch.images;
    if (u.transposed)
        unroll_product(&u, op);
    else
        unroll_depth(&u, op);
    u.turn[3] = channels_of(op->in[0]) / op->node->attr.groups;
    u.x_step = shape_count(op->in[0]) / channels_of(op->in[0]) / u.chunks * x_pitch;
    u.y_step = shape_count(op->out) / channels_of(op->out) / u.chunks * y_pitch;
    return u;
}

convolution unroll_geometry(const operation *op)
{
    return unroll(op, false).inner;
}

int64_t unroll_patch_elements(const unrolled *u)
{
    const patch *p = &u->patch;
    return p->images * patch_count(p) * patch_taps(p) * p->channels;
}

/* ---- weights ---- */

/* Is the inner convolution's weight the same in memory? */
static bool is_turned(const unrolled *u)
{
    return u->turn[1] == 1 || u->turn[2] == 1;
}

static int64_t turned_floats(const unrolled *u)
{
    return is_turned(u) ? 0 : u->turn[0] * u->turn[1] * u->turn[2] * u->turn[3];
}

/* W as the inner convolution reads it, in ROOM where it must be turned. */
static const float *turned_weight(const unrolled *u, const float *w, float *room)
{
    if (is_turned(u))
        return w;
    patch_turn(u->turn[0], u->turn[1], u->turn[2], u->turn[3] * (int64_t)sizeof *w, w,
               room);
    return room;
}

static size_t prepared_bytes(const operation *op)
{
    if (op->integer)
        return integer_unroll_prepared_bytes(op);
    unrolled u = unroll(op, false);
    const algorithm *a = convolve_algorithm(op);
    scratch s = {0};
    scratch_take(&s, (int64_t)a->prepared_bytes(&u.inner, NULL), 1);
    scratch_floats(&s, turned_floats(&u)); /* while it is made */
    return s.used;
}

static void prepare(const operation *op, void *prepared)
{
    if (op->integer) {
        integer_unroll_prepare(op, prepared);
        return;
    }
    unrolled u = unroll(op, false);
    const algorithm *a = convolve_algorithm(op);
    scratch s = {.base = prepared};
    void *own = scratch_take(&s, (int64_t)a->prepared_bytes(&u.inner, NULL), 1);
    float *room = scratch_floats(&s, turned_floats(&u));
    a->prepare(&u.inner, turned_weight(&u, operation_parameter(op, ROLE_WEIGHT), room),
               own);
}

const operator_methods unroll_methods = {
    .name = convolve_method_name,
    .knows = convolve_method_knows,
    .suits = convolve_method_suits,
    .guess = convolve_method_guess,
    .precision = convolve_method_precision,
    .prepared_bytes = prepared_bytes,
    .prepare = prepare,
    .geometry = convolve_geometry,
    .plain = convolve_method_plain,
};

/* ---- forward ---- */

/* Can products go to their places at once?  Rows of patches have to follow each other in
   y as they do in x. */
static bool is_placed(const operation *op, const unrolled *u)
{
    const patch *p = &u->patch;
    return u->exact && op->is_prepared && convolve_algorithm(op) == &algorithm_gather &&
           p->size[0] == 1 && p->count[1] == 1 && p->groups == 1 &&
           gather_can_place(&u->inner, p->channels);
}

static unrolled unroll_inference(const operation *op)
{
    unrolled u = unroll(op, false);
    if (is_placed(op, &u)) {
        u = unroll(op, true);
        u.placed = true;
    }
    return u;
}

/* What the forward keeps in scratch memory. */
typedef struct forward_room {
    float *weight, *patches;
    int64_t *at; /* where placed: of each tap in y */
    float *bias, *scale,
        *shift; /* of each channel; where exact, for each tap once more */
    void *rest;
} forward_room;

static forward_room cut_forward(const operation *op, const unrolled *u, scratch *s)
{
    forward_room r;
    r.weight = op->is_prepared ? NULL : scratch_floats(s, turned_floats(u));
    r.patches = scratch_floats(s, u->placed ? 0 : unroll_patch_elements(u));
    r.at = scratch_take(s, u->placed ? patch_taps(&u->patch) : 0, sizeof *r.at);
    const int64_t outputs = u->exact ? u->inner.out_c : channels_of(op->out);
    r.bias = scratch_floats(s, outputs);
    r.scale = scratch_floats(s, u->exact ? outputs : 0);
    r.shift = scratch_floats(s, u->exact ? outputs : 0);
    r.rest = s->base ? s->base + s->used : NULL;
    return r;
}

static void run_inner(const operation *op, const unrolled *u, const float *x,
                      const float *weight, const float *bias, const finish *tail,
                      float *y, void *room)
{
    const algorithm *a = convolve_algorithm(op);
    if (op->is_prepared)
        a->forward(&u->inner, x, op->prepared, bias, tail, y, room);
    else
        algorithm_forward_once(a, &u->inner, x, weight, bias, tail, y, room);
}

/* TO[g, t, o] = from[g, o] of the channels of y, FROM being OTHERWISE where it is NULL. */
static float *repeat(const unrolled *u, const float *from, float otherwise, float *to)
{
    const int64_t groups = u->patch.groups, each = u->patch.channels / groups;
    const int64_t taps = patch_taps(&u->patch);
    for (int64_t i = 0; i < groups * taps * each; i++) {
        int64_t o = i / (taps * each) * each + i % each;
        to[i] = from ? from[o] : otherwise;
    }
    return to;
}

/* The product finishes each number itself: it needs no company. */
static void run_exact(const operation *op, const unrolled *u, const float *x,
                      const float *weight, const forward_room *room, float *y)
{
    const patch *p = &u->patch;
    const finish tail = {.scale = room->scale,
                         .shift = room->shift,
                         .rectify = operation_finish(op).rectify,
                         .slope = op->tail.slope};
    if (!u->placed) {
        run_inner(op, u, x, weight, room->bias, &tail, room->patches, room->rest);
        patch_place(p, sizeof *y, room->patches, y);
        return;
    }
    for (int64_t t = 0; t < patch_taps(p); t++)
        room->at[t] = (t / p->kernel[2] * p->size[2] + t % p->kernel[2]) * p->pitch;
    const placing place = {.each = p->channels,
                           .at = room->at,
                           .row_pixels = p->count[2],
                           .y_pixel = p->stride[2] * p->pitch,
                           .y_row = p->size[1] * p->size[2] * p->pitch};
    gather_forward_placed(&u->inner, x, op->prepared, room->bias, &tail, &place, y,
                          room->rest);
}

static void fill_room(const operation *op, const unrolled *u, forward_room *room)
{
    const float *bias = operation_parameter(op, ROLE_BIAS);
    if (u->exact) {
        repeat(u, bias, 0, room->bias);
        repeat(u, op->tail.scale, 1, room->scale);
        repeat(u, op->tail.shift, 0, room->shift);
    } else {
        for (int64_t o = 0; o < channels_of(op->out); o++)
            room->bias[o] = bias ? bias[o] : 0;
    }
}

void unroll_forward(const operation *op)
{
    static const finish nothing = {0};
    unrolled u = unroll_inference(op);
    scratch s = {.base = op->scratch};
    forward_room room = cut_forward(op, &u, &s);
    const float *weight = NULL;
    finish tail = operation_finish(op);
    if (!op->is_prepared)
        weight = turned_weight(&u, operation_parameter(op, ROLE_WEIGHT), room.weight);
    fill_room(op, &u, &room);
    for (int64_t i = 0; i < u.chunks; i++) {
        const float *x = (const float *)op->x[0] + i * u.x_step;
        float *y = (float *)op->y + i * u.y_step;
        if (u.exact) {
            run_exact(op, &u, x, weight, &room, y);
        } else if (u.transposed) {
            run_inner(op, &u, x, weight, NULL, &nothing, room.patches, room.rest);
            patch_scatter(&u.patch, room.patches, room.bias, &tail, y);
        } else {
            patch_gather(&u.patch, x, room.patches);
            run_inner(op, &u, room.patches, weight, room.bias, &tail, y, room.rest);
        }
    }
}

/* ---- backward ---- */

typedef struct backward_room {
    float *weight, *grad_weight, *patches;
    void *rest;
} backward_room;

static backward_room cut_backward(const unrolled *u, scratch *s)
{
    backward_room r;
    r.weight = scratch_floats(s, turned_floats(u));
    r.grad_weight = scratch_floats(s, turned_floats(u));
    r.patches = scratch_floats(s, unroll_patch_elements(u));
    r.rest = s->base ? s->base + s->used : NULL;
    return r;
}

static const algorithm *gradient_of(const operation *op, const unrolled *u,
                                    algorithm_task task)
{
    return algorithm_guess(&u->inner, NULL, op->precision, task);
}

/* X and GRAD_Y are what the inner convolution reads and the gradient of what it writes. */
static void grad_weight(const operation *op, const unrolled *u, const float *x,
                        const float *grad_y, const backward_room *room)
{
    float *to = op->grad_parameters[ROLE_WEIGHT];
    if (!to)
        return;
    float *turned = is_turned(u) ? to : room->grad_weight;
    gradient_of(op, u, ALGORITHM_GRAD_WEIGHT)
        ->grad_weight(&u->inner, x, grad_y, turned, room->rest);
    if (turned != to)
        patch_turn(u->turn[0], u->turn[2], u->turn[1], u->turn[3] * (int64_t)sizeof *to,
                   turned, to);
}

static void grad_input(const operation *op, const unrolled *u, const float *grad_y,
                       float *grad_x, bool accumulate, const backward_room *room)
{
    const float *weight =
        turned_weight(u, operation_parameter(op, ROLE_WEIGHT), room->weight);
    gradient_of(op, u, ALGORITHM_GRAD_INPUT)
        ->grad_input(&u->inner, grad_y, weight, grad_x, accumulate, room->rest);
}

static void backward_transposed(const operation *op, const unrolled *u,
                                const backward_room *room)
{
    patch_gather(&u->patch, op->grad_y, room->patches);
    grad_weight(op, u, op->x[0], room->patches, room);
    if (op->grad_x[0])
        grad_input(op, u, room->patches, op->grad_x[0], op->accumulate[0], room);
}

static void backward_depth(const operation *op, const unrolled *u,
                           const backward_room *room)
{
    if (op->grad_parameters[ROLE_WEIGHT]) {
        patch_gather(&u->patch, op->x[0], room->patches);
        grad_weight(op, u, room->patches, op->grad_y, room);
    }
    if (op->grad_x[0]) {
        grad_input(op, u, op->grad_y, room->patches, false, room);
        patch_scatter_add(&u->patch, room->patches, op->grad_x[0], op->accumulate[0]);
    }
}

void unroll_backward(const operation *op)
{
    unrolled u = unroll(op, true);
    scratch s = {.base = op->scratch};
    const int64_t channels = channels_of(op->out);
    if (op->grad_parameters[ROLE_BIAS])
        channel_sum(shape_count(op->out) / channels, channels, op->grad_y, PRECISION_F32,
                    op->grad_parameters[ROLE_BIAS], op->scratch);
    backward_room room = cut_backward(&u, &s);
    if (u.transposed)
        backward_transposed(op, &u, &room);
    else
        backward_depth(op, &u, &room);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t unroll_scratch(const operation *op)
{
    if (op->integer)
        return integer_unroll_scratch(op);
    unrolled u = unroll_inference(op);
    const algorithm *a = convolve_algorithm(op);
    const int64_t channels = channels_of(op->out);
    scratch s = {0};
    cut_forward(op, &u, &s);
    size_t bytes = s.used + (op->is_prepared ? a->scratch_bytes(&u.inner)
                                             : algorithm_once_scratch(a, &u.inner, NULL));
    if (!op->training)
        return bytes;
    u = unroll(op, true);
    s = (scratch){0};
    cut_backward(&u, &s);
    for (algorithm_task t = ALGORITHM_GRAD_INPUT; t <= ALGORITHM_GRAD_WEIGHT; t++)
        bytes =
            larger(bytes, s.used + gradient_of(op, &u, t)->gradient_scratch(&u.inner));
    return larger(bytes, channel_scratch(shape_count(op->out) / channels, channels));
}
