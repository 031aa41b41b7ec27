/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_loops.c -- chooses the loops of Winograd convolution for this processor.
   It computes nothing itself. */
#include "kernel/winograd_loops.h"
#include "base/cpu.h"

const winograd_loops *winograd_loops_get(void)
{
    cpu_level level = cpu_get_level();
    if (level >= CPU_AVX512 && winograd_avx512)
        return winograd_avx512;
    if (level >= CPU_AVX2 && winograd_avx2)
        return winograd_avx2;
    return winograd_scalar;
}
