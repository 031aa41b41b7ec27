/* SPDX-License-Identifier: GPL-3.0-or-later
   tensor.c -- shapes, shared storage, copy on write, and changes of layout and type.
   It computes nothing else: arithmetic is the kernels'. */
#include "tensor/tensor.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "base/spill.h"

struct storage {
    atomic_int users;
    atomic_uint_fast64_t version;
    void *data;
    size_t spilled; /* bytes in a mapped file; 0: the data are in memory */
};

struct tensor {
    dtype type;
    shape shape;
    struct storage *storage;
};

static const struct {
    const char *name;
    size_t size;
} dtypes[DTYPE_COUNT] = {
    [DTYPE_F32] = {"f32", 4},   [DTYPE_F64] = {"f64", 8}, [DTYPE_F16] = {"f16", 2},
    [DTYPE_BF16] = {"bf16", 2}, [DTYPE_S8] = {"s8", 1},   [DTYPE_U8] = {"u8", 1},
    [DTYPE_S16] = {"s16", 2},   [DTYPE_U16] = {"u16", 2}, [DTYPE_S32] = {"s32", 4},
    [DTYPE_U32] = {"u32", 4},   [DTYPE_S64] = {"s64", 8}, [DTYPE_U64] = {"u64", 8},
    [DTYPE_BOOL] = {"bool", 1},
};

size_t dtype_size(dtype type)
{
    return dtypes[type].size;
}

const char *dtype_name(dtype type)
{
    return dtypes[type].name;
}

shape shape_of(int rank, ...)
{
    shape s = {.rank = rank};
    va_list arguments;
    va_start(arguments, rank);
    for (int i = 0; i < rank && i < SHAPE_MAX; i++)
        s.dim[i] = va_arg(arguments, int64_t);
    va_end(arguments);
    return s;
}

bool shape_equal(shape a, shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

int64_t shape_count(shape s)
{
    int64_t count = 1;
    if (s.rank < 0 || s.rank > SHAPE_MAX)
        return -1;
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] < 0 || __builtin_mul_overflow(count, s.dim[i], &count))
            return -1;
    return count;
}

char *shape_text(char buffer[128], shape s)
{
    size_t length = 0;
    snprintf(buffer, 128, "scalar");
    for (int i = 0; i < s.rank && i < SHAPE_MAX; i++)
        length += (size_t)snprintf(buffer + length, 128 - length, "%s%lld", i ? "x" : "",
                                   (long long)s.dim[i]);
    return buffer;
}

static atomic_uint_fast64_t changes = 1;

/* The storage is about to hold something else. */
static void renew(struct storage *storage)
{
    atomic_store(&storage->version, atomic_fetch_add(&changes, 1) + 1);
}

/* Where the elements go: to memory, or, beyond the budget, to a file. */
static void *storage_take(struct storage *storage, int64_t count, size_t size, error *e)
{
    size_t bytes;
    if (__builtin_mul_overflow((size_t)count, size, &bytes) || !spill_wanted(bytes))
        return memory_new_raw(count, size, e);
    const bool asked = spill_budget() > 0;
    void *data = spill_new(bytes, asked ? e : NULL);
    storage->spilled = data ? bytes : 0;
    if (data || asked)
        return data;
    /* Nobody set the budget: what has no room on the disk either may still find some. */
    if (bytes <= memory_available())
        return memory_new_raw(count, size, e);
    fail(e, E_MEMORY, "tensor: %zu bytes have room neither in memory nor on the disk",
         bytes);
    return NULL;
}

static void storage_give(struct storage *storage)
{
    if (storage->spilled)
        spill_free(storage->data, storage->spilled);
    else
        memory_free(storage->data);
    memory_free(storage);
}

/* A tensor with storage whose elements are still to be written. */
static tensor *tensor_new_raw(dtype type, shape s, error *e)
{
    int64_t count = shape_count(s);
    if (count < 0) {
        char words[128];
        fail(e, E_SHAPE, "tensor: no tensor has the shape %s", shape_text(words, s));
        return NULL;
    }
    tensor *t = memory_new(1, sizeof *t, e);
    struct storage *storage = t ? memory_new(1, sizeof *storage, e) : NULL;
    void *data = storage ? storage_take(storage, count, dtype_size(type), e) : NULL;
    if (!data) {
        memory_free(storage);
        memory_free(t);
        return NULL;
    }
    atomic_init(&storage->users, 1);
    renew(storage);
    storage->data = data;
    *t = (tensor){type, s, storage};
    return t;
}

