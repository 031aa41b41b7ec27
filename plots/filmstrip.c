/* SPDX-License-Identifier: GPL-3.0-or-later
   filmstrip.c -- the figure `filmstrip`: samples of images, and below each other what
   models make of them and their errors, one column a model.  It runs the models on these
   samples and changes nothing. */
#include <stdio.h>
#include "plots/sample.h"
#include "plots/style.h"
#include "plots/view.h"

static const option options[] = {
    {"names", OPTION_WORDS, NULL, NULL, NULL,
     "MODELS... DATA: checkpoints or compressed models, a column each"},
    {"index", OPTION_INTEGERS, "0..", "0", NULL, "which samples of the split"},
    {"split", OPTION_WORD, "train|val|test|all", "all", NULL,
     "split that index counts in"},
    {"channel", OPTION_INTEGER, "0..", "0", NULL,
     "which is shown where there are not one or three: of a phase gradient 0 is x, 1 y"},
    {0},
};

enum { MODELS_MAX = 12, SAMPLES_MAX = 12 };

typedef struct strip {
    const dataset *data;
    const char *name[MODELS_MAX];
    const model *model[MODELS_MAX];
    int models;
} strip;

static status open_strip(const figure_call *c, strip *f, error *e)
{
    const option_value *names = option_get(c->options, "names");
    const char *data = names->items[names->count - 1];
    if (names->count - 1 > MODELS_MAX)
        return fail(e, E_USAGE, "%lld models, a strip has room for %d",
                    (long long)names->count - 1, MODELS_MAX);
    if (session_kind(c->session, data) == OBJECT_MODEL)
        return fail(e, E_USAGE, "'%s' is a model; the data are missing: MODELS... DATA",
                    data);
    f->data = session_get_dataset(c->session, data, e);
    if (!f->data)
        return e->code;
    for (int64_t i = 0; i + 1 < names->count; i++) {
        f->name[i] = names->items[i];
        f->model[i] = session_get_model(c->session, names->items[i], e);
        if (!f->model[i])
            return e->code;
        f->models++;
    }
    return E_OK;
}

/* The middle of a block; the channel that is asked for. */
static view_cut middle_of(const figure_call *c, const view *v)
{
    return (view_cut){0, view_cuts(v, 0) / 2, option_integer(c->options, "channel")};
}

/* Input and target in the first column; a network that reproduces has one picture. */
static status add_truth(const figure_call *c, const view *v, int64_t number, sheet *s,
                        int row, error *e)
{
    view_cut cut = middle_of(c, v);
    char title[64];
    snprintf(title, sizeof title, "%s %lld", v->reproduced ? "original" : "input",
             (long long)number);
    if (v->reproduced)
        return view_add(v, VIEW_TARGET, &cut, s, 0, row, title, e);
    TRY(view_add(v, VIEW_INPUT, &cut, s, 0, row, title, e));
    return view_add(v, VIEW_TARGET, &cut, s, 0, row + 1, "target", e);
}

static status add_model(const figure_call *c, const strip *f, int k, const view *v,
                        sheet *s, int row, error *e)
{
    view_cut cut = middle_of(c, v);
    char title[96], number[48];
    TRY(view_add(v, VIEW_OUTPUT, &cut, s, 1 + k, row, f->name[k], e));
    snprintf(title, sizeof title, "error, RMSE %s",
             style_number(number, view_error(v), 3));
    return view_add(v, VIEW_ERROR, &cut, s, 1 + k, row + 1, title, e);
}

/* The two rows of one sample. */
static status add_sample(const figure_call *c, const strip *f, int64_t wanted, int at,
                         sheet *s, error *e)
{
    int64_t number = 0;
    TRY(sample_number(c, f->data, wanted, &number, e));
    int row = f->models > 0 ? 2 * at : at;
    for (int k = 0; k < (f->models > 0 ? f->models : 1); k++) {
        view v;
        status result =
            view_load(f->models > 0 ? f->model[k] : NULL, f->data, number, &v, e);
        if (result == E_OK)
            result = view_check_channel(&v, option_integer(c->options, "channel"), e);
        if (result == E_OK && k == 0)
            result = add_truth(c, &v, wanted, s, row, e);
        if (result == E_OK && f->models > 0)
            result = add_model(c, f, k, &v, s, row, e);
        if (result == E_OK) /* fields in the plane have their y axis upwards */
            s->downwards = view_channels(&v) != 2;
        view_clear(&v);
        TRY(result);
    }
    return E_OK;
}

static status add_samples(figure_call *c, const strip *f, sheet *s, error *e)
{
    const option_value *index = option_get(c->options, "index");
    if (index->count > SAMPLES_MAX)
        return fail(e, E_USAGE, "%lld samples, a strip has room for %d",
                    (long long)index->count, SAMPLES_MAX);
    for (int64_t i = 0; i < index->count; i++)
        TRY(add_sample(c, f, (int64_t)index->reals[i], (int)i, s, e));
    s->label[SHEET_INPUT] = f->data->input_name ? f->data->input_name : "input";
    s->label[SHEET_VALUE] = f->data->target_name ? f->data->target_name : "value";
    s->label[SHEET_FIELD] = s->label[SHEET_VALUE];
    s->label[SHEET_ERROR] = "output − target";
    return E_OK;
}

static status draw(figure_call *c, error *e)
{
    strip f = {0};
    sheet s = {0};
    status result = open_strip(c, &f, e);
    if (result == E_OK)
        result = add_samples(c, &f, &s, e);
    return sheet_finish(c, &s, result, e);
}

const figure_row figure_filmstrip = {
    .name = "filmstrip",
    .summary = "images, what one or several models make of them, and the errors",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot filmstrip m d index=0,2 > filmstrip.png",
    .draw = draw,
};
