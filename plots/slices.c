/* SPDX-License-Identifier: GPL-3.0-or-later
   slices.c -- the figure `slices`: planes through a block, and through what a model makes
   of it and its error.  It runs the model on that block and changes nothing. */
#include <stdio.h>
#include <string.h>
#include "plots/sample.h"
#include "plots/style.h"
#include "plots/view.h"

static const option options[] = {
    {"names", OPTION_WORDS, NULL, NULL, NULL,
     "[MODELS...] DATA: with models, what they make of the block"},
    {"index", OPTION_INTEGER, "0..", "0", NULL, "which block of the split"},
    {"split", OPTION_WORD, "train|val|test|all", "all", NULL,
     "split that index counts in"},
    {"axis", OPTION_WORD, "z|y|x", "z", NULL, "axis that the planes are cut across"},
    {"planes", OPTION_INTEGER, "1..16", "7", NULL, "how many, evenly, at most"},
    {"channel", OPTION_INTEGER, "0..", "0", NULL, "which of the block's channels"},
    {0},
};

static int axis_of(const figure_call *c)
{
    const char *axis = option_words(c->options, "axis");
    return strcmp(axis, "z") == 0 ? 0 : strcmp(axis, "y") == 0 ? 1 : 2;
}

/* The K-th of COUNT planes, evenly from the first to the last of ALL. */
static int64_t plane_at(int64_t k, int64_t count, int64_t all)
{
    return count > 1 ? (k * (all - 1) + (count - 1) / 2) / (count - 1) : all / 2;
}

/* One row of planes; NAME stands before the first. */
static status add_row(const figure_call *c, const view *v, view_part part, sheet *s,
                      int row, const char *name, error *e)
{
    view_cut cut = {axis_of(c), 0, option_integer(c->options, "channel")};
    int64_t all = view_cuts(v, cut.axis), planes = option_integer(c->options, "planes");
    planes = planes < all ? planes : all;
    for (int64_t k = 0; k < planes; k++) {
        text title = {0};
        cut.at = plane_at(k, planes, all);
        if (k == 0)
            text_addf(&title, "%s%s", name, row == 0 ? ", " : "");
        if (row == 0)
            text_addf(&title, "%s = %lld", option_words(c->options, "axis"),
                      (long long)cut.at);
        status result = text_ok(&title, e);
        if (result == E_OK)
            result = view_add(v, part, &cut, s, (int)k, row, text_get(&title), e);
        text_clear(&title);
        TRY(result);
    }
    return E_OK;
}

static status add_model(const figure_call *c, const char *name, const model *m,
                        const dataset *d, int64_t number, sheet *s, error *e)
{
    view v;
    char words[96], value[48];
    status result = view_load(m, d, number, &v, e);
    if (result == E_OK && v.shape.rank != 4) {
        result = fail(e, E_SHAPE, "the samples are images, wanted blocks");
        fail_hint(e, "images are drawn by plot filmstrip");
    }
    if (result == E_OK)
        result = view_check_channel(&v, option_integer(c->options, "channel"), e);
    if (result == E_OK && s->count == 0)
        result = add_row(c, &v, VIEW_TARGET, s, 0, "original", e);
    if (result == E_OK && m)
        result = add_row(c, &v, VIEW_OUTPUT, s, s->rows, name, e);
    snprintf(words, sizeof words, "error, RMSE %s",
             style_number(value, view_error(&v), 3));
    if (result == E_OK && m)
        result = add_row(c, &v, VIEW_ERROR, s, s->rows, words, e);
    view_clear(&v);
    return result;
}

static status add_all(const figure_call *c, sheet *s, error *e)
{
    const option_value *names = option_get(c->options, "names");
    const char *data = names->items[names->count - 1];
    enum { MODELS_MAX = 6 };
    int64_t number = 0;
    if (names->count - 1 > MODELS_MAX)
        return fail(e, E_USAGE, "%lld models, the figure has room for %d",
                    (long long)names->count - 1, MODELS_MAX);
    if (session_kind(c->session, data) == OBJECT_MODEL)
        return fail(e, E_USAGE, "'%s' is a model; the data are missing: MODELS... DATA",
                    data);
    const dataset *d = session_get_dataset(c->session, data, e);
    if (!d)
        return e->code;
    TRY(sample_number(c, d, option_integer(c->options, "index"), &number, e));
    if (names->count == 1)
        TRY(add_model(c, NULL, NULL, d, number, s, e));
    for (int64_t i = 0; i + 1 < names->count; i++) {
        const model *m = session_get_model(c->session, names->items[i], e);
        if (!m)
            return e->code;
        TRY(add_model(c, names->items[i], m, d, number, s, e));
    }
    s->label[SHEET_VALUE] = d->target_name ? d->target_name : "value";
    s->label[SHEET_FIELD] = s->label[SHEET_VALUE];
    s->label[SHEET_ERROR] = "output − target";
    return E_OK;
}

static status draw(figure_call *c, error *e)
{
    sheet s = {0};
    status result = add_all(c, &s, e);
    return sheet_finish(c, &s, result, e);
}

const figure_row figure_slices = {
    .name = "slices",
    .summary = "planes through a block, a model's reconstruction and its error",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot slices a b index=1 > slices.png",
    .draw = draw,
};
