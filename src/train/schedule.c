/* SPDX-License-Identifier: GPL-3.0-or-later
   schedule.c -- learning-rate schedules and linear warm-up, as pure functions of the
   step; nothing here keeps state or touches an optimizer. */
#include "train/schedule.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define PI 3.14159265358979323846

static double constant_rate(const schedule_settings *s, int64_t step)
{
    (void)step;
    return s->learning_rate;
}

/* base * gamma^(floor(epoch / every)) */
static double step_rate(const schedule_settings *s, int64_t step)
{
    int64_t per_epoch = s->steps_per_epoch > 0 ? s->steps_per_epoch : 1;
    int64_t every = s->every > 0 ? s->every : 1;
    return s->learning_rate * pow(s->gamma, (double)(step / per_epoch / every));
}

/* Half a cosine from FROM (at share 0) to TO (at share 1). */
static double cosine_between(double from, double to, double share)
{
    return to + (from - to) * (1 + cos(PI * share)) / 2;
}

/* Source: Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, one period down to 0. */
static double cosine_rate(const schedule_settings *s, int64_t step)
{
    double share = s->steps > 0 ? (double)step / (double)s->steps : 1;
    return cosine_between(s->learning_rate, 0, fmin(share, 1));
}

/* Up from maximum / divisor over warm_fraction of the steps, then down to that start over
   final_divisor, both along half a cosine.
   Source: Smith and Topin 2018, arXiv:1708.07120. */
static double one_cycle_rate(const schedule_settings *s, int64_t step)
{
    double top = s->learning_rate, start = top / s->divisor;
    double end = start / s->final_divisor;
    double last = (double)(s->steps - 1);
    double peak = fmin(fmax(s->warm_fraction * (double)s->steps - 1, 0), fmax(last, 0));
    double at = (double)step;
    if (at < peak)
        return cosine_between(start, top, at / peak);
    if (last <= peak)
        return top;
    return cosine_between(top, end, fmin((at - peak) / (last - peak), 1));
}

static const schedule_row rows[] = {
    {"constant", "the same rate at every step", constant_rate},
    {"step", "times gamma after so many epochs, again and again", step_rate},
    {"cosine", "down to 0 along half a cosine", cosine_rate},
    {"one-cycle", "up to the rate and down to nearly 0, along two half cosines",
     one_cycle_rate},
};

const schedule_row *schedule_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof rows[0]) ? &rows[i] : NULL;
}

const schedule_row *schedule_find(const char *name)
{
    for (int i = 0; schedule_at(i); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

double schedule_rate(const schedule_row *row, const schedule_settings *s, int64_t step)
{
    schedule_settings rest = *s;
    if (s->warmup > 0) {
        /* The schedule proper has the steps that the warm-up leaves. */
        rest.steps = s->steps > s->warmup ? s->steps - s->warmup : 1;
        if (step < s->warmup)
            return row->rate(&rest, 0) * (double)(step + 1) / (double)(s->warmup + 1);
        step -= s->warmup;
    }
    return row->rate(&rest, step);
}
