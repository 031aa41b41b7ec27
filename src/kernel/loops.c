/* SPDX-License-Identifier: GPL-3.0-or-later
   loops.c -- chooses the inner loops for this processor, and the form of packed weights.
   It computes nothing itself. */
#include "kernel/loops.h"
#include "base/cpu.h"

const kernel_loops *loops_get(void)
{
    cpu_level level = cpu_get_level();
    if (level >= CPU_AVX512 && loops_avx512)
        return loops_avx512;
    if (level >= CPU_AVX2 && loops_avx2)
        return loops_avx2;
    return loops_scalar;
}

panel_form panel_form_for(int64_t outputs, int64_t lanes)
{
    if (outputs > lanes)
        return (panel_form){.split = 1, .vectors = 2, .outputs = 2 * lanes};
    int split = outputs * 4 <= lanes ? 4 : outputs * 2 <= lanes ? 2 : 1;
    return (panel_form){.split = split, .vectors = 1, .outputs = lanes / split};
}
