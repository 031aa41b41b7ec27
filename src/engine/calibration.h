/* SPDX-License-Identifier: GPL-3.0-or-later
   calibration.h -- what was measured on this machine: times of methods on a grid of
   convolutions, and the most that it can do.  Plans choose methods by it.  It measures
   nothing and reads no file: measure/calibrate and format/calibration_file do. */
#ifndef LATHE_ENGINE_CALIBRATION_H
#define LATHE_ENGINE_CALIBRATION_H

#include <stdint.h>
#include "base/error.h"
#include "graph/operator.h"

typedef struct calibration_row {
    char method[24]; /* "gather", "amx" */
    char type[8];    /* "f32", "bf16", "s8" */
    algorithm_task task;
    convolution shape;
    double density;     /* share of the weights that are not 0 */
    double seconds;     /* one run, the least of several, of weights that are at hand */
    double far_seconds; /* of weights that other work drove from the caches; 0: not
                           measured */
} calibration_row;

/* At all threads together. */
typedef struct calibration_limits {
    double f32, bf16, s8; /* multiply-adds a second; 0: not known */
    double cache, memory; /* bytes a second, read from the second-level cache, and from
                              memory */
    double cache_bytes;   /* how many count as being in the cache */
} calibration_limits;

typedef struct calibration {
    char cpu[160]; /* as cpu_model_name and cpu_level_name say it */
    char level[16];
    int threads;
    calibration_limits limits;
    calibration_row *rows;
    int64_t row_count, row_capacity;
} calibration;

calibration *calibration_new(error *e); /* of this machine as it is set; no rows */
void calibration_free(calibration *c);
status calibration_add(calibration *c, const calibration_row *row, error *e);

/* Expected seconds of METHOD on V, from the nearest shapes of its kind that were measured
   (by log2 of pixels, channels in and out, and of the density where it skips zeros): their
   times, scaled by multiply-adds, or by weights where reading those took the time.  FAR:
   of weights that come from far.  NaN where nothing like it was measured. */
double calibration_estimate(const calibration *c, const char *method, const char *type,
                            algorithm_task task, const convolution *v, double density,
                            bool far);

/* The method of OP for TASK: GUESS, unless another that suits is expected to take at most
   0.9 of its time.  FAR: its weights come from far.  C may be NULL. */
int calibration_choose(const calibration *c, const operation *op, algorithm_task task,
                       bool far, int guess);

/* ---- the machine's own ---- */

/* Who finds the calibration of this machine for THREADS; it is asked once for each number
   of threads, when the first plan wants to know.  NULL (at the start): there is none.
   A file that is there but is of no use leaves its sentence in NOTE. */
typedef calibration *calibration_finder(int threads, error *note);
void calibration_set_finder(calibration_finder *find);

/* Lent, until calibration_keep; NULL where there is none. */
const calibration *calibration_get(int threads);
/* Of those with which plans choose: with all cores, whatever number of threads is set, so
   that the choice, and with it the bits of an answer, do not depend on that. */
const calibration *calibration_of_plans(void);
/* Takes C in place of that for its number of threads. */
void calibration_keep(calibration *c);
/* Why a calibration that is there was not used: "" where there was no such.  Lent. */
const char *calibration_note(void);

#endif
