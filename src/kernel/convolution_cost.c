/* SPDX-License-Identifier: GPL-3.0-or-later
   convolution_cost.c -- about how long Winograd convolution and direct sums take, to choose
   between them.  Nanoseconds of one core, fitted to measured layers of 8 to 512 channels
   on images of 3 to 200 pixels with AVX-512 at 2 GHz; only their ratios matter.
   It runs nothing. */
#include "kernel/convolution_cost.h"

#include "base/cpu.h"
#include "kernel/loops.h"

/* A product and sum of one lane: of planes, and of a direct sum forward and back. */
static const double PLANE_PRODUCT = 0.0149 * 16, DIRECT_PRODUCT = 0.0159 * 16,
                    DIRECT_OUTER = 0.0175 * 16;
/* A direct sum of fewer channels in, or out, than lanes takes longer by these shares. */
static const double FEW_IN = 0.25, FEW_OUT = 0.3;
/* A vector of a tile that is transformed, there and back, by m. */
static const double READ_TWO = 40, WRITE_TWO = 25, READ_FOUR = 90, WRITE_FOUR = 80;
/* A weight that comes from memory, past all caches, as in a network. */
static const double FETCH_PLANE = 0.4, FETCH_DIRECT = 0.4;
/* A weight that is made of others on the way, of 16 lanes: 24 of 36 are, and 18 kept; or
   all 16, of 9. */
static const double MAKE = 0.1;

static double round_up(int64_t n, int64_t step)
{
    return (double)((n + step - 1) / step * step);
}

/* Of FLOATS that are written and read again: the more, the further away they are. */
static double exchange(double floats)
{
    double each = floats < 2e5 ? 0.2 : floats < 5e5 ? 1 : 1.8;
    return floats * each;
}

double winograd_cost(const convolution *v, int64_t tile, algorithm_task task)
{
    int64_t lanes = loops_get()->lanes;
    bool input = task == ALGORITHM_GRAD_INPUT;
    int64_t h = input ? v->h : v->out_h, w = input ? v->w : v->out_w;
    int64_t from = input ? v->out_c : v->c, to = input ? v->c : v->out_c;
    double planes = tile == 2 ? 16 : 36, speed = 16 / (double)lanes;
    double tiles =
        (double)v->n * round_up(h, tile) * round_up(w, tile) / (double)(tile * tile);
    double read = tile == 2 ? READ_TWO : READ_FOUR;
    double write = tile == 2 ? WRITE_TWO : WRITE_FOUR;
    double pairs = (double)from * round_up(to, lanes);
    if (task == ALGORITHM_GRAD_WEIGHT)
        pairs = round_up(from, lanes) * (double)to;
    double vectors = (read * round_up(from, lanes) + write * round_up(to, lanes)) / 16;
    double cost = tiles * speed * (vectors + planes * pairs * PLANE_PRODUCT / 16);
    if (task != ALGORITHM_GRAD_WEIGHT)
        cost += planes * pairs * FETCH_PLANE;
    return cost + (task == ALGORITHM_FORWARD ? 0 : exchange(planes * pairs));
}

double winograd_thin_cost(const convolution *v, int64_t tile)
{
    double lanes = (double)loops_get()->lanes;
    double pairs = (double)v->c * round_up(v->out_c, loops_get()->lanes);
    double made = tile == 2 ? 16 : 24, spared = tile == 2 ? 16 - 9 : 18;
    return winograd_cost(v, tile, ALGORITHM_FORWARD) +
           pairs * (made * MAKE * 16 / lanes - spared * FETCH_PLANE);
}

double direct_cost(const convolution *v, double share, algorithm_task task)
{
    int64_t lanes = loops_get()->lanes;
    double weights = 9 * (double)v->c * (double)v->out_c;
    double pixels = share * (double)(v->n * v->out_h * v->out_w);
    double few = 1 + (v->c < lanes ? FEW_IN : 0) + (v->out_c < lanes ? FEW_OUT : 0);
    if (task == ALGORITHM_GRAD_WEIGHT)
        return pixels * weights * DIRECT_OUTER / (double)lanes + exchange(weights) / 2;
    double cost = pixels * weights * few * DIRECT_PRODUCT / (double)lanes;
    return cost + weights * FETCH_DIRECT +
           (task == ALGORITHM_GRAD_INPUT ? exchange(weights) : 0);
}

double pair_share(algorithm_task task)
{
    if (!cpu_has_bf16())
        return 1.5;
    if (cpu_get_level() >= CPU_AMX)
        return 0.2;
    return task == ALGORITHM_GRAD_WEIGHT ? 0.96 : 0.75;
}
