/* SPDX-License-Identifier: GPL-3.0-or-later
   column.c -- the words and units of columns, and an axis for each.  It draws no
   numbers. */
#include "plots/column.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include "measure/metric.h"
#include "plots/style.h"

/* What columns are called on an axis, and in which unit. */
typedef struct column_label {
    const char *column, *label;
    double scale;
} column_label;

static const column_label labels[] = {
    {"sparsity", "sparsity (share of parameters that are zero)", 1},
    {"amount", "amount pruned (share of weights)", 1},
    {"parameters", "parameters", 1},
    {"nonzero", "parameters that are not zero", 1},
    {"bits", "bits of a weight", 1},
    {"bytes", "file size (MiB)", 1.0 / 1048576},
    {"peak_bytes", "memory (MiB)", 1.0 / 1048576},
    {"multiply_adds", "multiply-adds a sample", 1},
    {"seconds", "time (s)", 1},
    {"median_ms", "median latency (ms)", 1},
    {"p10_ms", "latency, 10th percentile (ms)", 1},
    {"p90_ms", "latency, 90th percentile (ms)", 1},
    {"samples_per_second", "samples per second", 1},
    {"energy_mj", "energy of a run (mJ)", 1},
    {"arena_bytes", "memory of the plan (MiB)", 1.0 / 1048576},
    {"resident_bytes", "memory of the process (MiB)", 1.0 / 1048576},
    {"ratio", "ratio of sizes", 1},
    {"seed", "seed", 1},
    {"epoch", "epoch", 1},
    {"epochs", "epochs", 1},
    {"batch", "batch size", 1},
    {"threads", "threads", 1},
    {"lr", "learning rate", 1},
    {"accuracy", "accuracy (share of samples)", 1},
};

static const column_label *label_find(const char *column)
{
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (strcmp(labels[i].column, column) == 0)
            return &labels[i];
    return NULL;
}

double column_scale(const char *column)
{
    const column_label *l = label_find(column);
    return l ? l->scale : 1;
}

/* "masked_mse" as "masked MSE". */
static void put_name(const char *column, text *out)
{
    static const char *const acronyms[] = {"mse", "rmse", "mae", "psnr", "ssim"};
    for (const char *word = column; *word;) {
        size_t length = strcspn(word, "_");
        bool capital = false;
        for (size_t i = 0; i < sizeof acronyms / sizeof *acronyms; i++)
            capital |= length == strlen(acronyms[i]) && text_starts(word, acronyms[i]);
        for (size_t i = 0; i < length; i++) {
            char letter = capital ? (char)toupper((unsigned char)word[i]) : word[i];
            text_add_bytes(out, &letter, 1);
        }
        word += length;
        if (*word == '_') {
            text_add(out, " ");
            word++;
        }
    }
}

/* The words on the axis of COLUMN: its label, or its name with its metric's unit (that of
   the target is not known here). */
void column_put_label(const char *column, text *out)
{
    const column_label *l = label_find(column);
    if (l) {
        text_add(out, l->label);
        return;
    }
    put_name(column, out);
    const metric_row *metric = metric_find(column);
    const char *unit = metric ? metric->unit : NULL;
    if (unit && unit[0] && strcmp(unit, "1") != 0 && !text_starts(unit, "target"))
        text_addf(out, " (%s)", unit);
}

bool column_number(const table *t, int64_t row, const char *column, double *value)
{
    return table_number(t, row, column, value) && isfinite(*value);
}

/* Does the column hold at least LEAST different numbers? */
bool column_has_numbers(const table *t, const char *column, int least)
{
    double first = 0, value;
    int found = 0;
    for (int64_t i = 0; i < t->row_count && found < least; i++) {
        if (!column_number(t, i, column, &value))
            continue;
        if (found == 0 || value != first)
            found++;
        first = found == 1 ? value : first;
    }
    return found >= least;
}

