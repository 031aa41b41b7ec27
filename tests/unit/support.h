/* SPDX-License-Identifier: GPL-3.0-or-later
   support.h -- cmocka, without its macro `fail`, which is a name of base/error.h. */
#ifndef LATHE_TESTS_SUPPORT_H
#define LATHE_TESTS_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                    \
    do {                                                                                 \
        print_error(__VA_ARGS__);                                                        \
        print_error("\n");                                                               \
        _fail(__FILE__, __LINE__);                                                       \
    } while (0)

#endif
