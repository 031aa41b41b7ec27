/* SPDX-License-Identifier: GPL-3.0-or-later
   sample.c -- finds and loads the samples that figures show.  It draws nothing and keeps
   no more than is asked for at once. */
#include <string.h>
#include "base/memory.h"
#include "measure/evaluate.h"
#include "plots/sample.h"

static status check_dataset(sample_view *v, const char *name, error *e)
{
    char found[128];
    shape input = dataset_input_shape(v->data);
    if (!v->data->target)
        return fail(e, E_SHAPE, "'%s' has no target, wanted a phase gradient", name);
    if (tensor_dtype(v->data->input) != DTYPE_F32)
        return fail(e, E_SHAPE, "the input of '%s' is of bytes, wanted a density", name);
    shape target = dataset_target_shape(v->data);
    if (target.rank != 3 || target.dim[2] != 2 || input.rank != 3)
        return fail(e, E_SHAPE,
                    "the target of '%s' is %s, wanted HxWx2, a phase gradient", name,
                    shape_text(found, target));
    if (input.dim[0] != target.dim[0] || input.dim[1] != target.dim[1])
        return fail(e, E_SHAPE, "the input of '%s' is %s, not of its target's size", name,
                    shape_text(found, input));
    v->height = target.dim[0];
    v->width = target.dim[1];
    v->input_channels = input.dim[2];
    v->mask_channels = v->data->mask ? tensor_shape(v->data->mask).dim[3] : 0;
    return E_OK;
}

status sample_open(const figure_call *c, const option_value *names, sample_view *v,
                   error *e)
{
    *v = (sample_view){0};
    if (names->count > 2)
        return fail(e, E_USAGE, "%lld names, wanted [MODEL] DATA",
                    (long long)names->count);
    const char *data = names->items[names->count - 1];
    if (names->count == 2) {
        v->model = session_get_model(c->session, names->items[0], e);
        if (!v->model)
            return e->code;
    } else if (session_kind(c->session, data) == OBJECT_MODEL) {
        return fail(e, E_USAGE, "'%s' is a model; the data are missing: MODEL DATA",
                    data);
    }
    v->data = session_get_dataset(c->session, data, e);
    return v->data ? check_dataset(v, data, e) : e->code;
}

static void forget(sample_view *v)
{
    memory_free(v->index);
    tensor_free(v->predicted);
    v->index = NULL;
    v->predicted = NULL;
    v->count = 0;
}

void sample_close(sample_view *v)
{
    forget(v);
    *v = (sample_view){0};
}

void sample_look(sample_view *v, int64_t loaded)
{
    int64_t pixels = v->height * v->width, at = v->index[loaded];
    v->input = tensor_f32(v->data->input) + at * pixels * v->input_channels;
    v->target = tensor_f32(v->data->target) + at * pixels * 2;
    v->output = v->predicted ? tensor_f32(v->predicted) + loaded * pixels * 2 : NULL;
    v->mask = NULL;
    if (v->data->mask)
        v->mask =
            (const uint8_t *)tensor_data(v->data->mask) + at * pixels * v->mask_channels;
}

status sample_load(sample_view *v, const int64_t *index, int64_t n, error *e)
{
    forget(v);
    v->index = memory_new(n, sizeof *v->index, e);
    if (!v->index)
        return E_MEMORY;
    memcpy(v->index, index, (size_t)n * sizeof *index);
    v->count = n;
    if (v->model) {
        char found[128];
        v->predicted = predict(v->model, v->data, index, n, e);
        if (!v->predicted)
            return e->code;
        shape s = tensor_shape(v->predicted);
        if (s.rank != 4 || s.dim[1] != v->height || s.dim[2] != v->width || s.dim[3] != 2)
            return fail(e, E_SHAPE, "the model answers with %s, wanted a phase gradient",
                        shape_text(found, s));
    }
    sample_look(v, 0);
    return E_OK;
}

status sample_number(const figure_call *c, const dataset *d, int64_t wanted,
                     int64_t *number, error *e)
{
    split_kind split = split_find(option_words(c->options, "split"));
    int64_t count = 0, *index = NULL;
    TRY(dataset_split_index(d, split, &index, &count, e));
    status result = E_OK;
    if (wanted < count)
        *number = index[wanted];
    else if (count == 0) {
        result = fail(e, E_RANGE, "there are no samples in split %s", split_name(split));
        fail_hint(e, "divide the data with 'split', or say split=all");
    } else
        result = fail(e, E_RANGE, "index=%lld: the split %s has samples 0..%lld",
                      (long long)wanted, split_name(split), (long long)count - 1);
    memory_free(index);
    return result;
}

bool sample_invalid(const sample_view *v, int64_t pixel, int64_t component)
{
    if (!v->mask)
        return false;
    return v->mask[pixel * v->mask_channels + (v->mask_channels > 1 ? component : 0)] !=
           0;
}
