/* SPDX-License-Identifier: GPL-3.0-or-later
   phase.c -- the figure `phase`: one sample as images: density, phase gradient, mask, and
   with a model its prediction and error.  It runs the model on that sample and changes
   nothing. */
#include <math.h>
#include "plots/sample.h"
#include "plots/sheet.h"

static const option options[] = {
    {"names", OPTION_WORDS, NULL, NULL, NULL,
     "[MODEL] DATA: with a model, its prediction"},
    {"index", OPTION_INTEGER, "0..", "0", NULL, "which sample of the split"},
    {"split", OPTION_WORD, "train|val|test|all", "all", NULL,
     "split that index counts in"},
    {0},
};

/* One image: pixel i is values[i * stride + component], less the same of MINUS; NaN where
   MASKED and the sample is invalid. */
typedef struct source {
    const float *values, *minus;
    int64_t stride, component;
    bool masked;
} source;

static status add_panel(sheet *s, const sample_view *v, sheet_kind kind, int column,
                        int row, const char *title, source from, error *e)
{
    sheet_image *p = sheet_add(s, kind, column, row, v->height, v->width, e);
    if (!p)
        return E_MEMORY;
    text_add(&p->title, title);
    for (int64_t i = 0; i < v->height * v->width; i++) {
        int64_t at = i * from.stride + from.component;
        if (kind == SHEET_MASK)
            p->values[i] = sample_invalid(v, i, 0) || sample_invalid(v, i, 1) ? 1 : 0;
        else if (from.masked && sample_invalid(v, i, from.component))
            p->values[i] = NAN;
        else
            p->values[i] = from.values[at] - (from.minus ? from.minus[at] : 0);
    }
    return text_ok(&p->title, e);
}

/* Without a model one row; with one, columns of truth, prediction and error. */
static status add_panels(sheet *s, const sample_view *v, error *e)
{
    static const char *const truth[] = {"true ∂φ/∂x", "true ∂φ/∂y"};
    static const char *const predicted[] = {"predicted ∂φ/∂x", "predicted ∂φ/∂y"};
    static const char *const errors[] = {"error of ∂φ/∂x", "error of ∂φ/∂y"};
    const char *name = v->data->input_name ? v->data->input_name : "input";
    bool both = v->output != NULL;
    s->label[SHEET_INPUT] = name;
    s->label[SHEET_FIELD] = "phase gradient (rad/pixel)";
    s->label[SHEET_ERROR] = "error (rad/pixel)";
    TRY(add_panel(s, v, SHEET_INPUT, 0, 0, name,
                  (source){v->input, NULL, v->input_channels, 0, false}, e));
    for (int k = 0; k < 2; k++) {
        source from = {v->target, NULL, 2, k, true};
        TRY(add_panel(s, v, SHEET_FIELD, both ? 1 : 1 + k, both ? k : 0, truth[k], from,
                      e));
        if (!both)
            continue;
        from.values = v->output;
        TRY(add_panel(s, v, SHEET_FIELD, 2, k, predicted[k], from, e));
        from.minus = v->target;
        TRY(add_panel(s, v, SHEET_ERROR, 3, k, errors[k], from, e));
    }
    if (!v->mask)
        return E_OK;
    return add_panel(s, v, SHEET_MASK, both ? 0 : 3, both, "mask (grey: invalid)",
                     (source){.stride = 1}, e);
}

static status draw(figure_call *c, error *e)
{
    sheet s = {.pixels = true, .letters = true};
    sample_view v;
    status result = sample_open(c, option_get(c->options, "names"), &v, e);
    int64_t number = 0;
    if (result == E_OK)
        result =
            sample_number(c, v.data, option_integer(c->options, "index"), &number, e);
    if (result == E_OK)
        result = sample_load(&v, &number, 1, e);
    if (result == E_OK)
        result = add_panels(&s, &v, e);
    if (result == E_OK)
        result = sheet_draw(c, &s, e);
    sheet_clear(&s);
    sample_close(&v);
    return result;
}

const figure_row figure_phase = {
    .name = "phase",
    .summary = "one sample as images: density, phase gradient, prediction, error, mask",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot phase m d index=2 > phase.png",
    .width_mm = 180,
    .draw = draw,
};
