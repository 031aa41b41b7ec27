/* SPDX-License-Identifier: GPL-3.0-or-later
   view.c -- loads one sample, runs a model on it, and cuts planes out of it.  It lays out
   no page. */
#include "plots/view.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "measure/evaluate.h"

static status check_shape(const dataset *d, shape s, const char *what, error *e)
{
    char words[128];
    if (d->class_count > 0 || (s.rank != 3 && s.rank != 4))
        return fail(e, E_SHAPE, "the %s is %s, wanted an image or a block", what,
                    d->class_count > 0 ? "a class" : shape_text(words, s));
    return E_OK;
}

/* The output in the numbers of the dataset. */
static status load_output(const model *m, const dataset *d, int64_t number, view *v,
                          error *e)
{
    char found[128], wanted[128];
    tensor *all = predict(m, d, &number, 1, e);
    if (!all)
        return e->code;
    shape s = tensor_shape(all);
    for (int i = 1; i < s.rank; i++)
        s.dim[i - 1] = s.dim[i];
    s.rank--;
    int64_t n = shape_count(v->shape), channels = v->shape.dim[v->shape.rank - 1];
    status result = E_OK;
    if (!shape_equal(s, v->shape))
        result = fail(e, E_SHAPE, "the model answers with %s, the target is %s",
                      shape_text(found, s), shape_text(wanted, v->shape));
    else if (!(v->output = memory_new(n, sizeof *v->output, e)))
        result = E_MEMORY;
    else {
        memcpy(v->output, tensor_f32(all), (size_t)n * sizeof *v->output);
        const transform *t = &m->input_transform;
        if (v->reproduced)
            transform_invert(t, v->output, n / channels, channels,
                             transform_side(t, v->target, n / channels, channels));
    }
    tensor_free(all);
    return result;
}

status view_load(const model *m, const dataset *d, int64_t number, view *v, error *e)
{
    *v = (view){0};
    if (!d->target)
        return fail(e, E_SHAPE, "the data have no target");
    transform size = {0};
    if (m) {
        size.height = m->input_transform.height;
        size.width = m->input_transform.width;
    }
    v->input_shape = batch_input_shape(d, &size);
    v->shape = batch_target_shape(d, &size);
    v->reproduced = dataset_is_reproduced(d);
    TRY(check_shape(d, v->shape, "target", e));
    TRY(check_shape(d, v->input_shape, "input", e));
    int64_t n = shape_count(v->shape);
    v->input = memory_new(shape_count(v->input_shape), sizeof *v->input, e);
    v->target = memory_new(n, sizeof *v->target, e);
    if (d->mask)
        v->valid = memory_new(n, sizeof *v->valid, e);
    if (!v->input || !v->target || (d->mask && !v->valid))
        return E_MEMORY;
    TRY(dataset_batch(d, &size, &number, 1, v->input, v->target, v->valid, e));
    return m ? load_output(m, d, number, v, e) : E_OK;
}

void view_clear(view *v)
{
    memory_free(v->input);
    memory_free(v->target);
    memory_free(v->valid);
    memory_free(v->output);
    *v = (view){0};
}

double view_error(const view *v)
{
    double sum = 0, count = 0;
    for (int64_t i = 0; v->output && i < shape_count(v->shape); i++) {
        double valid = v->valid ? (double)v->valid[i] : 1;
        double error = (double)v->output[i] - (double)v->target[i];
        sum += valid != 0 ? error * error : 0;
        count += valid != 0;
    }
    return count > 0 ? sqrt(sum / count) : NAN;
}

/* ---- cuts ---- */

static shape shape_of_part(const view *v, view_part part)
{
    return part == VIEW_INPUT ? v->input_shape : v->shape;
}

int64_t view_cuts(const view *v, int axis)
{
    return v->shape.rank == 4 ? v->shape.dim[axis] : 1;
}

/* Height and width of a cut, and the element of its pixel (0, 0) and the steps to the next
   one down and right, channels counted. */
typedef struct plane {
    int64_t height, width, first, down, right, channels;
} plane;

