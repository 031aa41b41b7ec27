/* SPDX-License-Identifier: GPL-3.0-or-later
   parameter_read.c -- one parameter out of a file, whatever form parameter_file.c gave it.
   It believes nothing that it has not checked, and writes nothing. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "format/field.h"
#include "format/model_parts.h"
#include "format/packing.h"
#include "format/parameter_parts.h"
#include "graph/coding.h"
#include "kernel/integer.h"

/* What is known of a parameter while its tensors are read; in the outside's layout. */
typedef struct reading {
    const safetensors *file;
    const char *prefix, *name;
    shape shape;
    int64_t count, kept; /* elements; elements in the file */
    mask_form form;
    tensor *mask, *elements;
    quantizer *quantizer;
    bool learned; /* scales that are trained: elements are f32, not codes */
} reading;

/* The quantizer of the elements, or NULL where they are f32. */
static const quantizer *coding_of(const reading *r)
{
    return r->learned ? NULL : r->quantizer;
}

static status get_zero_points(const reading *r, quantizer *q, error *e)
{
    tensor *t =
        safetensors_get(r->file, DTYPE_S32, e, "%s%s.zero_point", r->prefix, r->name);
    if (!t)
        return e ? e->code : E_FORMAT;
    const int32_t *zero = tensor_data(t);
    status s = tensor_count(t) == q->channels
                   ? E_OK
                   : fail(e, E_FORMAT,
                          "%s: its zero points are not as many as its scales", r->name);
    for (int64_t c = 0; c < q->channels && !s; c++) {
        q->zero_point[c] = zero[c];
        if (q->bits > 16 || zero[c] < integer_low(q->bits) ||
            zero[c] > integer_high(q->bits))
            s = fail(e, E_FORMAT, "%s: a zero point of %d is no code of %d bits", r->name,
                     zero[c], q->bits);
    }
    tensor_free(t);
    return s;
}

static status get_scales(const reading *r, const tensor *t, quantizer *q, error *e)
{
    const float *scale = tensor_data(t);
    for (int64_t c = 0; c < q->channels; c++) {
        if (!(scale[c] >= FLT_MIN && scale[c] <= FLT_MAX))
            return fail(e, E_FORMAT, "%s: a scale is %g, wanted a positive number",
                        r->name, (double)scale[c]);
        q->scale[c] = scale[c];
    }
    return E_OK;
}

/* Finite; training may have left it in any order. */
static status get_codebook(const reading *r, quantizer *q, error *e)
{
    if (q->bits > 8 || q->channels != 1)
        return fail(e, E_FORMAT, "%s: a codebook of %d bits and %lld scales", r->name,
                    q->bits, (long long)q->channels);
    tensor *t =
        safetensors_get(r->file, DTYPE_F32, e, "%s%s.codebook", r->prefix, r->name);
    if (!t)
        return e ? e->code : E_FORMAT;
    int64_t entries = INT64_C(1) << q->bits;
    status s = tensor_count(t) == entries
                   ? quantizer_add_codebook(q, e)
                   : fail(e, E_FORMAT, "%s: its codebook has %lld entries, wanted %lld",
                          r->name, (long long)tensor_count(t), (long long)entries);
    for (int64_t i = 0; i < entries && !s; i++) {
        q->codebook[i] = ((const float *)tensor_data(t))[i];
        if (!(fabsf(q->codebook[i]) <= FLT_MAX))
            s = fail(e, E_FORMAT, "%s: an entry of its codebook is not finite", r->name);
    }
    tensor_free(t);
    return s;
}

/* How many scales there must be: 1 or the channels, or where GROUP is not 0 the groups. */
static status check_scales(const reading *r, int64_t scales, int64_t group, error *e)
{
    int64_t rows = r->shape.dim[0], taps = r->count / rows;
    int64_t wanted = group > 0 ? rows * ((taps + group - 1) / group) : rows;
    if (scales == wanted || (scales == 1 && group == 0))
        return E_OK;
    return fail(e, E_FORMAT, "%s: %lld scales, wanted %s%lld", r->name, (long long)scales,
                group > 0 ? "" : "1 or ", (long long)wanted);
}

