/* SPDX-License-Identifier: GPL-3.0-or-later
   parameter_file.c -- one parameter into a file: plain, packed by its mask, as codes, or
   both.  It chooses the smallest form that loads back to the same bits, and reads none:
   see parameter_read.c. */
#include <string.h>
#include "base/memory.h"
#include "format/field.h"
#include "format/model_parts.h"
#include "format/packing.h"
#include "format/parameter_parts.h"
#include "graph/coding.h"

const char *const parameter_mask_names[MASK_COUNT] = {"none", "packed", "nonzero",
                                                      "bitmap"};
const char *const parameter_grain_names[PER_GROUP + 1] = {[PER_MODEL] = "model",
                                                          [PER_TENSOR] = "tensor",
                                                          [PER_CHANNEL] = "channel",
                                                          [PER_GROUP] = "group"};

mask_facts parameter_look_at_mask(const parameter *p)
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

static status choose_form(const parameter *p, mask_form *form, int64_t *kept, error *e)
{
    *form = MASK_NONE;
    *kept = tensor_count(p->data);
    if (!p->mask)
        return E_OK;
    mask_facts m = parameter_look_at_mask(p);
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
    TRY(field_put(fields, "granularity", json_string(parameter_grain_names[q->grain]),
                  e));
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
    TRY(field_put(object, "mask", json_string(parameter_mask_names[form]), e));
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
