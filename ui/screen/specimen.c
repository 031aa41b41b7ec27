/* SPDX-License-Identifier: GPL-3.0-or-later
   specimen.c -- runs a model on one sample, and brings what comes of it to brightness or
   to probabilities.  It draws nothing and changes no name. */
#include "ui/screen/specimen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "measure/evaluate.h"
#include "plots/view.h"

void specimen_free(specimen *p)
{
    for (int i = 0; p && i < p->image_count; i++)
        memory_free(p->images[i].values);
    memory_free(p);
}

/* ---- images ---- */

static void find_range(const sheet_image *p, double *low, double *high)
{
    for (int64_t i = 0; i < p->height * p->width; i++) {
        const double x = sheet_pixel(p, i);
        if (!isfinite(x))
            continue;
        *low = fmin(*low, x);
        *high = fmax(*high, x);
    }
}

static status add_image(specimen *s, const sheet_image *p, const char *title, double low,
                        double high, error *e)
{
    const int64_t pixels = p->height * p->width;
    specimen_image *image = &s->images[s->image_count];
    image->values = memory_new(pixels, sizeof *image->values, e);
    if (!image->values)
        return E_MEMORY;
    s->image_count++;
    image->title = title;
    image->height = p->height;
    image->width = p->width;
    for (int64_t i = 0; i < pixels; i++) {
        /* Errors are shown by their size. */
        const double x =
            p->kind == SHEET_ERROR ? fabs(sheet_pixel(p, i)) : sheet_pixel(p, i);
        image->values[i] =
            isfinite(x) ? (float)(high > low ? (x - low) / (high - low) : 0.5) : NAN;
    }
    return E_OK;
}

/* The parts of V one by one: what was wanted and what came share their range; 0 is dark in
   errors, and the largest is bright. */
static status add_parts(specimen *s, const view *v, error *e)
{
    static const struct {
        view_part part;
        const char *title;
    } parts[] = {{VIEW_INPUT, "input"},
                 {VIEW_TARGET, "wanted"},
                 {VIEW_OUTPUT, "predicted"},
                 {VIEW_ERROR, "error"}};
    const view_cut middle = {0, view_cuts(v, 0) / 2, 0};
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < SPECIMEN_IMAGES; i++) {
        sheet one = {0};
        if (v->reproduced && parts[i].part == VIEW_INPUT)
            continue; /* it is what is wanted */
        status done = view_add(v, parts[i].part, &middle, &one, 0, 0, "", e);
        if (done == E_OK && parts[i].part != VIEW_OUTPUT) {
            low = INFINITY;
            high = -INFINITY;
            find_range(&one.images[0], &low, &high);
        }
        if (done == E_OK && parts[i].part == VIEW_ERROR) {
            high = fmax(fabs(low), fabs(high));
            low = 0;
        }
        if (done == E_OK)
            done = add_image(s, &one.images[0], parts[i].title, low, high, e);
        sheet_clear(&one);
        TRY(done);
    }
    return E_OK;
}

static status show_images(specimen *s, const model *m, const dataset *d, int64_t number,
                          error *e)
{
    view v;
    status done = view_load(m, d, number, &v, e);
    if (done == E_OK) {
        s->error = view_error(&v);
        done = add_parts(s, &v, e);
    }
    view_clear(&v);
    return done;
}

/* ---- classes ---- */

/* Probabilities of what came out: that itself where it is some, its exponentials where
   these are (log-softmax), else its softmax. */
static void to_shares(double *x, int64_t n)
{
    double sum = 0, least = INFINITY, most = -INFINITY, exponentials = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i];
        least = fmin(least, x[i]);
        most = fmax(most, x[i]);
        exponentials += exp(x[i]);
    }
    if (least >= 0 && fabs(sum - 1) < 1e-3)
        return;
    if (fabs(exponentials - 1) < 1e-3)
        most = 0;
    sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] = exp(x[i] - most);
    for (int64_t i = 0; i < n; i++)
        x[i] /= sum;
}

static void put_class(specimen *s, const dataset *d, int64_t label, double share,
                      int64_t truth)
{
    const char *name = dataset_class_name(d, label);
    specimen_class *c = &s->classes[s->class_count++];
    if (name)
        snprintf(c->name, sizeof c->name, "%s", name);
    else
        snprintf(c->name, sizeof c->name, "class %lld", (long long)label);
    c->share = share;
    c->true_one = label == truth;
}