static status get_quantizer(reading *r, const json_t *object, error *e)
{
    json_t *fields;
    int64_t bits, group = 0;
    int grain;
    bool zero;
    if (!json_object_get(object, "quantizer"))
        return E_OK;
    TRY(field_object(object, "quantizer", &fields, e));
    TRY(field_integer(fields, "bits", 2, 32, &bits, e));
    TRY(field_word(fields, "granularity", parameter_grain_names, PER_GROUP + 1, &grain,
                   e));
    TRY(field_flag(fields, "zero_point", &zero, e));
    if (grain == PER_GROUP)
        TRY(field_integer(fields, "group", 1, INT32_MAX, &group, e));
    if (bits > 16 && bits < 32)
        return fail(e, E_FORMAT, "%s: codes of %d bits, wanted 2 to 16, or 32", r->name,
                    (int)bits);
    tensor *t = safetensors_get(r->file, DTYPE_F32, e, "%s%s.scale", r->prefix, r->name);
    if (!t)
        return e ? e->code : E_FORMAT;
    status s = check_scales(r, tensor_count(t), group, e);
    if (!s) {
        r->quantizer = quantizer_new((int)bits, (granularity)grain, tensor_count(t), e);
        s = r->quantizer ? get_scales(r, t, r->quantizer, e) : E_MEMORY;
    }
    tensor_free(t);
    TRY(s);
    r->quantizer->group = group;
    if (zero && group > 0)
        return fail(e, E_FORMAT, "%s: groups with zero points", r->name);
    r->learned = json_is_true(json_object_get(fields, "learned"));
    if (r->learned && (zero || group > 0 || bits > 8))
        return fail(e, E_FORMAT, "%s: scales that are trained, of %d bits%s", r->name,
                    (int)bits,
                    zero        ? " and zero points"
                    : group > 0 ? " and groups"
                                : "");
    if (json_is_true(json_object_get(fields, "codebook")))
        TRY(get_codebook(r, r->quantizer, e));
    return zero ? get_zero_points(r, r->quantizer, e) : E_OK;
}

static status get_mask(reading *r, error *e)
{
    r->kept = r->count;
    if (r->form != MASK_PACKED && r->form != MASK_BITMAP)
        return E_OK;
    tensor *t = safetensors_get(r->file, DTYPE_U8, e, "%s%s.bitmap", r->prefix, r->name);
    if (!t)
        return e ? e->code : E_FORMAT;
    status s =
        tensor_count(t) == packing_bytes(r->count, 1)
            ? E_OK
            : fail(e, E_FORMAT, "%s: its bitmap has %lld bytes, wanted %lld", r->name,
                   (long long)tensor_count(t), (long long)packing_bytes(r->count, 1));
    if (!s)
        r->mask = tensor_new(DTYPE_U8, r->shape, e);
    uint8_t *mask = r->mask ? tensor_write(r->mask, e) : NULL;
    if (mask) {
        int64_t kept = packing_unbitmap(tensor_data(t), r->count, mask);
        if (kept < 0)
            s = fail(e, E_FORMAT, "%s: its bitmap goes on behind its end", r->name);
        else if (r->form == MASK_PACKED)
            r->kept = kept;
    }
    tensor_free(t);
    return s || mask ? s : E_MEMORY;
}

static dtype type_of_codes(int bits)
{
    return bits == 32 ? DTYPE_S32 : bits > 8 ? DTYPE_S16 : DTYPE_S8;
}

/* The elements as they stand in the file: kept ones alone where packed. */
static tensor *get_stored(const reading *r, error *e)
{
    const quantizer *q = coding_of(r);
    bool packed = r->form == MASK_PACKED;
    const char *behind = packed ? ".values" : "";
    dtype type = q ? type_of_codes(q->bits) : DTYPE_F32;
    bool narrow = q && is_packed(q->bits);
    char found[128], wanted[128];
    shape s = packed ? shape_of(1, r->kept) : r->shape, stored = s;
    if (narrow)
        stored = shape_of(1, packing_bytes(r->kept, q->bits));
    tensor *t = safetensors_get(r->file, narrow ? DTYPE_U8 : type, e, "%s%s%s", r->prefix,
                                r->name, behind);
    if (!t)
        return NULL;
    if (!shape_equal(tensor_shape(t), stored)) {
        fail(e, E_FORMAT, "%s%s: it is %s, wanted %s", r->name, behind,
             shape_text(found, tensor_shape(t)), shape_text(wanted, stored));
        tensor_free(t);
        return NULL;
    }
    if (!narrow)
        return t;
    tensor *codes = tensor_new(type, s, e);
    void *to = codes ? tensor_write(codes, e) : NULL;
    if (to)
        packing_uncodes(tensor_data(t), r->kept, q->bits, to, dtype_size(type));
    tensor_free(t);
    return codes;
}

