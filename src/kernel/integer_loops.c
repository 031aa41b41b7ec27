/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_loops.c -- chooses the loops over codes for this processor.
   It computes nothing itself. */
#include "kernel/integer_loops.h"

#include "base/cpu.h"

/* Byte permutations came with no level of their own. */
static bool has_vbmi(void)
{
#if defined(__x86_64__)
    return cpu_get_level() >= CPU_VNNI && __builtin_cpu_supports("avx512vbmi");
#else
    return false;
#endif
}

const integer_loops *integer_loops_get(void)
{
    cpu_level level = cpu_get_level();
    if (integer_loops_vbmi && has_vbmi())
        return integer_loops_vbmi;
    if (integer_loops_avx512 && level >= CPU_AVX512)
        return integer_loops_avx512;
    if (integer_loops_avx2 && level >= CPU_AVX2)
        return integer_loops_avx2;
    return integer_loops_scalar;
}
