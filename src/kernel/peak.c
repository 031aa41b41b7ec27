/* SPDX-License-Identifier: GPL-3.0-or-later
   peak.c -- loops of independent multiply-adds, and of loads, for each instruction set.
   It computes nothing that anybody wants.
   Source: Intel, Intrinsics Guide. */
#include "kernel/peak.h"

#include "base/cpu.h"

enum { SUMS = 12 }; /* independent: more than the latency of two units */

/* What every compiler's plain code can have: vectors of 16 bytes. */
typedef float four_floats __attribute__((vector_size(16)));
typedef uint16_t eight_words __attribute__((vector_size(16)));

static int64_t plain_f32(int64_t rounds, float *sink)
{
    four_floats sum[SUMS], factor = {0.999f, 0.998f, 0.997f, 0.996f};
    for (int k = 0; k < SUMS; k++)
        sum[k] = factor + (float)k;
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; k++)
            sum[k] = sum[k] * factor + factor;
    for (int k = 0; k < SUMS; k++)
        *sink += sum[k][0];
    return rounds * SUMS * 4;
}

static int64_t plain_s8(int64_t rounds, float *sink)
{
    eight_words sum[SUMS], factor = {3, 5, 7, 9, 11, 13, 15, 17};
    for (int k = 0; k < SUMS; k++)
        sum[k] = factor + (uint16_t)k;
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; k++)
            sum[k] = sum[k] * factor + factor;
    for (int k = 0; k < SUMS; k++)
        *sink += (float)sum[k][0];
    return rounds * SUMS * 8;
}

static void plain_read(const void *block, size_t bytes, uint64_t *sink)
{
    const uint64_t *words = block;
    uint64_t sum[8] = {0};
    for (size_t i = 0; i < bytes / sizeof *words; i += 8)
        for (int k = 0; k < 8; k++)
            sum[k] ^= words[i + (size_t)k];
    for (int k = 0; k < 8; k++)
        *sink ^= sum[k];
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static int64_t f32_avx2(int64_t rounds, float *sink)
{
    __m256 sum[SUMS], factor = _mm256_set1_ps(0.999f), more = _mm256_set1_ps(0.5f);
    float out[8];
    for (int k = 0; k < SUMS; k++)
        sum[k] = _mm256_set1_ps((float)k);
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; k++)
            sum[k] = _mm256_fmadd_ps(sum[k], factor, more);
    for (int k = 0; k < SUMS; k++) {
        _mm256_storeu_ps(out, sum[k]);
        *sink += out[0];
    }
    return rounds * SUMS * 8;
}

__attribute__((target("avx512f"))) static int64_t f32_avx512(int64_t rounds, float *sink)
{
    __m512 sum[SUMS], factor = _mm512_set1_ps(0.999f), more = _mm512_set1_ps(0.5f);
    for (int k = 0; k < SUMS; k++)
        sum[k] = _mm512_set1_ps((float)k);
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; k++)
            sum[k] = _mm512_fmadd_ps(sum[k], factor, more);
    for (int k = 0; k < SUMS; k++)
        *sink += _mm512_reduce_add_ps(sum[k]);
    return rounds * SUMS * 16;
}

/* Without saturation products of bytes are products of words. */
__attribute__((target("avx2"))) static int64_t s8_avx2(int64_t rounds, float *sink)
{
    __m256i sum[SUMS], factor = _mm256_set1_epi16(3);
    int out[8];
    for (int k = 0; k < SUMS; k++)
        sum[k] = _mm256_set1_epi32(k);
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; k++)
            sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(sum[k], factor));
    for (int k = 0; k < SUMS; k++) {
        _mm256_storeu_si256((__m256i *)out, sum[k]);
        *sink += (float)out[0];
    }
    return rounds * SUMS * 16;
}

__attribute__((target("avx512f,avx512vnni"))) static int64_t s8_vnni(int64_t rounds,
                                                                     float *sink)
{
    __m512i sum[SUMS], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-5);
    for (int k = 0; k < SUMS; k++)
        sum[k] = _mm512_set1_epi32(k);
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; k++)
            sum[k] = _mm512_dpbusd_epi32(sum[k], a, b);
    for (int k = 0; k < SUMS; k++)
        *sink += (float)_mm512_reduce_add_epi32(sum[k]);
    return rounds * SUMS * 64;
}