tensor *tensor_new(dtype type, shape s, error *e)
{
    tensor *t = tensor_new_raw(type, s, e);
    if (t && !t->storage->spilled) /* a new file is all zeros */
        memset(t->storage->data, 0, tensor_bytes(t));
    return t;
}

tensor *tensor_share(const tensor *t, error *e)
{
    tensor *other = memory_new(1, sizeof *other, e);
    if (!other)
        return NULL;
    *other = *t;
    atomic_fetch_add(&t->storage->users, 1);
    atomic_fetch_add(&changes, 1);
    return other;
}

static void storage_leave(struct storage *storage)
{
    if (atomic_fetch_sub(&storage->users, 1) > 1)
        return;
    storage_give(storage);
}

void tensor_free(tensor *t)
{
    if (!t)
        return;
    storage_leave(t->storage);
    memory_free(t);
}

bool tensor_is_spilled(const tensor *t)
{
    return t->storage->spilled > 0;
}

void tensor_settle(const tensor *t, int64_t begin, int64_t end)
{
    const size_t size = dtypes[t->type].size;
    if (t->storage->spilled && begin < end)
        spill_settle((char *)t->storage->data + (size_t)begin * size,
                     (size_t)(end - begin) * size);
}

dtype tensor_dtype(const tensor *t)
{
    return t->type;
}

shape tensor_shape(const tensor *t)
{
    return t->shape;
}

int64_t tensor_count(const tensor *t)
{
    return shape_count(t->shape);
}

size_t tensor_bytes(const tensor *t)
{
    return (size_t)tensor_count(t) * dtype_size(t->type);
}

status tensor_reshape(tensor *t, shape s, error *e)
{
    if (shape_count(s) != tensor_count(t)) {
        char from[128], to[128];
        return fail(e, E_SHAPE, "tensor: %s cannot be read as %s: the counts differ",
                    shape_text(from, t->shape), shape_text(to, s));
    }
    t->shape = s;
    return E_OK;
}

const void *tensor_data(const tensor *t)
{
    return t->storage->data;
}

const float *tensor_f32(const tensor *t)
{
    return t->storage->data;
}

void *tensor_write(tensor *t, error *e)
{
    if (atomic_load(&t->storage->users) > 1) {
        tensor *own = tensor_new_raw(t->type, t->shape, e);
        if (!own)
            return NULL;
        memcpy(own->storage->data, t->storage->data, tensor_bytes(t));
        storage_leave(t->storage);
        t->storage = own->storage;
        memory_free(own);
    }
    renew(t->storage);
    return t->storage->data;
}

uint64_t tensor_version(const tensor *t)
{
    return atomic_load(&t->storage->version);
}

uint64_t tensor_changes(void)
{
    return atomic_load(&changes);
}

void tensor_swap(tensor **a, tensor **b)
{
    tensor *t = *a;
    *a = *b;
    *b = t;
    atomic_fetch_add(&changes, 1);
}

float *tensor_write_f32(tensor *t, error *e)
{
    return tensor_write(t, e);
}

bool tensor_is_shared(const tensor *a, const tensor *b)
{
    return a->storage == b->storage;
}

/* By pieces, so that tensors kept in files need not be in memory whole. */
static bool same_bytes(const tensor *a, const tensor *b)
{
    const int64_t size = (int64_t)dtypes[a->type].size, count = tensor_count(a);
    const int64_t piece = SPILL_WINDOW / size;
    for (int64_t at = 0, n; at < count; at += n) {
        n = count - at < piece ? count - at : piece;
        const size_t begin = (size_t)(at * size);
        if (memcmp((const char *)tensor_data(a) + begin,
                   (const char *)tensor_data(b) + begin, (size_t)(n * size)) != 0)
            return false;
        tensor_settle(a, at, at + n);
        tensor_settle(b, at, at + n);
    }
    return true;
}

bool tensor_equal(const tensor *a, const tensor *b)
{
    return a->type == b->type && shape_equal(a->shape, b->shape) &&
           (a->storage == b->storage || same_bytes(a, b));
}

uint64_t tensor_hash(const tensor *t, uint64_t hash)
{
    const char *name = dtype_name(t->type);
    char words[128];
    shape_text(words, t->shape);
    hash = random_hash(name, (int64_t)strlen(name) + 1, hash);
    hash = random_hash(words, (int64_t)strlen(words) + 1, hash);
    return random_hash(tensor_data(t), (int64_t)tensor_bytes(t), hash);
}

