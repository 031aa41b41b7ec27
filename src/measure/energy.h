/* SPDX-License-Identifier: GPL-3.0-or-later
   energy.h -- what the processor's own counters say was spent (RAPL, through the power
   capping folder of the kernel).  Where they are missing, or closed to this user, it says
   so: it never estimates.
   Source: Linux, Documentation/power/powercap/powercap.rst. */
#ifndef LATHE_MEASURE_ENERGY_H
#define LATHE_MEASURE_ENERGY_H

#include <stdbool.h>
#include "base/error.h"

#define ENERGY_FOLDER       "/sys/class/powercap"
#define ENERGY_PACKAGES_MAX 16

typedef struct energy_meter {
    int count;                         /* packages that can be read; 0: not available */
    char *files[ENERGY_PACKAGES_MAX];  /* owned */
    double range[ENERGY_PACKAGES_MAX]; /* microjoules after which a counter is 0 again */
    double last[ENERGY_PACKAGES_MAX];
} energy_meter;

/* The counters of all processor packages below FOLDER.  That there are none is no
   failure.  Free with energy_close, also after a failure. */
status energy_open(energy_meter *m, const char *folder, error *e);
void energy_close(energy_meter *m);

/* Joules since the call before (or since energy_open); NaN where that is not known. */
double energy_lap(energy_meter *m);

#endif
