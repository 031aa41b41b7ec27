/* SPDX-License-Identifier: GPL-3.0-or-later
   parameter_file.c -- one parameter in a file: plain, packed by its mask, as codes, or
   both.  It chooses the smallest form that loads back to the same bits. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "format/field.h"
#include "format/model_parts.h"
#include "format/packing.h"
#include "graph/coding.h"
#include "kernel/integer.h"

/* How a mask is stored. */
typedef enum mask_form {
    MASK_NONE,    /* there is none */
    MASK_PACKED,  /* a bitmap, and the kept elements alone */
    MASK_NONZERO, /* all elements; kept are those that are not 0 */
    MASK_BITMAP,  /* a bitmap, and all elements */
    MASK_COUNT
} mask_form;

static const char *const mask_names[MASK_COUNT] = {"none", "packed", "nonzero", "bitmap"};
static const char *const grain_names[] = {[PER_MODEL] = "model",
                                          [PER_TENSOR] = "tensor",
                                          [PER_CHANNEL] = "channel",
                                          [PER_GROUP] = "group"};

tensor *tensor_to_outside(const tensor *t, error *e)
{
    int order[SHAPE_MAX], rank = tensor_shape(t).rank;
    tensor_order_to_outside(rank, order);
    return rank > 2 ? tensor_permute(t, order, e) : tensor_share(t, e);
}

tensor *tensor_from_outside(const tensor *t, error *e)
{
    int order[SHAPE_MAX], rank = tensor_shape(t).rank;
    tensor_order_from_outside(rank, order);
    return rank > 2 ? tensor_permute(t, order, e) : tensor_share(t, e);
}

static shape outside_shape(shape s)
{
    int order[SHAPE_MAX];
    shape out = {.rank = s.rank};
    tensor_order_to_outside(s.rank, order);
    for (int i = 0; i < s.rank; i++)
        out.dim[i] = s.dim[order[i]];
    return out;
}

/* ---- writing ---- */

static const tensor *elements_of(const parameter *p)
{
    return p->codes ? p->codes : p->data;
}

/* Bits of an element in the file. */
static int element_bits(const parameter *p)
{
    bool coded = p->codes && tensor_dtype(p->codes) != DTYPE_S32;
    return coded ? p->quantizer->bits : 8 * (int)dtype_size(tensor_dtype(elements_of(p)));
}

/* Do elements of so many bits stand side by side, not in whole numbers? */
static bool is_packed(int bits)
{
    return bits != 8 && bits != 16 && bits != 32;
}

static dtype type_of_codes(int bits)
{
    return bits == 32 ? DTYPE_S32 : bits > 8 ? DTYPE_S16 : DTYPE_S8;
}

typedef struct mask_facts {
    int64_t count, kept;
    bool obeyed;    /* all that is masked is 0 */
    bool derivable; /* and all that is kept is not */
} mask_facts;

static mask_facts look_at_mask(const parameter *p)
{
    const float *data = tensor_f32(p->data);
    const uint8_t *mask = tensor_data(p->mask);
    mask_facts m = {tensor_count(p->data), 0, true, true};
    for (int64_t i = 0; i < m.count; i++) {
        m.kept += mask[i] != 0;
        m.obeyed &= mask[i] || data[i] == 0.0f;
        m.derivable &= (mask[i] != 0) == (data[i] != 0.0f);
    }
    return m;
}

static status choose_form(const parameter *p, mask_form *form, int64_t *kept, error *e)
{
    *form = MASK_NONE;
    *kept = tensor_count(p->data);
    if (!p->mask)
        return E_OK;
    mask_facts m = look_at_mask(p);
    if (!m.obeyed)
        return fail(e, E_NUMERIC, "%s: a masked element is not 0", p->name);
    int bits = element_bits(p);
    int64_t bitmap = packing_bytes(m.count, 1);
    int64_t packed = bitmap + packing_bytes(m.kept, bits);
    int64_t plain = packing_bytes(m.count, bits) + (m.derivable ? 0 : bitmap);
    *form = packed < plain ? MASK_PACKED : m.derivable ? MASK_NONZERO : MASK_BITMAP;
    *kept = packed < plain ? m.kept : m.count;
    return E_OK;
}

static void put_codes(const parameter *p, const void *from, int64_t count, dtype type,
                      void *bytes)
{
    const int bits = element_bits(p);
    if (type == DTYPE_U8)
        packing_codes(from, bits > 8 ? 2 : 1, count, bits, bytes);
    else
        memcpy(bytes, from, (size_t)count * dtype_size(type));
}

/* Item->number says whether the kept elements alone are written. */
static status fill_elements(const safetensors_item *item, void *bytes, error *e)
{
    const parameter *p = item->source;
    tensor *x = tensor_to_outside(elements_of(p), e);
    tensor *mask = item->number ? tensor_to_outside(p->mask, e) : NULL;
    size_t size = dtype_size(tensor_dtype(elements_of(p)));
    int64_t count = tensor_count(p->data);
    void *kept = memory_new_raw(item->number ? count : 0, size, e);
    bool whole = x && kept && (mask || !item->number);
    if (whole && item->number) {
        count = packing_kept(tensor_data(x), size, tensor_data(mask), count, kept);
        put_codes(p, kept, count, item->type, bytes);
    } else if (whole) {
        put_codes(p, tensor_data(x), count, item->type, bytes);
    }
    memory_free(kept);
    tensor_free(mask);
    tensor_free(x);
    return whole ? E_OK : E_MEMORY;
}

