/* SPDX-License-Identifier: GPL-3.0-or-later
   circulation.c -- closed pixel paths round circles, and the phase that is wound up along
   them; which circles are worth walking is for the caller to say. */
#include "measure/circulation.h"

#include <math.h>
#include <stdbool.h>

#define PI 3.14159265358979323846

typedef struct walk {
    int64_t height, width;
    double cx, cy, radius;
    int64_t x, y; /* where it stands */
    circulation_step *step;
    void *context;
} walk;

static double off_circle(const walk *k, int64_t x, int64_t y)
{
    return fabs(hypot((double)x - k->cx, (double)y - k->cy) - k->radius);
}

static status check_inside(const walk *k, int64_t x, int64_t y, error *e)
{
    if (x < 0 || y < 0 || x >= k->width || y >= k->height)
        return fail(e, E_RANGE,
                    "circulation: radius %g about (%g, %g) leaves the image of %lldx%lld",
                    k->radius, k->cx, k->cy, (long long)k->height, (long long)k->width);
    return E_OK;
}

static status move(walk *k, int64_t dx, int64_t dy, error *e)
{
    int64_t x = k->x + dx, y = k->y + dy;
    TRY(check_inside(k, x, y, e));
    /* A forward difference belongs to the pixel with the smaller coordinate. */
    int64_t from_x = dx < 0 ? x : k->x, from_y = dy < 0 ? y : k->y;
    k->step(k->context, from_y * k->width + from_x, dx != 0 ? 0 : 1, dx + dy > 0 ? 1 : -1,
            y * k->width + x);
    k->x = x;
    k->y = y;
    return E_OK;
}

/* To (X, Y) by unit steps; a diagonal goes by the corner that is nearer to the circle. */
static status move_to(walk *k, int64_t x, int64_t y, error *e)
{
    while (k->x != x || k->y != y) {
        int64_t dx = (x > k->x) - (x < k->x), dy = (y > k->y) - (y < k->y);
        bool by_x = dx != 0;
        if (dx != 0 && dy != 0)
            by_x = off_circle(k, k->x + dx, k->y) <= off_circle(k, k->x, k->y + dy);
        TRY(move(k, by_x ? dx : 0, by_x ? 0 : dy, e));
    }
    return E_OK;
}

status circulation_walk(int64_t height, int64_t width, double cx, double cy,
                        double radius, circulation_step *step, void *context, error *e)
{
    double most = (double)height + (double)width;
    if (!(radius >= 0 && radius <= most && fabs(cx) <= most && fabs(cy) <= most))
        return fail(
            e, E_RANGE,
            "circulation: radius %g about (%g, %g), wanted a circle inside %lldx%lld",
            radius, cx, cy, (long long)height, (long long)width);
    int64_t start_x = llround(cx + radius), start_y = llround(cy);
    walk k = {height, width, cx, cy, radius, start_x, start_y, step, context};
    TRY(check_inside(&k, start_x, start_y, e));
    /* Half a pixel of arc at most, so that no pixel of the circle is jumped over. */
    int64_t corners = (int64_t)ceil(4 * PI * radius) + 8;
    for (int64_t i = 1; i < corners; i++) {
        double angle = 2 * PI * (double)i / (double)corners;
        TRY(move_to(&k, llround(cx + radius * cos(angle)),
                    llround(cy + radius * sin(angle)), e));
    }
    return move_to(&k, start_x, start_y, e);
}

typedef struct circle_sum {
    const float *gradient;
    const uint8_t *mask;
    double sum;
    int touches;
} circle_sum;

static void add_step(void *context, int64_t pixel, int axis, int sign, int64_t arrives)
{
    circle_sum *c = context;
    c->sum += sign * (double)c->gradient[2 * pixel + axis];
    if (c->mask && c->mask[arrives])
        c->touches = 1;
}

status circulation_circle(const float *gradient, int64_t height, int64_t width, double cx,
                          double cy, double radius, const uint8_t *mask, double *turns,
                          int *touches_invalid, error *e)
{
    circle_sum c = {gradient, mask, 0, 0};
    TRY(circulation_walk(height, width, cx, cy, radius, add_step, &c, e));
    *turns = c.sum / (2 * PI);
    if (touches_invalid)
        *touches_invalid = c.touches;
    return E_OK;
}
