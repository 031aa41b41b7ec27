/* SPDX-License-Identifier: GPL-3.0-or-later
   training.c -- the figure `training`: losses over epochs, the best epoch marked, and
   below them the metric that was monitored.  It reads what the models recorded and runs
   nothing. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "plots/style.h"

static const option options[] = {
    {"models", OPTION_WORDS, NULL, NULL, NULL, "models that were trained"},
    {0},
};

/* What is drawn of all models together. */
typedef struct extent {
    double low, high;   /* of positive losses */
    double least, most; /* of the metric monitored; least > most where there is none */
    const char *metric; /* its name; NULL where models differ in it */
    bool positive;      /* are all losses above 0? */
    bool validated;     /* is there any validation loss? */
    int64_t epochs;     /* the last epoch */
} extent;

static void extend(extent *x, double loss)
{
    if (!isfinite(loss))
        return;
    x->positive &= loss > 0;
    x->low = fmin(x->low, loss);
    x->high = fmax(x->high, loss);
}

static bool is_monitored(const extent *x)
{
    return x->least <= x->most;
}

static void extend_metric(extent *x, const epoch_row *row)
{
    if (!row->metric[0] || !isfinite(row->score))
        return;
    if (!is_monitored(x))
        x->metric = row->metric;
    else if (x->metric && strcmp(x->metric, row->metric) != 0)
        x->metric = NULL;
    x->least = fmin(x->least, row->score);
    x->most = fmax(x->most, row->score);
}

/* A block of a row an epoch. */
static void add_model(figure_call *c, const model *m, extent *x)
{
    figure_block(c, "epoch, training loss, validation loss, loss of the best epoch, "
                    "metric monitored, that of the best epoch");
    for (int64_t i = 0; i < m->epoch_count; i++) {
        const epoch_row *row = &m->epochs[i];
        double best = isfinite(row->val_loss) ? row->val_loss : row->train_loss;
        figure_number(c, (double)row->epoch);
        figure_number(c, row->train_loss);
        figure_number(c, row->val_loss);
        figure_number(c, row->best ? best : NAN);
        figure_number(c, row->metric[0] ? row->score : NAN);
        figure_number(c, row->metric[0] && row->best ? row->score : NAN);
        figure_end_row(c);
        extend_metric(x, row);
        extend(x, row->train_loss);
        extend(x, row->val_loss);
        x->validated |= isfinite(row->val_loss);
        x->epochs = row->epoch > x->epochs ? row->epoch : x->epochs;
    }
}

static status gather(figure_call *c, const option_value *names, extent *x, error *e)
{
    *x = (extent){.low = INFINITY,
                  .high = -INFINITY,
                  .least = INFINITY,
                  .most = -INFINITY,
                  .positive = true};
    for (int64_t i = 0; i < names->count; i++) {
        const model *m = session_get_model(c->session, names->items[i], e);
        if (!m)
            return e->code;
        if (m->epoch_count == 0) {
            fail(e, E_USAGE, "'%s' has no epochs, it was not trained", names->items[i]);
            return fail_hint(e, "train it first: train %s DATA", names->items[i]);
        }
        add_model(c, m, x);
    }
    if (!(x->low <= x->high))
        return fail(e, E_NUMERIC, "no loss is finite");
    return E_OK;
}

enum { NAME_COLUMNS = 40 };

static void add_title(figure_call *c, const char *words)
{
    text_add(c->script, " title ");
    figure_string(c, words, NAME_COLUMNS);
}

static void add_curve(figure_call *c, int k, bool validation, int64_t every)
{
    text_addf(c->script,
              "DATA index %d using 1:%d with linespoints linecolor rgb '%s' dashtype %d "
              "linewidth %g pointtype %d pointsize %g pointinterval %d",
              k, validation ? 3 : 2, style_colour(k), validation ? 1 : 2,
              validation ? 1.4 : 1, validation ? style_marker(k) : style_open_marker(k),
              validation ? 0.5 : 0.45, (int)every);
}

/* Of each model training and validation.  The key of one model says which line is which;
   of several it has a line for each name, and says once what is dashed. */
static void add_curves(figure_call *c, const option_value *names, const extent *x)
{
    int64_t every = (x->epochs + 19) / 20;
    bool several = names->count > 1;
    for (int k = 0; k < (int)names->count; k++) {
        text_add(c->script, k == 0 ? "plot " : ", \\\n     ");
        add_curve(c, k, false, every);
        if (!several)
            add_title(c, "training");
        else if (!x->validated)
            add_title(c, names->items[k]);
        else
            text_add(c->script, " notitle");
        if (!x->validated)
            continue;
        text_add(c->script, ", \\\n     ");
        add_curve(c, k, true, every);
        add_title(c, several ? names->items[k] : "validation");
    }
    if (several && x->validated) {
        text_addf(c->script,
                  ", \\\n     NaN with linespoints linecolor rgb '#666666' dashtype 2 "
                  "linewidth 1 pointtype %d pointsize 0.45",
                  style_open_marker(0));
        add_title(c, "dashed: training");
    }
}