status column_fail(const table *t, const char *table_name, const char *key,
                   const char *wanted, error *e)
{
    text list = {0};
    for (int64_t i = 0; i < t->column_count; i++)
        if (column_has_numbers(t, t->columns[i], 1))
            text_addf(&list, "%s%s", list.length ? ", " : "", t->columns[i]);
    if (wanted)
        fail(e, E_NAME, "%s=%s: '%s' has no such column of numbers", key, wanted,
             table_name);
    else
        fail(e, E_NAME, "'%s' has no column that could be %s", table_name, key);
    fail_hint(e, "its columns of numbers: %s", list.length ? text_get(&list) : "none");
    text_clear(&list);
    return E_NAME;
}

const char *column_default_metric(const table *t)
{
    if (column_has_numbers(t, "masked_mse", 1))
        return "masked_mse";
    for (int64_t i = 0; i < t->column_count; i++)
        if (metric_find(t->columns[i]) && column_has_numbers(t, t->columns[i], 1))
            return t->columns[i];
    return NULL;
}

void column_put_words(const cell *value, text *out)
{
    char buffer[32];
    switch (value->kind) {
    case CELL_TEXT:
        text_add(out, value->words);
        break;
    case CELL_INTEGER:
        text_addf(out, "%lld", (long long)value->integer);
        break;
    case CELL_REAL:
        text_add(out, text_real(buffer, value->real));
        break;
    case CELL_FLAG:
        text_add(out, value->flag ? "yes" : "no");
        break;
    case CELL_NONE:
        break;
    }
}

void column_put_title(const table *t, int64_t row, int64_t column, text *out)
{
    const cell *value = table_get(t, row, column);
    if (value->kind == CELL_FLAG)
        text_addf(out, "%s: ", t->columns[column]);
    column_put_words(value, out);
}

/* Has row I the same value in COLUMN as row J? */
bool column_same(const table *t, int64_t column, int64_t i, int64_t j)
{
    text a = {0}, b = {0};
    column_put_words(table_get(t, i, column), &a);
    column_put_words(table_get(t, j, column), &b);
    bool same = text_equal(text_get(&a), text_get(&b));
    text_clear(&a);
    text_clear(&b);
    return same;
}

/* Shares, and what has its best at the high end, are read on a linear axis. */
static bool wants_log(const column_range *r)
{
    const metric_row *metric = metric_find(r->column);
    const column_label *l = label_find(r->column);
    bool linear =
        (metric && metric->higher_is_better) || (l && strstr(l->label, "share"));
    return !linear && style_wants_log(r->low, r->high);
}

static status choose_log(const figure_call *c, char axis, column_range *r, error *e)
{
    const char *words = option_words(c->options, "log");
    if (strcmp(words, "auto") == 0) {
        r->logarithmic = wants_log(r);
        return E_OK;
    }
    r->logarithmic = strcmp(words, "none") != 0 && strchr(words, axis);
    if (r->logarithmic && !(r->low > 0))
        return fail(e, E_RANGE,
                    "log=%s: %c goes down to %g, a logarithm needs more than 0", words,
                    axis, r->low);
    return E_OK;
}

status column_axis(figure_call *c, char letter, column_range *r, double length, error *e)
{
    TRY(choose_log(c, letter, r, e));
    style_widen(&r->low, &r->high, 0.05, r->logarithmic);
    text label = {0};
    const char *own = option_words(c->options, letter == 'x' ? "xlabel" : "ylabel");
    if (own)
        text_add(&label, own);
    else
        column_put_label(r->column, &label);
    if (!own && r->note)
        text_addf(&label, ", %s", r->note);
    style_axis_set(c, &(style_axis){.letter = letter,
                                    .low = r->low,
                                    .high = r->high,
                                    .logarithmic = r->logarithmic,
                                    .length_mm = length,
                                    .label = text_get(&label)});
    c->script->failed |= label.failed;
    text_clear(&label);
    return E_OK;
}
