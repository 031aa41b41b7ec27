/* SPDX-License-Identifier: GPL-3.0-or-later
   form.c -- numbers into words, by a table of forms.  What is written depends on the value
   and the form alone. */
#include "report/form.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "measure/metric.h"

enum { DECIMALS_MAX = 15 };

static const struct {
    char token;
    const char *wanted; /* in a template */
    const char *unit;
    double scale; /* what the value is multiplied with */
} forms[FORM_KINDS] = {
    [FORM_WORDS] = {'w', "words", "", 1},
    [FORM_INTEGER] = {'i', "integer", "", 1},
    [FORM_FIXED] = {'f', ".", "", 1},
    [FORM_EXPONENT] = {'e', "e", "", 1},
    [FORM_PERCENT] = {'p', "%", "%", 100},
    [FORM_POINTS] = {'P', "points", "points", 100},
    [FORM_KIB] = {'K', "KiB", "KiB", 1.0 / 1024},
    [FORM_MIB] = {'M', "MiB", "MiB", 1.0 / 1048576},
    [FORM_GIB] = {'G', "GiB", "GiB", 1.0 / 1073741824},
};

/* ---- notation ---- */

void form_token(form f, text *out)
{
    text_addf(out, "%s%c", f.sign ? "+" : "", forms[f.kind].token);
    if (f.kind != FORM_WORDS && f.kind != FORM_INTEGER)
        text_addf(out, "%d", f.decimals);
}

/* A number of decimals, all of WORDS. */
static bool read_decimals(const char *words, int *decimals)
{
    int64_t value;
    if (!text_to_integer(words, &value) || value < 0 || value > DECIMALS_MAX)
        return false;
    *decimals = (int)value;
    return true;
}

bool form_read_token(const char *token, form *f)
{
    *f = (form){.sign = *token == '+'};
    token += f->sign;
    for (int i = 0; i < FORM_KINDS; i++) {
        if (*token == '\0' || forms[i].token != *token)
            continue;
        f->kind = (form_kind)i;
        if (i == FORM_WORDS || i == FORM_INTEGER)
            return token[1] == '\0';
        return read_decimals(token + 1, &f->decimals);
    }
    return false;
}

bool form_read(const char *words, form *f, bool *exact)
{
    *f = (form){.sign = *words == '+'};
    words += f->sign;
    for (int i = 0; i < FORM_KINDS; i++) {
        size_t length = strlen(forms[i].wanted);
        if (strncmp(words, forms[i].wanted, length) != 0)
            continue;
        const char *rest = words + length;
        f->kind = (form_kind)i;
        *exact = *rest != '\0' || i == FORM_WORDS || i == FORM_INTEGER;
        if (*rest == '\0')
            return i != FORM_FIXED && i != FORM_EXPONENT;
        return i != FORM_WORDS && i != FORM_INTEGER && read_decimals(rest, &f->decimals);
    }
    return false;
}

/* ---- which form suits a key ---- */

/* KEY without "_low" or "_high" behind it. */
static const char *stem_of(const char *key, char buffer[128])
{
    size_t length = strlen(key);
    size_t cut = text_ends(key, "_low") ? 4 : text_ends(key, "_high") ? 5 : 0;
    if (cut == 0 || length <= cut || length - cut >= 128)
        return key;
    memcpy(buffer, key, length - cut);
    buffer[length - cut] = '\0';
    return buffer;
}

static bool is_one_of(const char *key, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, key) == 0)
            return true;
    return false;
}

bool form_is_share(const char *key)
{
    static const char *const shares[] = {"sparsity", "recall", "f1",        "share",
                                         "density",  "zeros",  "agreement", "amount",
                                         "kept",     "done",   NULL};
    char buffer[128];
    key = stem_of(key, buffer);
    const metric_row *row = metric_find(key);
    return row ? row->unit && strcmp(row->unit, "1") == 0
               : is_one_of(key, shares) || text_ends(key, "_change");
}

