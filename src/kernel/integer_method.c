/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_method.c -- the table of methods of the convolution on codes, and which of them
   this processor has.  It computes nothing itself. */
#include "kernel/integer_method.h"

#include "base/cpu.h"
#include "base/text.h"
#include "kernel/integer_product.h"

static bool is_usable(const integer_kernel *k, cpu_level level)
{
    return k && cpu_get_level() >= level && (!k->usable || k->usable());
}

/* The row of the instruction set SET and its functions, by its kernel and the least level. */
#define METHOD(set, level)                                                               \
    static bool set##_suits(const integer_conv *c)                                       \
    {                                                                                    \
        (void)c;                                                                         \
        return is_usable(integer_kernel_##set, level);                                   \
    }                                                                                    \
    static size_t set##_prepared(const integer_conv *c)                                  \
    {                                                                                    \
        return integer_kernel_prepared(integer_kernel_##set, c);                         \
    }                                                                                    \
    static void set##_prepare(const integer_conv *c, void *prepared)                     \
    {                                                                                    \
        integer_kernel_prepare(integer_kernel_##set, c, prepared);                       \
    }                                                                                    \
    static size_t set##_scratch(const integer_conv *c)                                   \
    {                                                                                    \
        return integer_kernel_scratch(integer_kernel_##set, c);                          \
    }                                                                                    \
    static void set##_run(const integer_conv *c, const void *prepared, void *scratch)    \
    {                                                                                    \
        integer_kernel_run(integer_kernel_##set, c, prepared, scratch);                  \
    }                                                                                    \
    static const integer_method set##_method = {.name = #set,                            \
                                                .suits = set##_suits,                    \
                                                .prepared_bytes = set##_prepared,        \
                                                .prepare = set##_prepare,                \
                                                .scratch_bytes = set##_scratch,          \
                                                .run = set##_run};

METHOD(amx, CPU_AMX)
METHOD(vnni, CPU_VNNI)
METHOD(avx2, CPU_AVX2)
METHOD(scalar, CPU_SCALAR)

static const integer_method *const methods[] = {
    &integer_method_depthwise,
    &integer_method_sparse,
    &integer_method_winograd,
    &amx_method,
    &vnni_method,
    &avx2_method,
    &scalar_method,
};

enum { COUNT = sizeof methods / sizeof *methods };

const integer_method *integer_method_at(int i)
{
    return i >= 0 && i < COUNT ? methods[i] : NULL;
}

const integer_method *integer_method_find(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (text_equal(methods[i]->name, name))
            return methods[i];
    return NULL;
}

const integer_method *integer_method_choose(const integer_conv *c)
{
    int i = 0;
    while (i < COUNT - 1 &&
           !(methods[i]->suits(c) && (!methods[i]->pays || methods[i]->pays(c))))
        i++;
    return methods[i];
}
