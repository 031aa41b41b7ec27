/* SPDX-License-Identifier: GPL-3.0-or-later
   test_tensor.c -- shapes, sharing and copy on write, layouts, conversions.
   Half precision is checked value by value against the formula of the standard. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "tensor/tensor.h"

static void shapes(void **state)
{
    (void)state;
    shape s = shape_of(3, INT64_C(2), INT64_C(3), INT64_C(5));
    char buffer[128];
    assert_int_equal(shape_count(s), 30);
    assert_string_equal(shape_text(buffer, s), "2x3x5");
    assert_true(shape_equal(s, shape_of(3, INT64_C(2), INT64_C(3), INT64_C(5))));
    assert_false(shape_equal(s, shape_of(3, INT64_C(2), INT64_C(3), INT64_C(4))));
    assert_false(shape_equal(s, shape_of(2, INT64_C(2), INT64_C(3))));
    assert_int_equal(shape_count(shape_of(0)), 1);
    assert_string_equal(shape_text(buffer, shape_of(0)), "scalar");
    assert_int_equal(shape_count(shape_of(2, INT64_C(0), INT64_C(9))), 0);
    assert_int_equal(shape_count(shape_of(2, INT64_C(-1), INT64_C(9))), -1);
    assert_int_equal(shape_count(shape_of(2, INT64_MAX, INT64_C(2))), -1);
    assert_int_equal(shape_count((shape){.rank = SHAPE_MAX + 1}), -1);
    shape longest = {.rank = SHAPE_MAX};
    for (int i = 0; i < SHAPE_MAX; i++)
        longest.dim[i] = INT64_MIN;
    assert_int_equal(strlen(shape_text(buffer, longest)), 6 * 20 + 5);
}

static void types(void **state)
{
    (void)state;
    static const struct {
        dtype type;
        const char *name;
        size_t size;
    } rows[] = {{DTYPE_F32, "f32", 4},   {DTYPE_F64, "f64", 8}, {DTYPE_F16, "f16", 2},
                {DTYPE_BF16, "bf16", 2}, {DTYPE_S8, "s8", 1},   {DTYPE_U8, "u8", 1},
                {DTYPE_S16, "s16", 2},   {DTYPE_U16, "u16", 2}, {DTYPE_S32, "s32", 4},
                {DTYPE_U32, "u32", 4},   {DTYPE_S64, "s64", 8}, {DTYPE_U64, "u64", 8},
                {DTYPE_BOOL, "bool", 1}};
    assert_int_equal(sizeof rows / sizeof *rows, DTYPE_COUNT);
    for (size_t i = 0; i < DTYPE_COUNT; i++) {
        assert_string_equal(dtype_name(rows[i].type), rows[i].name);
        assert_int_equal(dtype_size(rows[i].type), rows[i].size);
    }
}

static void making(void **state)
{
    (void)state;
    error e = {0};
    size_t before = memory_in_use();
    tensor *t = tensor_new(DTYPE_S16, shape_of(2, INT64_C(3), INT64_C(4)), &e);
    assert_int_equal(tensor_dtype(t), DTYPE_S16);
    assert_int_equal(tensor_count(t), 12);
    assert_int_equal(tensor_bytes(t), 24);
    for (int i = 0; i < 12; i++)
        assert_int_equal(((const int16_t *)tensor_data(t))[i], 0);
    assert_int_equal(tensor_reshape(t, shape_of(1, INT64_C(12)), &e), E_OK);
    assert_int_equal(tensor_shape(t).rank, 1);
    assert_int_equal(tensor_reshape(t, shape_of(2, INT64_C(5), INT64_C(2)), &e), E_SHAPE);
    assert_string_equal(e.text, "tensor: 12 cannot be read as 5x2: the counts differ");
    tensor_free(t);
    tensor_free(NULL);
    assert_null(tensor_new(DTYPE_F32, shape_of(1, INT64_C(-3)), &e));
    assert_int_equal(e.code, E_SHAPE);
    assert_null(tensor_new(DTYPE_F32, shape_of(1, INT64_MAX / 2), &e));
    assert_int_equal(e.code, E_MEMORY);
    t = tensor_new(DTYPE_F32, shape_of(2, INT64_C(0), INT64_C(7)), &e);
    assert_non_null(tensor_data(t));
    assert_int_equal(tensor_bytes(t), 0);
    tensor_free(t);
    assert_int_equal(memory_in_use(), before);
}

static void sharing(void **state)
{
    (void)state;
    size_t before = memory_in_use();
    tensor *a = tensor_new(DTYPE_F32, shape_of(1, INT64_C(1000)), NULL);
    float *own = tensor_write_f32(a, NULL);
    assert_ptr_equal(own, tensor_f32(a)); /* nobody else: no copy */
    for (int i = 0; i < 1000; i++)
        own[i] = (float)i;
    size_t with_one = memory_in_use();
    tensor *b = tensor_share(a, NULL), *c = tensor_share(b, NULL);
    assert_true(memory_in_use() - with_one < 500); /* no second thousand floats */
    assert_true(tensor_is_shared(a, b) && tensor_is_shared(a, c));
    assert_ptr_equal(tensor_data(a), tensor_data(c));
    assert_true(tensor_equal(a, b));

    float *written = tensor_write_f32(b, NULL);
    assert_ptr_not_equal(written, tensor_f32(a));
    assert_false(tensor_is_shared(a, b));
    assert_true(tensor_is_shared(a, c));
    assert_true(tensor_equal(a, b)); /* still the same bits */
    written[7] = -1;
    assert_false(tensor_equal(a, b));
    assert_true(tensor_f32(a)[7] == 7);
    assert_ptr_equal(tensor_write_f32(b, NULL), written); /* private by now */

    assert_int_equal(tensor_reshape(c, shape_of(2, INT64_C(10), INT64_C(100)), NULL),
                     E_OK);
    assert_int_equal(tensor_shape(a).rank, 1); /* a shape is not shared */
    assert_false(tensor_equal(a, c));
    tensor_free(a);
    assert_ptr_equal(tensor_write_f32(c, NULL), own); /* the last one owns it */
    assert_true(tensor_f32(c)[999] == 999);
    tensor_free(c);
    tensor_free(b);
    assert_int_equal(memory_in_use(), before);
}

