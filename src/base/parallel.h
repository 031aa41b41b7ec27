/* SPDX-License-Identifier: GPL-3.0-or-later
   parallel.h -- lathe's one team of threads.  Work is cut into tiles by shape alone,
   never by the number of threads, so that results have the same bits on any machine
   setting; every thread flushes subnormals and may call OpenBLAS, which runs
   single-threaded there. */
#ifndef LATHE_BASE_PARALLEL_H
#define LATHE_BASE_PARALLEL_H

#include <stdint.h>

/* Calls BODY(context, tile, thread) once for each tile 0..tiles-1; thread is
   0..cpu_threads()-1, for scratch memory.  Nested calls run in the calling thread. */
void parallel_for(int64_t tiles, void (*body)(void *context, int64_t tile, int thread),
                  void *context);

/* How many parts N items make, at most MOST in each; part I of them begins at item
   parallel_part.  An even number where it is not one: halves of the parts are then halves
   of the items in every layer of a network, so that a thread finds in its cache what it
   wrote in the one before. */
static inline int64_t parallel_parts(int64_t n, int64_t most)
{
    int64_t parts = (n - 1) / most + 1;
    return parts > 1 && parts < n ? parts + parts % 2 : parts;
}

static inline int64_t parallel_part(int64_t n, int64_t parts, int64_t i)
{
    return n * i / parts;
}

/* From now on work of this thread, which is none of the team, runs in it alone and leaves the
   team to others. */
void parallel_stay_alone(void);

/* Cuts 0..n into tiles of GRAIN (the last one shorter) and calls BODY with each. */
void parallel_range(int64_t n, int64_t grain,
                    void (*body)(void *context, int64_t begin, int64_t end, int thread),
                    void *context);

/* Cuts 0..n into parallel_parts of at most MOST and calls BODY with each. */
void parallel_evenly(int64_t n, int64_t most,
                     void (*body)(void *context, int64_t begin, int64_t end, int thread),
                     void *context);

/* x[0..n-1] = 0. */
void parallel_clear(float *x, int64_t n);

/* Sum of N numbers by a fixed tree, in double: the same bits for any thread count. */
double parallel_sum(const float *x, int64_t n);
double parallel_sum_squares(const float *x, int64_t n);

#endif