static bool is_bytes(const char *key)
{
    return strcmp(key, "bytes") == 0 || text_ends(key, "_bytes");
}

/* Numbers that are names. */
static bool is_name(const char *key)
{
    static const char *const names[] = {"seed",  "run",   "row", "parent",
                                        "class", "index", NULL};
    return is_one_of(key, names);
}

static form_kind kind_of(const char *key, operation how, double largest, bool whole)
{
    if (how == OPERATION_CHANGE)
        return FORM_PERCENT;
    if (how == OPERATION_OVER)
        return FORM_FIXED;
    if (is_name(key))
        return FORM_WORDS;
    if (form_is_share(key))
        return how == OPERATION_MINUS ? FORM_POINTS : FORM_PERCENT;
    if (is_bytes(key) && largest >= 1024)
        return largest >= 1073741824 ? FORM_GIB
               : largest >= 1048576  ? FORM_MIB
                                     : FORM_KIB;
    return whole ? FORM_INTEGER : FORM_FIXED;
}

static int decimals_for(double x, int figures)
{
    return figures - 1 - (int)floor(log10(x));
}

/* Enough for four figures of the largest and two of the smallest. */
static int choose_decimals(double largest, double smallest)
{
    if (!(largest > 0))
        return 0;
    int wide = decimals_for(largest, 4), narrow = decimals_for(smallest, 2);
    int decimals = narrow > wide ? narrow : wide;
    int most = wide + 2 > 2 ? wide + 2 : 2;
    decimals = decimals > most ? most : decimals;
    return decimals < 0 ? 0 : decimals > 8 ? 8 : decimals;
}

/* As few decimals, up to two, as all of them need: shares that somebody chose. */
static int chosen_decimals(const double *values, int64_t n)
{
    double power = 1;
    for (int decimals = 0; decimals < 2; decimals++, power *= 10) {
        bool all = true;
        for (int64_t i = 0; i < n; i++) {
            double scaled = values[i] * 100 * power;
            all = all && (!isfinite(scaled) || fabs(scaled - round(scaled)) < 1e-6);
        }
        if (all)
            return decimals;
    }
    return 2;
}

/* Has X no more than three figures? */
static bool is_short(double x)
{
    char buffer[32];
    snprintf(buffer, sizeof buffer, "%.3g", x);
    return !isfinite(x) || strtod(buffer, NULL) == x;
}

/* Numbers that somebody chose, as a learning rate, and none that were measured. */
static bool are_chosen(const char *key, const double *values, int64_t n)
{
    char buffer[128];
    if (metric_find(stem_of(key, buffer)) || text_ends(key, "_ms") ||
        text_ends(key, "seconds"))
        return false;
    for (int64_t i = 0; i < n; i++)
        if (!is_short(values[i]))
            return false;
    return n > 0;
}

form form_choose(const char *key, operation how, const double *values, int64_t n,
                 bool whole, const form *wanted)
{
    double largest = 0, smallest = INFINITY;
    char buffer[128];
    for (int64_t i = 0; i < n; i++) {
        double x = fabs(values[i]);
        if (!isfinite(x) || x == 0)
            continue;
        largest = fmax(largest, x);
        smallest = fmin(smallest, x);
    }
    form f = {.kind = wanted ? wanted->kind : kind_of(key, how, largest, whole),
              .sign = (wanted && wanted->sign) || how == OPERATION_MINUS ||
                      how == OPERATION_CHANGE || text_ends(key, "_change") ||
                      text_ends(key, "_points")};
    if (f.kind == FORM_PERCENT || f.kind == FORM_POINTS) {
        f.decimals = how == OPERATION_CHANGE || largest >= 10 ? 1 : 2;
        if (how == OPERATION_NONE && !metric_find(stem_of(key, buffer)))
            f.decimals = chosen_decimals(values, n);
        return f;
    }
    if (f.kind == FORM_FIXED && !wanted && how == OPERATION_NONE &&
        are_chosen(key, values, n))
        return (form){.kind = FORM_WORDS};
    if (f.kind == FORM_FIXED && !wanted && how != OPERATION_OVER &&
        (largest >= 1e7 || smallest < 1e-3))
        f.kind = FORM_EXPONENT;
    const double scale = forms[f.kind].scale;
    f.decimals = f.kind == FORM_WORDS || f.kind == FORM_INTEGER ? 0
                 : f.kind == FORM_EXPONENT
                     ? 3
                     : choose_decimals(largest * scale, smallest * scale);
    return f;
}