static void hashing(void **state)
{
    (void)state;
    tensor *a = tensor_new(DTYPE_U8, shape_of(2, INT64_C(2), INT64_C(6)), NULL);
    tensor *b = tensor_share(a, NULL);
    uint64_t hash = tensor_hash(a, HASH_START);
    assert_true(tensor_hash(b, HASH_START) == hash);
    assert_true(tensor_hash(b, hash) != hash);
    ((uint8_t *)tensor_write(b, NULL))[11] = 1;
    assert_true(tensor_hash(b, HASH_START) != hash);
    ((uint8_t *)tensor_write(b, NULL))[11] = 0;
    assert_true(tensor_hash(b, HASH_START) == hash);
    assert_int_equal(tensor_reshape(b, shape_of(2, INT64_C(6), INT64_C(2)), NULL), E_OK);
    assert_true(tensor_hash(b, HASH_START) != hash);
    tensor_free(a);
    tensor_free(b);
}

static tensor *random_tensor(random_stream *r, dtype type, int rank)
{
    shape s = {.rank = rank};
    for (int i = 0; i < rank; i++)
        s.dim[i] = 1 + random_below(r, 6);
    tensor *t = tensor_new(type, s, NULL);
    uint8_t *bytes = tensor_write(t, NULL);
    for (size_t i = 0; i < tensor_bytes(t); i++)
        bytes[i] = (uint8_t)random_bits(r);
    return t;
}

