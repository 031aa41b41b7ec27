/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd.c -- convolution of 3x3, stride 1, by Winograd's minimal algorithms F(2x2,
   3x3) and F(4x4, 3x3), as rows of the table of algorithms: tiles of 2x2 or 4x4 outputs
   take 16 or 36 products for each pair of channels, where a direct sum takes 36 or 144.
   Rounding errors are those of a direct sum, or up to twice as large.

     Y = A' [ sum over c of (G g G') * (B' d B) ] A            forward
     dX the same, of grad_y with weights turned by 180 degrees and channels swapped
     dW = G' [ sum over tiles of (B' d B) * (A dY A') ] G

   In bf16 images may be kept as such: they are widened as tiles are transformed and
   narrowed as these are put, and what is between is f32 (the rows that end in -f32).

   Of the lines of G g G' of F(4x4, 3x3) only the first, the last and what is between for
   g1 need be kept, and of F(2x2, 3x3) g alone: the others are sums and differences of
   them (the rows that end in -thin).

   The work itself is in winograd_prepare.c, winograd_pass.c, winograd_thin.c and
   winograd_weight.c.
   Source: Winograd 1980, Arithmetic complexity of computations; Lavin, Gray 2016, Fast
   algorithms for convolutional neural networks. */
#include "kernel/algorithm.h"

#include "kernel/convolution_cost.h"
#include "kernel/winograd_parts.h"

/* 3x3 at every pixel, with enough channels to fill lanes. */
static bool winograd_suits(const convolution *v, const float *weight)
{
    enum { CHANNELS_LEAST = 4 };
    (void)weight;
    return v->kernel_h == 3 && v->kernel_w == 3 && v->stride_h == 1 && v->stride_w == 1 &&
           v->dilation_h == 1 && v->dilation_w == 1 && v->groups == 1 && v->pad_h <= 2 &&
           v->pad_w <= 2 && v->c >= CHANNELS_LEAST && v->out_c >= CHANNELS_LEAST;
}

static bool pays_four(const convolution *v, const float *weight, algorithm_task task)
{
    double cost = winograd_cost(v, 4, task);
    (void)weight;
    return cost < direct_cost(v, 1, task) && cost <= winograd_cost(v, 2, task);
}

static bool pays_two(const convolution *v, const float *weight, algorithm_task task)
{
    (void)weight;
    return winograd_cost(v, 2, task) < direct_cost(v, 1, task);
}

static bool pays_four_kept(const convolution *v, const float *weight, algorithm_task task)
{
    double cost = winograd_cost(v, 4, task);
    (void)weight;
    return cost < pair_share(task) * direct_cost(v, 1, task) &&
           cost <= winograd_cost(v, 2, task);
}

static bool pays_two_kept(const convolution *v, const float *weight, algorithm_task task)
{
    (void)weight;
    return winograd_cost(v, 2, task) < pair_share(task) * direct_cost(v, 1, task);
}

/* The functions of forward, of what PASS makes of V. */
#define WINOGRAD_FORWARD(word, pass)                                                     \
    static size_t prepared_bytes_##word(const convolution *v, const float *weight)       \
    {                                                                                    \
        (void)weight;                                                                    \
        winograd_pass p = pass;                                                          \
        return winograd_weight_bytes(&p);                                                \
    }                                                                                    \
    static void prepare_##word(const convolution *v, const float *weight,                \
                               void *prepared)                                           \
    {                                                                                    \
        winograd_pass p = pass;                                                          \
        winograd_weight_prepare(&p, weight, prepared);                                   \
    }                                                                                    \
    static size_t scratch_bytes_##word(const convolution *v)                             \
    {                                                                                    \
        static const finish nothing = {0};                                               \
        winograd_pass p = pass;                                                          \
        return winograd_run(&p, NULL, NULL, NULL, &nothing, NULL, false, NULL);          \
    }                                                                                    \
    static void forward_##word(const convolution *v, const float *x,                     \
                               const void *prepared, const float *bias,                  \
                               const finish *tail, float *y, void *block)                \
    {                                                                                    \
        winograd_pass p = pass;                                                          \
        winograd_run(&p, x, prepared, bias, tail, y, false, block);                      \
    }

#define WINOGRAD_GRADIENTS(word, m)                                                      \
    static size_t gradient_scratch_##word(const convolution *v)                          \
    {                                                                                    \
        return gradient_scratch(v, m);                                                   \
    }                                                                                    \
    static void grad_input_##word(const convolution *v, const float *grad_y,             \
                                  const float *weight, float *grad_x, bool accumulate,   \
                                  void *block)                                           \
    {                                                                                    \
        grad_input(v, m, grad_y, weight, grad_x, accumulate, block);                     \
    }                                                                                    \
    static void grad_weight_##word(const convolution *v, const float *x,                 \
                                   const float *grad_y, float *grad_weight, void *block) \
    {                                                                                    \
        winograd_weight_run(v, m, x, grad_y, grad_weight, NULL, block);                  \
    }                                                                                    \
    static void grad_weight_taken_##word(const convolution *v, const float *x,           \
                                         const float *grad_y, const weight_taker *taker, \
                                         void *block)                                    \
    {                                                                                    \
        winograd_weight_run(v, m, x, grad_y, NULL, taker, block);                        \
    }

