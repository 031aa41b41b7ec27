/* SPDX-License-Identifier: GPL-3.0-or-later
   schedule.h -- learning-rate schedules: a pure function of the step. */
#ifndef LATHE_TRAIN_SCHEDULE_H
#define LATHE_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef struct schedule_settings {
    double learning_rate; /* the base, or one-cycle's maximum */
    int64_t steps;        /* total optimizer steps */
    int64_t steps_per_epoch;
    int64_t warmup; /* steps of linear warm-up before the schedule's own rate */
    double gamma;   /* step: factor */
    int64_t every;  /* step: epochs */
    double warm_fraction, divisor, final_divisor; /* one-cycle: 0.3, 25, 1e4 */
} schedule_settings;

typedef struct schedule_row {
    const char *name, *summary;
    double (*rate)(const schedule_settings *s, int64_t step); /* step 0.. */
} schedule_row;

const schedule_row *schedule_find(const char *name); /* constant step cosine one-cycle */
const schedule_row *schedule_at(int i);
double schedule_rate(const schedule_row *row, const schedule_settings *s, int64_t step);

#endif