/* Place of the element at the index AT. */
static int64_t place(shape s, const int64_t *at)
{
    int64_t offset = 0;
    for (int i = 0; i < s.rank; i++)
        offset = offset * s.dim[i] + at[i];
    return offset;
}

/* Walks every element of OUT = permute(IN, ORDER), index by index. */
static void check_permuted(const tensor *in, const tensor *out, const int *order)
{
    shape from = tensor_shape(in), to = tensor_shape(out);
    size_t size = dtype_size(tensor_dtype(in));
    const char *a = tensor_data(in), *b = tensor_data(out);
    for (int64_t i = 0; i < tensor_count(out); i++) {
        int64_t at[SHAPE_MAX] = {0}, source[SHAPE_MAX] = {0}, rest = i;
        for (int j = to.rank - 1; j >= 0; j--) {
            at[j] = rest % to.dim[j];
            rest /= to.dim[j];
        }
        for (int j = 0; j < to.rank; j++)
            source[order[j]] = at[j];
        assert_memory_equal(a + (size_t)place(from, source) * size, b + (size_t)i * size,
                            size);
    }
}

static void permuting(void **state)
{
    (void)state;
    static const dtype kinds[] = {DTYPE_U8, DTYPE_F16, DTYPE_F32, DTYPE_F64};
    random_stream r = random_new(1, "permute", 0);
    for (int round = 0; round < 400; round++) {
        int rank = (int)random_below(&r, SHAPE_MAX + 1);
        tensor *t = random_tensor(&r, kinds[round % 4], rank);
        int64_t drawn[SHAPE_MAX];
        int order[SHAPE_MAX], back[SHAPE_MAX];
        for (int i = 0; i < rank; i++)
            drawn[i] = i;
        random_shuffle(&r, drawn, rank);
        for (int i = 0; i < rank; i++) {
            order[i] = (int)drawn[i];
            back[drawn[i]] = i;
        }
        tensor *out = tensor_permute(t, order, NULL);
        for (int i = 0; i < rank; i++)
            assert_int_equal(tensor_shape(out).dim[i], tensor_shape(t).dim[order[i]]);
        check_permuted(t, out, order);
        tensor *again = tensor_permute(out, back, NULL);
        assert_true(tensor_equal(again, t));
        tensor_free(t);
        tensor_free(out);
        tensor_free(again);
    }
}

static void layouts(void **state)
{
    (void)state;
    static const int from[][6] = {
        {0}, {0}, {0, 1}, {0, 2, 1}, {0, 2, 3, 1}, {0, 2, 3, 4, 1}, {0, 2, 3, 4, 5, 1}};
    static const int to[][6] = {
        {0}, {0}, {0, 1}, {0, 2, 1}, {0, 3, 1, 2}, {0, 4, 1, 2, 3}, {0, 5, 1, 2, 3, 4}};
    for (int rank = 0; rank <= SHAPE_MAX; rank++) {
        int order[SHAPE_MAX];
        tensor_order_from_outside(rank, order);
        for (int i = 0; i < rank; i++)
            assert_int_equal(order[i], from[rank][i]);
        tensor_order_to_outside(rank, order);
        for (int i = 0; i < rank; i++)
            assert_int_equal(order[i], to[rank][i]);
    }
}

/* The value of a binary16 by the formula of IEEE 754-2019, section 3.4. */
static double half_value(unsigned bits)
{
    int sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, -24);
    return sign * ldexp(1 + fraction / 1024.0, exponent - 15);
}