/* A row of the functions above, for images kept in P. */
#define WINOGRAD_KEPT(word, m, row, ending, p, pays_it)                                  \
    const algorithm algorithm_winograd_##row = {                                         \
        .name = "winograd-" #m "x" #m ending,                                            \
        .precision = p,                                                                  \
        .suits = winograd_suits,                                                         \
        .pays = pays_it,                                                                 \
        .prepared_bytes = prepared_bytes_##word,                                         \
        .prepare = prepare_##word,                                                       \
        .scratch_bytes = scratch_bytes_##word,                                           \
        .forward = forward_##word,                                                       \
        .gradient_scratch = gradient_scratch_##word,                                     \
        .grad_input = grad_input_##word,                                                 \
        .grad_weight = grad_weight_##word,                                               \
        .grad_weight_taken = grad_weight_taken_##word,                                   \
    };

static size_t gradient_scratch(const convolution *v, int64_t tile)
{
    static const finish nothing = {0};
    winograd_pass p = winograd_input_pass(v, tile);
    size_t input = winograd_weight_bytes(&p) +
                   winograd_run(&p, NULL, NULL, NULL, &nothing, NULL, false, NULL);
    size_t weight = winograd_weight_run(v, tile, NULL, NULL, NULL, NULL, NULL);
    return input > weight ? input : weight;
}

static void grad_input(const convolution *v, int64_t tile, const float *grad_y,
                       const float *weight, float *grad_x, bool accumulate, void *block)
{
    static const finish nothing = {0};
    winograd_pass p = winograd_input_pass(v, tile);
    float *u = block;
    winograd_weight_prepare(&p, weight, u);
    winograd_run(&p, grad_y, u, NULL, &nothing, grad_x, accumulate,
                 (char *)block + winograd_weight_bytes(&p));
}

WINOGRAD_FORWARD(two, winograd_forward_pass(v, 2))
WINOGRAD_FORWARD(four, winograd_forward_pass(v, 4))
WINOGRAD_FORWARD(thin_two, winograd_thin_pass(v, 2))
WINOGRAD_FORWARD(thin_four, winograd_thin_pass(v, 4))
WINOGRAD_GRADIENTS(two, 2)
WINOGRAD_GRADIENTS(four, 4)
WINOGRAD_KEPT(two, 2, two, "", PRECISION_F32, pays_two)
WINOGRAD_KEPT(four, 4, four, "", PRECISION_F32, pays_four)
WINOGRAD_KEPT(two, 2, two_kept, "-f32", PRECISION_BF16, pays_two_kept)
WINOGRAD_KEPT(four, 4, four_kept, "-f32", PRECISION_BF16, pays_four_kept)

/* Tiles are one block of a product: with more, to make planes takes longer than to fetch
   them. */
static bool suits_thin(const convolution *v, const float *weight, int64_t tile)
{
    winograd_pass p = winograd_thin_pass(v, tile);
    return winograd_suits(v, weight) && winograd_parts_room(&p) > 0 &&
           p.tiles <= (tile == 2 ? p.loops->taps_tiles : p.loops->tiles);
}

/* Is it expected to be faster than a direct sum and planes that are kept? */
static bool pays_thin(const convolution *v, algorithm_task task, double cost)
{
    return task == ALGORITHM_FORWARD && cost < direct_cost(v, 1, task) &&
           cost < winograd_cost(v, 2, task) && cost < winograd_cost(v, 4, task);
}

static bool suits_thin_two(const convolution *v, const float *weight)
{
    return suits_thin(v, weight, 2);
}

static bool suits_thin_four(const convolution *v, const float *weight)
{
    return suits_thin(v, weight, 4);
}

static bool pays_thin_two(const convolution *v, const float *weight, algorithm_task task)
{
    (void)weight;
    return pays_thin(v, task, winograd_thin_cost(v, 2));
}

static bool pays_thin_four(const convolution *v, const float *weight, algorithm_task task)
{
    double cost = winograd_thin_cost(v, 4);
    bool two = suits_thin_two(v, weight) && winograd_thin_cost(v, 2) < cost;
    return !two && pays_thin(v, task, cost);
}

#define WINOGRAD_THIN(word, m)                                                           \
    const algorithm algorithm_winograd_##word = {                                        \
        .name = "winograd-" #m "x" #m "-thin",                                           \
        .precision = PRECISION_F32,                                                      \
        .suits = suits_##word,                                                           \
        .pays = pays_##word,                                                             \
        .prepared_bytes = prepared_bytes_##word,                                         \
        .prepare = prepare_##word,                                                       \
        .scratch_bytes = scratch_bytes_##word,                                           \
        .forward = forward_##word,                                                       \
    };
WINOGRAD_THIN(thin_two, 2)
WINOGRAD_THIN(thin_four, 4)