/* COUNT elements of SIZE bytes, STEP elements apart, one behind the other to OUT. */
static void gather(char *out, const char *in, int64_t count, int64_t step, size_t size)
{
    switch (size) {
#define GATHER(type)                                                                     \
    for (int64_t i = 0; i < count; i++)                                                  \
        ((type *)(void *)out)[i] = ((const type *)(const void *)in)[i * step];           \
    break
    case 1:
        GATHER(uint8_t);
    case 2:
        GATHER(uint16_t);
    case 4:
        GATHER(uint32_t);
    default:
        GATHER(uint64_t);
#undef GATHER
    }
}

tensor *tensor_permute(const tensor *t, const int *order, error *e)
{
    int rank = t->shape.rank;
    shape s = {.rank = rank};
    int64_t in_step[SHAPE_MAX] = {0}, step[SHAPE_MAX] = {0}, at[SHAPE_MAX] = {0};
    int64_t product = 1;
    for (int i = rank - 1; i >= 0; i--) {
        in_step[i] = product;
        product *= t->shape.dim[i];
    }
    for (int i = 0; i < rank; i++) {
        s.dim[i] = t->shape.dim[order[i]];
        step[i] = in_step[order[i]];
    }
    tensor *result = tensor_new_raw(t->type, s, e);
    if (!result || product == 0)
        return result;
    size_t size = dtype_size(t->type);
    const char *in = tensor_data(t);
    char *out = result->storage->data;
    int64_t line = rank ? s.dim[rank - 1] : 1, line_step = rank ? step[rank - 1] : 1;
    int64_t from = 0; /* element where the line at AT begins */
    for (int64_t done = 0; done < product; done += line) {
        gather(out + (size_t)done * size, in + (size_t)from * size, line, line_step,
               size);
        for (int i = rank - 2; i >= 0; i--) {
            from += step[i];
            if (++at[i] < s.dim[i])
                break;
            from -= step[i] * s.dim[i];
            at[i] = 0;
        }
    }
    return result;
}

void tensor_order_from_outside(int rank, int order[SHAPE_MAX])
{
    for (int i = 0; i < rank; i++)
        order[i] = rank <= 2 || i == 0 ? i : i == rank - 1 ? 1 : i + 1;
}

void tensor_order_to_outside(int rank, int order[SHAPE_MAX])
{
    for (int i = 0; i < rank; i++)
        order[i] = rank <= 2 || i == 0 ? i : i == 1 ? rank - 1 : i - 1;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* In integers throughout: half-precision subnormals must survive flush-to-zero.
   Source: IEEE 754-2019, binary16. */
static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0x1f)
        return from_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent)
        return from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
    if (!fraction)
        return from_bits(sign);
    uint32_t shift = (uint32_t)__builtin_clz(fraction) - 21; /* to make bit 10 the lead */
    return from_bits(sign | (127 - 15 + 1 - shift) << 23 |
                     (fraction << shift & 0x3ff) << 13);
}

void dtype_to_f32(dtype type, const void *from, int64_t count, float *to)
{
#define CONVERT(type, expression)                                                        \
    for (int64_t i = 0; i < count; i++) {                                                \
        type x = ((const type *)from)[i];                                                \
        to[i] = expression;                                                              \
    }                                                                                    \
    break
    switch (type) {
    case DTYPE_F32:
        memcpy(to, from, (size_t)count * sizeof *to);
        break;
    case DTYPE_F64:
        CONVERT(double, (float)x);
    case DTYPE_F16:
        CONVERT(uint16_t, from_half(x));
    case DTYPE_BF16:
        CONVERT(uint16_t, from_bits((uint32_t)x << 16));
    case DTYPE_S8:
        CONVERT(int8_t, x);
    case DTYPE_U8:
        CONVERT(uint8_t, x);
    case DTYPE_S16:
        CONVERT(int16_t, x);
    case DTYPE_U16:
        CONVERT(uint16_t, x);
    case DTYPE_S32:
        CONVERT(int32_t, (float)x);
    case DTYPE_U32:
        CONVERT(uint32_t, (float)x);
    case DTYPE_S64:
        CONVERT(int64_t, (float)x);
    case DTYPE_U64:
        CONVERT(uint64_t, (float)x);
    case DTYPE_BOOL:
        CONVERT(uint8_t, x != 0);
    case DTYPE_COUNT:
        break;
    }
#undef CONVERT
}

tensor *tensor_to_f32(const tensor *t, error *e)
{
    if (t->type == DTYPE_F32)
        return tensor_share(t, e);
    tensor *result = tensor_new_raw(DTYPE_F32, t->shape, e);
    if (result)
        dtype_to_f32(t->type, tensor_data(t), tensor_count(t), result->storage->data);
    return result;
}