static plane plane_of(shape s, const view_cut *cut)
{
    const int64_t *d = s.dim;
    if (s.rank == 3)
        return (plane){d[0], d[1], 0, d[1] * d[2], d[2], d[2]};
    int64_t step[3] = {d[1] * d[2] * d[3], d[2] * d[3], d[3]};
    int down = cut->axis == 0 ? 1 : 0, right = cut->axis == 2 ? 1 : 2;
    int64_t at = cut->at < d[cut->axis] ? cut->at : d[cut->axis] - 1;
    return (plane){d[down],    d[right],    at * step[cut->axis],
                   step[down], step[right], d[3]};
}

/* Element AT of the part, NaN where it does not count. */
static double element(const view *v, view_part part, int64_t at)
{
    if (part == VIEW_INPUT)
        return (double)v->input[at];
    if (v->valid && v->valid[at] == 0)
        return NAN;
    if (part == VIEW_TARGET)
        return (double)v->target[at];
    return (double)v->output[at] - (part == VIEW_ERROR ? (double)v->target[at] : 0);
}

static sheet_kind kind_of(const view *v, view_part part, int64_t channels)
{
    bool bayer = part == VIEW_INPUT && channels == 4 && !v->reproduced;
    if (part == VIEW_ERROR)
        return SHEET_ERROR;
    if (channels == 3 || bayer)
        return SHEET_COLOUR;
    if (part == VIEW_INPUT && !v->reproduced)
        return SHEET_INPUT;
    return channels == 2 ? SHEET_FIELD : SHEET_VALUE;
}

/* Red, green and blue of a pixel; a packed Bayer frame has red, green, blue, green. */
static void put_colour(const view *v, view_part part, int64_t at, int64_t channels,
                       double scale, float rgb[3])
{
    for (int k = 0; k < 3; k++) {
        double value = element(v, part, at + k);
        if (channels == 4 && k == 1)
            value = 0.5 * (value + element(v, part, at + 3));
        rgb[k] = isfinite(value) ? (float)(value * scale) : 0.7f;
    }
}

static double number_of(const view *v, view_part part, int64_t at, int64_t channels,
                        int64_t channel)
{
    if (part != VIEW_ERROR || channels != 3)
        return element(v, part, at + (channel < channels ? channel : 0));
    return (element(v, part, at) + element(v, part, at + 1) + element(v, part, at + 2)) /
           3;
}

/* What a dark frame is multiplied by: its largest number becomes 1. */
static double brightening(const view *v, view_part part, int64_t channels)
{
    if (part != VIEW_INPUT || channels != 4)
        return 1;
    float most = 0;
    for (int64_t i = 0; i < shape_count(v->input_shape); i++)
        most = fmaxf(most, v->input[i]);
    return most > 0 ? 1 / (double)most : 1;
}

status view_add(const view *v, view_part part, const view_cut *cut, sheet *s, int column,
                int row, const char *title, error *e)
{
    plane from = plane_of(shape_of_part(v, part), cut);
    sheet_kind kind = kind_of(v, part, from.channels);
    sheet_image *p = sheet_add(s, kind, column, row, from.height, from.width, e);
    if (!p)
        return E_MEMORY;
    text_add(&p->title, title);
    p->follows = part == VIEW_OUTPUT;
    double scale = brightening(v, part, from.channels);
    for (int64_t i = 0; i < from.height * from.width; i++) {
        int64_t at =
            from.first + i / from.width * from.down + i % from.width * from.right;
        if (kind == SHEET_COLOUR)
            put_colour(v, part, at, from.channels, scale, p->values + 3 * i);
        else
            p->values[i] = (float)number_of(v, part, at, from.channels, cut->channel);
    }
    return text_ok(&p->title, e);
}

int64_t view_channels(const view *v)
{
    return v->shape.dim[v->shape.rank - 1];
}

status view_check_channel(const view *v, int64_t channel, error *e)
{
    if (channel < view_channels(v))
        return E_OK;
    return fail(e, E_RANGE, "channel=%lld: there are channels 0..%lld",
                (long long)channel, (long long)view_channels(v) - 1);
}
