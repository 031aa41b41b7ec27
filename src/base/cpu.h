/* SPDX-License-Identifier: GPL-3.0-or-later
   cpu.h -- what this processor can do, and how many threads lathe uses on it.
   LATHE_CPU=scalar|avx2|avx512|vnni|amx caps the instruction sets, for tests. */
#ifndef LATHE_BASE_CPU_H
#define LATHE_BASE_CPU_H

#include <stdbool.h>
#include "base/error.h"

typedef enum cpu_level {
    CPU_SCALAR,
    CPU_AVX2,   /* AVX2 and FMA */
    CPU_AVX512, /* F, BW, DQ, VL */
    CPU_VNNI,   /* AVX-512 with VNNI */
    CPU_AMX     /* AMX tiles, int8 and bf16 */
} cpu_level;

/* E_RANGE where LATHE_CPU is set to a word that is no level. */
status cpu_start(error *e);

cpu_level cpu_get_level(void);          /* what the machine has, capped */
const char *cpu_level_name(cpu_level level);
bool cpu_has_bf16(void);                /* AVX-512 BF16, at level vnni and above */
const char *cpu_model_name(void);       /* as the system names it; lent */

int cpu_cores(void);                    /* that this process may use, at least 1 */
int cpu_threads(void);                  /* default: the cores this process may use */
void cpu_set_threads(int threads);      /* 1..256; 0 gives the default back */

/* Sets flush-to-zero and denormals-are-zero for the calling thread. */
void cpu_flush_subnormals(void);

#endif