/* Kept elements at their places, and what reads as 0 at the others. */
static status spread(reading *r, const tensor *stored, error *e)
{
    dtype type = tensor_dtype(stored);
    size_t size = dtype_size(type);
    r->elements = tensor_new(type, r->shape, e);
    char *to = r->elements ? tensor_write(r->elements, e) : NULL;
    if (!to)
        return E_MEMORY;
    const quantizer *q = coding_of(r);
    const char *from = tensor_data(stored);
    const uint8_t *mask = tensor_data(r->mask);
    int64_t rows = r->shape.dim[0], taps = r->count / rows;
    for (int64_t c = 0; c < rows; c++) {
        int32_t zero = q ? q->zero_point[q->channels == rows ? c : 0] : 0;
        int8_t code = (int8_t)zero;
        int16_t wide = (int16_t)zero;
        float real = 0.0f;
        const void *rest = type == DTYPE_S8    ? (const void *)&code
                           : type == DTYPE_S16 ? (const void *)&wide
                           : type == DTYPE_S32 ? (const void *)&zero
                                               : (const void *)&real;
        int64_t taken = packing_unkept(from, size, mask + c * taps, taps, rest,
                                       to + (size_t)(c * taps) * size);
        from += (size_t)taken * size;
    }
    return E_OK;
}

static status get_elements(reading *r, error *e)
{
    tensor *stored = get_stored(r, e);
    if (!stored)
        return e ? e->code : E_FORMAT;
    if (r->form != MASK_PACKED) {
        r->elements = stored;
        return E_OK;
    }
    status s = spread(r, stored, e);
    tensor_free(stored);
    return s;
}

/* The mask of what is not 0, where the file says so; else what is masked must be 0. */
static status settle_mask(parameter *p, mask_form form, error *e)
{
    if (form == MASK_NONZERO) {
        p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), e);
        uint8_t *mask = p->mask ? tensor_write(p->mask, e) : NULL;
        if (!mask)
            return E_MEMORY;
        for (int64_t i = 0; i < tensor_count(p->data); i++)
            mask[i] = tensor_f32(p->data)[i] != 0.0f;
    }
    if (p->mask && !parameter_look_at_mask(p).obeyed)
        return fail(e, E_FORMAT, "%s: a masked element is not 0", p->name);
    return E_OK;
}

/* From the outside's layout to lathe's, and from codes to real numbers. */
static status settle(reading *r, parameter *p, error *e)
{
    tensor *elements = tensor_from_outside(r->elements, e);
    if (!elements)
        return E_MEMORY;
    const quantizer *q = coding_of(r);
    p->data = q ? quantizer_decode(q, elements, e) : elements;
    p->codes = q ? elements : NULL;
    p->quantizer = r->quantizer;
    r->quantizer = NULL;
    p->mask = r->mask ? tensor_from_outside(r->mask, e) : NULL;
    if (!p->data || (r->mask && !p->mask))
        return E_MEMORY;
    return settle_mask(p, r->form, e);
}

static status share_twin(const parameter *twin, parameter *p, error *e)
{
    if (!twin || strcmp(twin->name, p->name) || twin->quantizer)
        return fail(e, E_FORMAT, "%s: it shares the data of another that is not there",
                    p->name);
    p->data = tensor_share(twin->data, e);
    p->mask = twin->mask ? tensor_share(twin->mask, e) : NULL;
    return p->data && (p->mask || !twin->mask) ? E_OK : E_MEMORY;
}

status parameter_get(const safetensors *f, const json_t *object, const parameter *twin,
                     const char *prefix, parameter *p, error *e)
{
    reading r = {.file = f, .prefix = prefix, .name = p->name};
    int form;
    if (json_is_true(json_object_get(object, "twin")))
        return share_twin(twin, p, e);
    TRY(field_shape(object, "shape", &r.shape, e));
    TRY(field_word(object, "mask", parameter_mask_names, MASK_COUNT, &form, e));
    r.form = (mask_form)form;
    r.count = shape_count(r.shape);
    if (r.count < 0)
        return fail(e, E_FORMAT, "%s: its shape is beyond any file", p->name);
    status s = get_quantizer(&r, object, e);
    if (!s)
        s = get_mask(&r, e);
    if (!s)
        s = get_elements(&r, e);
    if (!s)
        s = settle(&r, p, e);
    quantizer_free(r.quantizer);
    tensor_free(r.mask);
    tensor_free(r.elements);
    return s;
}
