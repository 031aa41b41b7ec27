/* SPDX-License-Identifier: GPL-3.0-or-later
   condensate_table.c -- ground states over the whole published range at full size, beside
   what is known of them; one JSON object a state.  Ends with 1 where one differs.
   usage: condensate_table [STARTS [GRID]]; defaults 1, 200.

   The known chemical potentials were read off the decay of the norm at dt = 0.005, which
   lowers them by 0.3 to 1.7 per cent (4.12 where the radial equation gives 4.1430), hence
   2 per cent here; vortices may differ by 2, Lz by 10 per cent. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/task.h"
#include "data/dataset.h"

static const struct known {
    double g, omega, mu, lz;
    int64_t vortices;
} known[] = {
    {50, .45, 4.12, 0.00, 0},   {50, .65, 3.85, 0.99, 1},    {50, .85, 3.10, 3.35, 6},
    {200, .65, 6.94, 3.49, 6},  {200, .85, 5.28, 7.84, 16},  {500, .45, 11.8, 3.12, 5},
    {500, .65, 10.5, 6.05, 11}, {500, .85, 7.80, 12.65, 27},
};

static dataset *simulate(const struct known *k, const char *starts, const char *grid,
                         error *e)
{
    option_set set;
    char g[32], omega[32];
    dataset *d = NULL;
    snprintf(g, sizeof g, "%g", k->g);
    snprintf(omega, sizeof omega, "%g", k->omega);
    if (option_set_init(&set, source_gpe.options, NULL, e) != E_OK)
        return NULL;
    if (option_set_put(&set, "n", starts, e) == E_OK &&
        option_set_put(&set, "starts", starts, e) == E_OK &&
        option_set_put(&set, "grid", grid, e) == E_OK &&
        option_set_put(&set, "g", g, e) == E_OK &&
        option_set_put(&set, "omega", omega, e) == E_OK)
        d = source_gpe.read(&set, 1, NULL, e);
    option_set_clear(&set);
    return d;
}

static double fact(const dataset *d, int64_t i, const char *name)
{
    double value;
    return table_number(d->facts, i, name, &value) ? value : NAN;
}

int main(int count, char **words)
{
    bool good = true;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        error e = {0};
        const double start = task_clock();
        dataset *d = simulate(&known[k], count > 1 ? words[1] : "1",
                              count > 2 ? words[2] : "200", &e);
        if (!d) {
            fprintf(stderr, "condensate_table: %s\n", e.text);
            return 1;
        }
        const double seconds = (task_clock() - start) / (double)d->count;
        for (int64_t i = 0; i < d->count; i++) {
            const double mu = fact(d, i, "mu"), lz = fact(d, i, "lz");
            const double vortices = fact(d, i, "vortices");
            const bool same = fabs(mu - known[k].mu) <= 0.02 * known[k].mu &&
                              fabs(lz - known[k].lz) <= 0.1 * known[k].lz + 1e-6 &&
                              fabs(vortices - (double)known[k].vortices) <= 2;
            good = good && same;
            printf("{\"g\": %g, \"omega\": %g, \"mu\": %.5f, \"mu_known\": %g, "
                   "\"lz\": %.4f, \"lz_known\": %g, \"vortices\": %g, "
                   "\"vortices_known\": %lld, \"energy\": %.7f, \"steps\": %g, "
                   "\"seconds\": %.3f, \"same\": %s}\n",
                   known[k].g, known[k].omega, mu, known[k].mu, lz, known[k].lz, vortices,
                   (long long)known[k].vortices, fact(d, i, "energy"),
                   fact(d, i, "steps"), seconds, same ? "true" : "false");
        }
        dataset_free(d);
    }
    return good ? 0 : 1;
}