static void put_classes(specimen *s, const dataset *d, double *shares, int64_t n,
                        int64_t truth)
{
    const int most = SPECIMEN_CLASSES - 1;
    const double own = truth >= 0 && truth < n ? shares[truth] : NAN;
    bool met = false;
    for (int k = 0; k < most && k < n; k++) {
        int64_t best = 0;
        for (int64_t i = 1; i < n; i++)
            best = shares[i] > shares[best] ? i : best;
        put_class(s, d, best, shares[best], truth);
        met |= best == truth;
        shares[best] = -1;
    }
    if (!met && isfinite(own))
        put_class(s, d, truth, own, truth);
}

/* The first image of the input (a block: its middle), in one brightness. */
static status show_input(specimen *s, const model *m, const dataset *d, int64_t number,
                         error *e)
{
    double low = INFINITY, high = -INFINITY;
    view v = {.input_shape = batch_input_shape(d, &m->input_transform)};
    const transform size = {.height = m->input_transform.height,
                            .width = m->input_transform.width};
    if (v.input_shape.rank != 3)
        return E_OK; /* numbers alone */
    sheet one = {0};
    v.shape = v.input_shape;
    v.input = memory_new(shape_count(v.input_shape), sizeof *v.input, e);
    status done =
        v.input ? dataset_batch(d, &size, &number, 1, v.input, NULL, NULL, e) : E_MEMORY;
    if (done == E_OK)
        done = view_add(&v, VIEW_INPUT, &(view_cut){0}, &one, 0, 0, "", e);
    if (done == E_OK) {
        find_range(&one.images[0], &low, &high);
        done = add_image(s, &one.images[0], "input", low, high, e);
    }
    sheet_clear(&one);
    view_clear(&v);
    return done;
}

static status show_classes(specimen *s, const model *m, const dataset *d, int64_t number,
                           error *e)
{
    tensor *y = predict(m, d, &number, 1, e);
    if (!y)
        return e->code;
    const int64_t n = tensor_count(y);
    double *shares = memory_new(n, sizeof *shares, e);
    for (int64_t i = 0; shares && i < n; i++)
        shares[i] = (double)tensor_f32(y)[i];
    tensor_free(y);
    if (!shares)
        return E_MEMORY;
    const int64_t truth = d->target ? (int64_t)tensor_f32(d->target)[number] : -1;
    to_shares(shares, n);
    put_classes(s, d, shares, n, truth);
    memory_free(shares);
    return show_input(s, m, d, number, e);
}

/* ---- all ---- */

/* The sample's number in D. */
static status choose(specimen *s, const dataset *d, int64_t *number, error *e)
{
    const bool test = dataset_split_count(d, SPLIT_TEST) > 0;
    const split_kind split = test ? SPLIT_TEST : SPLIT_ALL;
    int64_t *index = NULL;
    TRY(dataset_split_index(d, split, &index, &s->count, e));
    s->split = split_name(split);
    s->number = (s->turn % s->count + s->count) % s->count;
    *number = index[s->number];
    memory_free(index);
    return E_OK;
}

static status fill(specimen *s, const session *from, const char *model_name,
                   const char *data_name, error *e)
{
    int64_t number;
    const model *m = session_get_model(from, model_name, e);
    const dataset *d = m ? session_get_dataset(from, data_name, e) : NULL;
    if (!d)
        return e->code;
    s->model = session_serial(from, model_name);
    s->data = session_serial(from, data_name);
    TRY(choose(s, d, &number, e));
    return d->class_count > 0 ? show_classes(s, m, d, number, e)
                              : show_images(s, m, d, number, e);
}

specimen *specimen_make(const session *s, const char *model, const char *data,
                        int64_t turn)
{
    error e = {0};
    specimen *p = memory_new(1, sizeof *p, NULL);
    if (!p)
        return NULL;
    p->turn = turn;
    p->error = NAN;
    if (fill(p, s, model, data, &e) != E_OK)
        snprintf(p->problem, sizeof p->problem, "%.199s", e.text);
    return p;
}
