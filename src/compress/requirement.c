/* SPDX-License-Identifier: GPL-3.0-or-later
   requirement.c -- requirements read and judged.  It measures nothing. */
#include "compress/requirement.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

/* What is no metric; of all of it less is better. */
static const struct {
    const char *key;
    size_t offset;
} plain[] = {
    {"size", offsetof(quantities, size)},
    {"time", offsetof(quantities, time)},
    {"parameters", offsetof(quantities, parameters)},
    {"multiply_adds", offsetof(quantities, multiply_adds)},
};
enum { PLAIN_COUNT = sizeof plain / sizeof *plain };

static int find_plain(const char *key)
{
    for (int i = 0; i < PLAIN_COUNT; i++)
        if (strcmp(plain[i].key, key) == 0)
            return i;
    return -1;
}

/* "-30%", "-5pt", "1MiB" (of sizes), "0.85" */
static bool read_amount(requirement *r, const char *words)
{
    char number[40];
    const char *ending = text_ends(words, "%") ? "%" : text_ends(words, "pt") ? "pt" : "";
    snprintf(number, sizeof number, "%.*s", (int)(strlen(words) - strlen(ending)), words);
    r->kind = *ending == '%' ? REQUIRE_SHARE : *ending ? REQUIRE_POINTS : REQUIRE_LIMIT;
    if (r->kind == REQUIRE_LIMIT && strcmp(r->key, "size") == 0)
        return text_to_bytes(words, &r->amount) && r->amount > 0;
    if (!text_to_real(*number == '+' ? number + 1 : number, &r->amount))
        return false;
    /* "90%" may mean 0.9 as well as ninety percent more. */
    if (r->kind != REQUIRE_LIMIT && r->amount > 0 && *number != '+')
        return false;
    if (r->kind != REQUIRE_LIMIT)
        r->amount /= 100;
    return r->kind == REQUIRE_SHARE    ? r->amount > -1
           : r->kind == REQUIRE_POINTS ? r->metric != NULL
                                       : r->metric || r->amount > 0;
}

status requirement_read(requirement *r, const char *key, const char *words, error *e)
{
    *r = (requirement){.metric = metric_find(key)};
    if (!r->metric && find_plain(key) < 0) {
        fail(e, E_NAME, "nothing that is measured is called '%.40s'", key);
        return fail_hint(e, "there are size, time, parameters, multiply_adds, and the "
                            "metrics of eval, such as accuracy");
    }
    snprintf(r->key, sizeof r->key, "%s", key);
    snprintf(r->words, sizeof r->words, "%s", words);
    if (strlen(words) < sizeof r->words && read_amount(r, words))
        return E_OK;
    fail(e, E_RANGE, "%s=%.40s is no amount", key, words);
    return fail_hint(e, "want a share of the base with its sign as -30%% or +10%%, for a "
                        "metric also points as -5pt, or a limit as it is measured");
}

double requirement_value(const requirement *r, const quantities *q)
{
    double value;
    if (r->metric)
        return evaluation_get(&q->metrics, r->metric->name);
    memcpy(&value, (const char *)q + plain[find_plain(r->key)].offset, sizeof value);
    return value;
}

double requirement_limit(const requirement *r, const quantities *base,
                         const quantities *now)
{
    double from =
        strcmp(r->key, "time") == 0 ? now->base_time : requirement_value(r, base);
    switch (r->kind) {
    case REQUIRE_SHARE:
        return from * (1 + r->amount);
    case REQUIRE_POINTS:
        return from + r->amount;
    default:
        return r->amount;
    }
}

double requirement_gap(const requirement *r, const quantities *base,
                       const quantities *now)
{
    double is = requirement_value(r, now), limit = requirement_limit(r, base, now);
    double over = r->metric && r->metric->higher_is_better ? limit - is : is - limit;
    return over / fmax(fabs(limit), 1e-30);
}

bool requirement_met(const requirement *r, const quantities *base, const quantities *now)
{
    return requirement_gap(r, base, now) <= 1e-12; /* a NaN is not */
}

/* With its unit; of bytes and counts all digits. */
static void add_amount(text *words, const char *key, double value)
{
    const bool size = strcmp(key, "size") == 0, time = strcmp(key, "time") == 0;
    if (fabs(value) < 1e15 && find_plain(key) >= 0 && !time)
        text_addf(words, "%.0f%s", value, size ? " bytes" : "");
    else
        text_addf(words, "%.6g%s", value, time ? " ms" : "");
}

bool requirement_tell(const requirement *r, const quantities *base, const quantities *now,
                      text *words)
{
    if (requirement_met(r, base, now))
        return true;
    text_addf(words, "%s%s is ", words->length ? "; " : "", r->key);
    add_amount(words, r->key, requirement_value(r, now));
    text_addf(words, ", %s=%s wants ", r->key, r->words);
    add_amount(words, r->key, requirement_limit(r, base, now));
    return false;
}