const char *form_unit(form f, const char *key, operation how)
{
    static const struct {
        const char *end, *unit;
    } units[] = {{"_ms", "ms"}, {"seconds", "s"}, {"_mj", "mJ"}, {"_points", "points"}};
    char buffer[128];
    if (*forms[f.kind].unit)
        return forms[f.kind].unit;
    if (f.kind == FORM_WORDS || how == OPERATION_CHANGE)
        return "";
    if (how == OPERATION_OVER)
        return "×";
    key = stem_of(key, buffer);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text_ends(key, units[i].end))
            return units[i].unit;
    const metric_row *row = metric_find(key);
    if (row && row->unit && strlen(row->unit) < 6 && strcmp(row->unit, "1") != 0)
        return row->unit;
    return is_bytes(key) ? "B" : "";
}

void form_title(const char *key, text *out)
{
    if (strcmp(key, "median_ms") == 0)
        key = "median_time_ms";
    size_t length = strlen(key);
    length -= text_ends(key, "_ms") || text_ends(key, "_mj") ? 3 : 0;
    for (size_t i = 0; i < length; i++)
        text_add_bytes(out, key[i] == '_' ? " " : key + i, 1);
}

/* ---- writing ---- */

/* The digits of WORDS in threes, apart from a sign. */
static void add_grouped(const char *words, text *out)
{
    if (*words == '-' || *words == '+')
        text_add_bytes(out, words++, 1);
    size_t length = strlen(words);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text_add(out, ",");
        text_add_bytes(out, words + i, 1);
    }
}

static void write_real(form f, double value, text *out)
{
    char buffer[400];
    const char *sign = f.sign && value > 0 ? "+" : "";
    if (!isfinite(value)) {
        text_add(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    if (f.kind == FORM_EXPONENT)
        snprintf(buffer, sizeof buffer, "%s%.*e", sign, f.decimals, value);
    else
        snprintf(buffer, sizeof buffer, "%s%.*f", sign,
                 f.kind == FORM_INTEGER ? 0 : f.decimals, value);
    /* What is rounded to nothing has no sign. */
    if (strtod(buffer, NULL) == 0 && (*buffer == '-' || *buffer == '+'))
        memmove(buffer, buffer + 1, strlen(buffer));
    if (f.kind == FORM_INTEGER)
        add_grouped(buffer, out);
    else
        text_add(out, buffer);
}

void form_write(form f, const cell *value, text *out)
{
    char buffer[32];
    if (value->kind == CELL_TEXT)
        text_add(out, value->words);
    else if (value->kind == CELL_FLAG)
        text_add(out, value->flag ? "yes" : "no");
    else if (value->kind == CELL_INTEGER && f.kind == FORM_WORDS)
        text_addf(out, "%lld", (long long)value->integer);
    else if (value->kind == CELL_INTEGER)
        write_real(f, (double)value->integer * forms[f.kind].scale, out);
    else if (value->kind == CELL_REAL && f.kind == FORM_WORDS)
        text_add(out, isfinite(value->real) ? text_real(buffer, value->real) : "nan");
    else if (value->kind == CELL_REAL)
        write_real(f, value->real * forms[f.kind].scale, out);
}
