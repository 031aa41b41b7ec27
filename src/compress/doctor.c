/* SPDX-License-Identifier: GPL-3.0-or-later
   doctor.c -- the table of checks, and one after the other.  It judges nothing itself. */
#include "compress/doctor_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const doctor_check checks[] = {
    {"not_finite", "weights that are infinite or no number",
     "undo to before it, train with clip= or a lower lr=", false, doctor_look_not_finite},
    {"subnormal", "weights so small that processors without flushing slow down",
     "harmless here; prune amount= sets them to zero", false, doctor_look_subnormal},
    {"revived", "weights that the mask says are gone but that are not zero",
     "prune again with the same amount=", false, doctor_look_revived},
    {"collapsed", "layers of which nothing is left",
     "undo, and prune with scope=layer or a lower amount=", false,
     doctor_look_collapsed},
    {"dead_weights", "output channels without any weight",
     "prune kind=channel takes them out of the graph", false, doctor_look_dead_weights},
    {"wild_variance", "batch norms whose running variances are none, or far apart",
     "train on for an epoch, or with a larger batch=", false, doctor_look_norm},
    {"unobserved", "integer values whose range nobody observed",
     "quantize again with data= and samples=", false, doctor_look_unobserved},
    {"target_missed", "less pruned than the last prune was asked for",
     "prune again: a later step brought weights back", false, doctor_look_target},
    {"values_not_finite", "outputs that are infinite or no number",
     "look at the first such layer: its input's scale or its weights", true,
     doctor_look_values},
    {"dead_channels", "channels that were zero on every sample",
     "prune kind=channel, or train with a lower lr=", true, doctor_look_dead},
    {"constant_channels", "channels that had one and the same value everywhere",
     "prune kind=channel; its value can go into the next bias", true,
     doctor_look_constant},
    {"saturated", "integer values that often stand at the end of their range",
     "quantize with observer=min-max or more samples=", true, doctor_look_saturated},
    {"unused_range", "integer values that use little of their range",
     "quantize with observer=mse or on data like these", true, doctor_look_unused},
};

const doctor_check *doctor_check_at(int i)
{
    return i >= 0 && i < (int)(sizeof checks / sizeof *checks) ? &checks[i] : NULL;
}

void doctor_find(table *out, const doctor_check *check, const char *layer, double value,
                 const char *what, ...)
{
    char words[200];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(words, sizeof words, what, arguments);
    va_end(arguments);
    table_row(out);
    table_text(out, "check", check->name);
    table_text(out, "layer", layer);
    if (isfinite(value))
        table_real(out, "value", value);
    else
        table_none(out, "value");
    table_text(out, "what", words);
    table_text(out, "advice", check->advice);
}

static void look_at_all(const doctor_subject *s, bool data, table *out)
{
    for (int i = 0; doctor_check_at(i); i++)
        if (checks[i].wants_data == data)
            checks[i].look(&checks[i], s, out);
}

status doctor_examine(const model *m, const dataset *d, const int64_t *index, int64_t n,
                      const task *watch, table *out, error *e)
{
    doctor_subject subject = {.m = m, .samples = n};
    doctor_seen *seen = NULL;
    look_at_all(&subject, false, out);
    if (!d)
        return table_ok(out, e);
    status s = doctor_watch(m, d, index, n, watch, &seen, e);
    subject.seen = seen;
    if (s == E_OK)
        look_at_all(&subject, true, out);
    doctor_seen_free(seen, m->graph->value_count);
    return s == E_OK ? table_ok(out, e) : s;
}
