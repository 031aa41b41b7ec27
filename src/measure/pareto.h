/* SPDX-License-Identifier: GPL-3.0-or-later
   pareto.h -- which rows no other row beats in two columns at once, and in which direction
   a column is better.  It reads tables and changes none. */
#ifndef LATHE_MEASURE_PARETO_H
#define LATHE_MEASURE_PARETO_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

typedef enum direction { DIRECTION_UNKNOWN, DIRECTION_LOWER, DIRECTION_HIGHER } direction;

/* In which direction the numbers of a column of this name are better: that of the metric,
   or of what is spent (bytes, time, energy, multiply-adds: lower). */
direction pareto_direction(const char *column);

/* The same where WORDS is "auto", else what it says, "lower" or "higher".  E_USAGE where
   nobody knows. */
status pareto_choose(const char *column, const char *words, direction *better, error *e);

/* Which of N points (x, y) are dominated by none: FRONT[i] is true where no other point is
   at least as good in both and better in one (V. Pareto's efficiency).  Equal points are on
   the front together; points that are not finite never are.  O(n log n). */
status pareto_front(const double *x, const double *y, int64_t n, direction x_better,
                    direction y_better, bool *front, error *e);

#endif
