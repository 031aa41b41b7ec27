/* SPDX-License-Identifier: GPL-3.0-or-later
   picture_resize.c -- pictures of whole numbers in another size.  How is resample.c's
   business; here they become numbers and whole ones again. */
#include "data/picture.h"

#include <math.h>
#include "base/memory.h"
#include "data/resample.h"

/* Row I of TO, rounded. */
static void put_row(const double *row, int64_t count, int64_t i, dtype type, void *to)
{
    const double most = type == DTYPE_U16 ? 65535 : 255;
    for (int64_t j = 0; j < count; j++) {
        const double whole = fmin(fmax(rint(row[j]), 0), most);
        if (type == DTYPE_U16)
            ((uint16_t *)to)[i * count + j] = (uint16_t)whole;
        else
            ((uint8_t *)to)[i * count + j] = (uint8_t)whole;
    }
}

static status resize_into(const tensor *t, tensor *out, const resampler *r, error *e)
{
    const int64_t height = tensor_shape(out).dim[0], row = tensor_count(out) / height;
    void *to = tensor_write(out, e);
    float *from = to ? memory_new_raw(tensor_count(t), sizeof *from, e) : NULL;
    double *scratch = from ? memory_new_raw(resampler_room(r), sizeof *scratch, e) : NULL;
    if (scratch) {
        dtype_to_f32(tensor_dtype(t), tensor_data(t), tensor_count(t), from);
        resampler_begin(r, from, scratch);
        for (int64_t i = 0; i < height; i++)
            put_row(resampler_row(r, i, scratch), row, i, tensor_dtype(t), to);
    }
    memory_free(scratch);
    memory_free(from);
    return scratch ? E_OK : E_MEMORY;
}

tensor *picture_resize(const tensor *t, int64_t height, int64_t width, error *e)
{
    resampler r;
    const shape s = tensor_shape(t);
    tensor *out = tensor_new(tensor_dtype(t), shape_of(3, height, width, s.dim[2]), e);
    if (!out || resampler_make(&r, s.dim[0], s.dim[1], height, width, s.dim[2], e)) {
        tensor_free(out);
        return NULL;
    }
    const status result = resize_into(t, out, &r, e);
    resampler_clear(&r);
    if (result == E_OK)
        return out;
    tensor_free(out);
    return NULL;
}
