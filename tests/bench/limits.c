/* SPDX-License-Identifier: GPL-3.0-or-later
   limits.c -- what this machine can do at most with 1 thread and with more: products in
   registers and reading from memory, one JSON object a line.  What a second core adds to
   these it can add to a network.
   usage: limits [THREADS]; default 2. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "measure/calibrate.h"

int main(int count, char **arguments)
{
    int most = count > 1 ? atoi(arguments[1]) : 2;
    if (most < 1) {
        fprintf(stderr, "limits: %s threads, wanted 1 or more\n", arguments[1]);
        return 2;
    }
    for (int threads = 1; threads <= most; threads += most > 1 ? most - 1 : 1) {
        calibration c = {0};
        error e = {0};
        cpu_set_threads(threads);
        if (calibrate_limits(&c, &e) != E_OK) {
            fprintf(stderr, "limits: %s\n", e.text);
            return 1;
        }
        printf("{\"threads\": %d, \"gflops\": %.5g, \"read_gb\": %.5g}\n", threads,
               2e-9 * c.limits.f32, 1e-9 * c.limits.memory);
    }
    return 0;
}
