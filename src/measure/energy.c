/* SPDX-License-Identifier: GPL-3.0-or-later
   energy.c -- the RAPL counters of the processor packages.  It never estimates. */
#include "measure/energy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

#define LINE 64

/* The first line of a small file; false where it cannot be read. */
static bool read_line(const char *path, char line[LINE])
{
    FILE *stream = fopen(path, "re");
    if (!stream)
        return false;
    bool got = fgets(line, LINE, stream) != NULL;
    fclose(stream);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

static bool read_number(const char *path, double *value)
{
    char line[LINE];
    return read_line(path, line) && text_to_real(line, value) && *value >= 0;
}

/* The counter of zone ZONE of FOLDER, unless that is no package: the zones "psys" and
   "dram" would count what a package counts already. */
static status open_zone(energy_meter *m, const char *folder, int zone, error *e)
{
    char line[LINE];
    double *range = &m->range[m->count], *last = &m->last[m->count];
    char *name = memory_format(e, "%s/intel-rapl:%d/name", folder, zone);
    char *most = memory_format(e, "%s/intel-rapl:%d/max_energy_range_uj", folder, zone);
    char *counter = memory_format(e, "%s/intel-rapl:%d/energy_uj", folder, zone);
    status s = name && most && counter ? E_OK : E_MEMORY;
    if (s == E_OK && read_line(name, line) && text_starts(line, "package") &&
        read_number(most, range) && read_number(counter, last)) {
        m->files[m->count++] = counter;
        counter = NULL;
    }
    memory_free(name);
    memory_free(most);
    memory_free(counter);
    return s;
}

status energy_open(energy_meter *m, const char *folder, error *e)
{
    *m = (energy_meter){0};
    for (int zone = 0; zone < ENERGY_PACKAGES_MAX; zone++)
        TRY(open_zone(m, folder, zone, e));
    return E_OK;
}

void energy_close(energy_meter *m)
{
    for (int i = 0; i < m->count; i++)
        memory_free(m->files[i]);
    *m = (energy_meter){0};
}

double energy_lap(energy_meter *m)
{
    double joules = 0;
    for (int i = 0; i < m->count; i++) {
        double now;
        if (!read_number(m->files[i], &now))
            return NAN;
        double spent = now - m->last[i];
        joules += 1e-6 * (spent < 0 ? spent + m->range[i] : spent);
        m->last[i] = now;
    }
    return m->count > 0 ? joules : NAN;
}