__attribute__((target("avx512f,avx512bf16"))) static int64_t bf16_pairs(int64_t rounds,
                                                                        float *sink)
{
    __m512 sum[SUMS], one = _mm512_set1_ps(1.0f);
    __m512bh a = _mm512_cvtne2ps_pbh(one, one);
    for (int k = 0; k < SUMS; k++)
        sum[k] = _mm512_set1_ps((float)k);
    for (int64_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; k++)
            sum[k] = _mm512_dpbf16_ps(sum[k], a, a);
    for (int k = 0; k < SUMS; k++)
        *sink += _mm512_reduce_add_ps(sum[k]);
    return rounds * SUMS * 32;
}

typedef struct tile_layout {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_layout;

__attribute__((target("amx-tile"))) static void load_layout(void)
{
    tile_layout t = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        t.row_bytes[i] = 64;
        t.rows[i] = 16;
    }
    /* The compiler sees only the first bytes being read. */
    __asm__ volatile("" : : "r"(&t) : "memory");
    _tile_loadconfig(&t);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
}

__attribute__((target("amx-tile,amx-bf16"))) static int64_t bf16_tiles(int64_t rounds,
                                                                       float *sink)
{
    load_layout();
    for (int64_t i = 0; i < rounds; i++) {
        _tile_dpbf16ps(0, 4, 5);
        _tile_dpbf16ps(1, 4, 5);
        _tile_dpbf16ps(2, 4, 5);
        _tile_dpbf16ps(3, 4, 5);
    }
    _tile_release();
    *sink += 1;
    return rounds * 4 * 16 * 16 * 32;
}

__attribute__((target("amx-tile,amx-int8"))) static int64_t s8_tiles(int64_t rounds,
                                                                     float *sink)
{
    load_layout();
    for (int64_t i = 0; i < rounds; i++) {
        _tile_dpbssd(0, 4, 5);
        _tile_dpbssd(1, 4, 5);
        _tile_dpbssd(2, 4, 5);
        _tile_dpbssd(3, 4, 5);
    }
    _tile_release();
    *sink += 1;
    return rounds * 4 * 16 * 16 * 64;
}

__attribute__((target("avx2"))) static void read_avx2(const void *block, size_t bytes,
                                                      uint64_t *sink)
{
    const __m256i *words = block;
    __m256i sum[8];
    uint64_t out[4];
    for (int k = 0; k < 8; k++)
        sum[k] = _mm256_setzero_si256();
    for (size_t i = 0; i < bytes / sizeof *words; i += 8)
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            sum[k] = _mm256_xor_si256(sum[k], _mm256_load_si256(words + i + k));
    for (int k = 0; k < 8; k++) {
        _mm256_storeu_si256((__m256i *)out, sum[k]);
        *sink ^= out[0];
    }
}

__attribute__((target("avx512f"))) static void read_avx512(const void *block,
                                                           size_t bytes, uint64_t *sink)
{
    const char *at = block;
    __m512i sum[8];
    for (int k = 0; k < 8; k++)
        sum[k] = _mm512_setzero_si512();
    for (size_t i = 0; i < bytes; i += 512)
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            sum[k] = _mm512_xor_si512(sum[k], _mm512_load_si512(at + i + 64 * k));
    for (int k = 0; k < 8; k++)
        *sink ^= (uint64_t)_mm512_reduce_add_epi64(sum[k]);
}

int64_t peak_multiply(peak_kind kind, int64_t rounds, float *sink)
{
    cpu_level level = cpu_get_level();
    if (kind == PEAK_BF16)
        return level >= CPU_AMX ? bf16_tiles(rounds, sink)
               : cpu_has_bf16() ? bf16_pairs(rounds, sink)
                                : 0;
    if (kind == PEAK_S8)
        return level >= CPU_AMX    ? s8_tiles(rounds, sink)
               : level >= CPU_VNNI ? s8_vnni(rounds, sink)
               : level >= CPU_AVX2 ? s8_avx2(rounds, sink)
                                   : plain_s8(rounds, sink);
    return level >= CPU_AVX512 ? f32_avx512(rounds, sink)
           : level >= CPU_AVX2 ? f32_avx2(rounds, sink)
                               : plain_f32(rounds, sink);
}

void peak_read(const void *block, size_t bytes, uint64_t *sink)
{
    if (cpu_get_level() >= CPU_AVX512)
        read_avx512(block, bytes, sink);
    else if (cpu_get_level() >= CPU_AVX2)
        read_avx2(block, bytes, sink);
    else
        plain_read(block, bytes, sink);
}
#else
int64_t peak_multiply(peak_kind kind, int64_t rounds, float *sink)
{
    return kind == PEAK_BF16 ? 0
           : kind == PEAK_S8 ? plain_s8(rounds, sink)
                             : plain_f32(rounds, sink);
}

void peak_read(const void *block, size_t bytes, uint64_t *sink)
{
    plain_read(block, bytes, sink);
}
#endif