static void all_halves(void **state)
{
    (void)state;
    tensor *t = tensor_new(DTYPE_F16, shape_of(1, INT64_C(65536)), NULL);
    uint16_t *bits = tensor_write(t, NULL);
    for (int i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    tensor *f = tensor_to_f32(t, NULL);
    assert_int_equal(tensor_dtype(f), DTYPE_F32);
    for (unsigned i = 0; i < 65536; i++) {
        double expected = half_value(i), got = (double)tensor_f32(f)[i];
        if (isnan(expected))
            assert_true(isnan(got));
        else
            assert_true(got == expected && signbit(got) == signbit(expected));
    }
    cpu_flush_subnormals(); /* the working threads do: nothing may be lost */
    tensor *flushed = tensor_to_f32(t, NULL);
    assert_true(tensor_equal(f, flushed));
    tensor_free(t);
    tensor_free(f);
    tensor_free(flushed);
}

static void all_brain_floats(void **state)
{
    (void)state;
    tensor *t = tensor_new(DTYPE_BF16, shape_of(1, INT64_C(65536)), NULL);
    uint16_t *bits = tensor_write(t, NULL);
    for (int i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    tensor *f = tensor_to_f32(t, NULL);
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t got;
        memcpy(&got, &tensor_f32(f)[i], 4);
        assert_true(got == i << 16);
    }
    tensor_free(t);
    tensor_free(f);
}

static void other_conversions(void **state)
{
    (void)state;
    union {
        double f64[3];
        int8_t s8[3];
        uint8_t u8[3];
        int16_t s16[3];
        uint16_t u16[3];
        int32_t s32[3];
        uint32_t u32[3];
        int64_t s64[3];
        uint64_t u64[3];
    } in;
    static const struct {
        dtype type;
        double values[3];
        float expected[3];
    } rows[] = {{DTYPE_F64, {0.1, -1e300, 3}, {0.1f, -INFINITY, 3}},
                {DTYPE_S8, {-128, 0, 127}, {-128, 0, 127}},
                {DTYPE_U8, {0, 200, 255}, {0, 200, 255}},
                {DTYPE_S16, {-32768, 1, 32767}, {-32768, 1, 32767}},
                {DTYPE_U16, {0, 1, 65535}, {0, 1, 65535}},
                {DTYPE_S32,
                 {-2147483648.0, 16777217, 16777219},
                 {-2147483648.f, 16777216, 16777220}},
                {DTYPE_U32, {0, 16777217, 4294967295.0}, {0, 16777216, 4294967296.f}},
                {DTYPE_S64,
                 {-9007199254740992.0, 1, 16777219},
                 {-9007199254740992.f, 1, 16777220}},
                {DTYPE_U64, {0, 9007199254740992.0, 7}, {0, 9007199254740992.f, 7}},
                {DTYPE_BOOL, {0, 1, 2}, {0, 1, 1}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int j = 0; j < 3; j++) {
            double x = rows[i].values[j];
            switch (dtype_size(rows[i].type)) {
            case 1:
                in.u8[j] = (uint8_t)(int)x;
                break;
            case 2:
                in.u16[j] = (uint16_t)(int)x;
                break;
            case 4:
                in.u32[j] = (uint32_t)(int64_t)x;
                break;
            default:
                if (rows[i].type == DTYPE_F64)
                    in.f64[j] = x;
                else
                    in.s64[j] = (int64_t)x;
            }
        }
        tensor *t = tensor_new(rows[i].type, shape_of(1, INT64_C(3)), NULL);
        memcpy(tensor_write(t, NULL), &in, tensor_bytes(t));
        tensor *f = tensor_to_f32(t, NULL);
        for (int j = 0; j < 3; j++)
            assert_true(tensor_f32(f)[j] == rows[i].expected[j]);
        tensor *same = tensor_to_f32(f, NULL);
        assert_true(tensor_is_shared(same, f));
        tensor_free(same);
        tensor_free(t);
        tensor_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),           cmocka_unit_test(types),
        cmocka_unit_test(making),           cmocka_unit_test(sharing),
        cmocka_unit_test(hashing),          cmocka_unit_test(permuting),
        cmocka_unit_test(layouts),          cmocka_unit_test(all_halves),
        cmocka_unit_test(all_brain_floats), cmocka_unit_test(other_conversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