static void add_lines(figure_call *c, const option_value *names, const extent *x)
{
    add_curves(c, names, x);
    for (int k = 0; k < (int)names->count; k++) {
        text_addf(
            c->script,
            ", \\\n     DATA index %d using 1:4 with points linecolor rgb '#000000' "
            "linewidth 1 pointtype 6 pointsize 1.3",
            k);
        if (k == 0)
            add_title(c, "best epoch");
        else
            text_add(c->script, " notitle");
    }
    text_add(c->script, "\n");
}

static int title_columns(const option_value *names)
{
    int columns = names->count > 1 ? 16 : 10;
    for (int64_t i = 0; names->count > 1 && i < names->count; i++) {
        int wide = text_columns(names->items[i]) + 1;
        columns = wide > columns ? wide : columns;
    }
    return columns < NAME_COLUMNS ? columns : NAME_COLUMNS;
}

/* Of each model the metric by epoch, without an entry in the key: colours and markers are
   those of the validation loss. */
static void add_metric_lines(figure_call *c, int64_t models, const extent *x)
{
    int64_t every = (x->epochs + 19) / 20;
    for (int i = 0; i < (int)models; i++)
        text_addf(
            c->script,
            "%sDATA index %d using 1:5 with linespoints linecolor rgb '%s' dashtype "
            "1 linewidth 1.4 pointtype %d pointsize 0.5 pointinterval %d notitle, "
            "\\\n     DATA index %d using 1:6 with points linecolor rgb '#000000' "
            "linewidth 1 pointtype 6 pointsize 1.3 notitle",
            i ? ", \\\n     " : "plot ", i, style_colour(i), style_marker(i), (int)every,
            i);
    text_add(c->script, "\n");
}

/* Where a panel stands on the page. */
typedef struct place {
    double left, top, width, height;
} place;

static void set_axes(figure_call *c, const place *p, const extent *x, const style_axis *y)
{
    double first = 1, last = (double)x->epochs;
    style_widen(&first, &last, 0.03, false);
    style_panel(c, p->left, p->top, p->width, p->height);
    style_axis_set(c, &(style_axis){.letter = 'x',
                                    .low = first,
                                    .high = last,
                                    .integer = true,
                                    .length_mm = p->width,
                                    .label = "epoch"});
    style_axis_set(c, y);
}

static void draw_losses(figure_call *c, const option_value *names, const place *p,
                        extent *x)
{
    style_widen(&x->low, &x->high, 0.06, x->positive);
    set_axes(c, p, x,
             &(style_axis){.letter = 'y',
                           .low = x->low,
                           .high = x->high,
                           .logarithmic = x->positive,
                           .length_mm = p->height,
                           .label = "loss"});
    add_lines(c, names, x);
}

static void draw_metric(figure_call *c, int64_t models, const place *p, extent *x)
{
    style_widen(&x->least, &x->most, 0.06, false);
    set_axes(c, p, x,
             &(style_axis){.letter = 'y',
                           .low = x->least,
                           .high = x->most,
                           .length_mm = p->height,
                           .label = x->metric ? x->metric : "metric"});
    add_metric_lines(c, models, x);
}

static status draw(figure_call *c, error *e)
{
    const option_value *names = option_get(c->options, "models");
    extent x;
    TRY(gather(c, names, &x, e));
    const double left = 18, right = 4, bottom = 11;
    double width = c->width_mm - left - right;
    int64_t entries = names->count > 1 ? names->count + 1 + x.validated : 2 + x.validated;
    int columns = title_columns(names);
    double key = style_key_height(c, entries, columns, width);
    if (c->height_mm <= 0)
        c->height_mm = (is_monitored(&x) ? 96 : 76) + key;
    double top = (c->medium == MEDIUM_TEXT ? 8 : 3) + key;
    style_key(c, entries, columns, left, 2, width);
    place p = {left, top, width, c->height_mm - top - bottom};
    if (!is_monitored(&x)) {
        draw_losses(c, names, &p, &x);
        return E_OK;
    }
    const double between = bottom + (c->medium == MEDIUM_TEXT ? 8 : 4);
    p.height = (p.height - between) / 2;
    text_add(c->script, "set multiplot\n");
    draw_losses(c, names, &p, &x);
    p.top += p.height + between;
    draw_metric(c, names->count, &p, &x);
    text_add(c->script, "unset multiplot\n");
    return E_OK;
}

const figure_row figure_training = {
    .name = "training",
    .summary =
        "loss over epochs of one or several models, the best epoch marked, and the "
        "metric monitored",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot training m > training.svg",
    .width_mm = 120,
    .draw = draw,
};