static status fill_bitmap(const safetensors_item *item, void *bytes, error *e)
{
    const parameter *p = item->source;
    tensor *mask = tensor_to_outside(p->mask, e);
    if (!mask)
        return E_MEMORY;
    packing_bitmap(tensor_data(mask), tensor_count(mask), bytes);
    tensor_free(mask);
    return E_OK;
}

static status fill_scale(const safetensors_item *item, void *bytes, error *e)
{
    const parameter *p = item->source;
    (void)e;
    memcpy(bytes, p->quantizer->scale, (size_t)p->quantizer->channels * sizeof(float));
    return E_OK;
}

static status fill_zero_point(const safetensors_item *item, void *bytes, error *e)
{
    const parameter *p = item->source;
    (void)e;
    memcpy(bytes, p->quantizer->zero_point,
           (size_t)p->quantizer->channels * sizeof(int32_t));
    return E_OK;
}

static status fill_codebook(const safetensors_item *item, void *bytes, error *e)
{
    const parameter *p = item->source;
    (void)e;
    memcpy(bytes, p->quantizer->codebook,
           ((size_t)1 << p->quantizer->bits) * sizeof(float));
    return E_OK;
}

static bool has_zero_points(const quantizer *q)
{
    for (int64_t c = 0; c < q->channels; c++)
        if (q->zero_point[c])
            return true;
    return false;
}

static status put_quantizer(const parameter *p, const char *prefix, json_t *object,
                            safetensors_layout *l, error *e)
{
    const quantizer *q = p->quantizer;
    json_t *fields = field_put_object(object, "quantizer", e);
    if (!fields)
        return E_MEMORY;
    TRY(field_put(fields, "bits", json_integer(q->bits), e));
    TRY(field_put(fields, "granularity", json_string(grain_names[q->grain]), e));
    TRY(field_put(fields, "zero_point", json_boolean(has_zero_points(q)), e));
    if (!p->codes)
        TRY(field_put(fields, "learned", json_true(), e));
    if (q->group > 0)
        TRY(field_put(fields, "group", json_integer(q->group), e));
    safetensors_item item = {.type = DTYPE_F32,
                             .shape = shape_of(1, q->channels),
                             .fill = fill_scale,
                             .source = p};
    if (q->codebook) {
        safetensors_item book = item;
        book.shape = shape_of(1, INT64_C(1) << q->bits);
        book.fill = fill_codebook;
        TRY(field_put(fields, "codebook", json_true(), e));
        TRY(safetensors_add(l, book, e, "%s%s.codebook", prefix, p->name));
    }
    TRY(safetensors_add(l, item, e, "%s%s.scale", prefix, p->name));
    item.type = DTYPE_S32;
    item.fill = fill_zero_point;
    return has_zero_points(q)
               ? safetensors_add(l, item, e, "%s%s.zero_point", prefix, p->name)
               : E_OK;
}

static status put_elements(const parameter *p, mask_form form, int64_t kept,
                           const char *prefix, safetensors_layout *l, error *e)
{
    bool packed = form == MASK_PACKED;
    int bits = element_bits(p);
    safetensors_item item = {.fill = fill_elements, .source = p, .number = packed};
    item.type = is_packed(bits) ? DTYPE_U8 : tensor_dtype(elements_of(p));
    item.shape = is_packed(bits) ? shape_of(1, packing_bytes(kept, bits))
                 : packed        ? shape_of(1, kept)
                                 : outside_shape(tensor_shape(p->data));
    return safetensors_add(l, item, e, "%s%s%s", prefix, p->name,
                           packed ? ".values" : "");
}

static bool is_twin(const parameter *p, const parameter *twin)
{
    return twin && tensor_is_shared(p->data, twin->data) && !p->quantizer &&
           !twin->quantizer && !p->mask == !twin->mask &&
           (!p->mask || tensor_is_shared(p->mask, twin->mask));
}

status parameter_put(const parameter *p, const parameter *twin, const char *prefix,
                     json_t *object, safetensors_layout *l, error *e)
{
    mask_form form;
    int64_t kept;
    if (is_twin(p, twin))
        return field_put(object, "twin", json_true(), e);
    TRY(choose_form(p, &form, &kept, e));
    TRY(field_put(object, "shape", field_from_shape(outside_shape(tensor_shape(p->data))),
                  e));
    TRY(field_put(object, "mask", json_string(mask_names[form]), e));
    if (form == MASK_PACKED || form == MASK_BITMAP) {
        shape bitmap = shape_of(1, packing_bytes(tensor_count(p->data), 1));
        safetensors_item item = {
            .type = DTYPE_U8, .shape = bitmap, .fill = fill_bitmap, .source = p};
        TRY(safetensors_add(l, item, e, "%s%s.bitmap", prefix, p->name));
    }
    if (p->quantizer)
        TRY(put_quantizer(p, prefix, object, l, e));
    return put_elements(p, form, kept, prefix, l, e);
}

/* ---- reading ---- */

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
    TRY(field_word(fields, "granularity", grain_names, 4, &grain, e));
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
    if (p->mask && !look_at_mask(p).obeyed)
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
    TRY(field_word(object, "mask", mask_names, MASK_COUNT, &form, e));
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
