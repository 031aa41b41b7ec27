/* SPDX-License-Identifier: GPL-3.0-or-later
   support_level.h -- a test program run again for lower instruction sets. */
#ifndef LATHE_TESTS_SUPPORT_LEVEL_H
#define LATHE_TESTS_SUPPORT_LEVEL_H

/* Runs this program, which fails as PROGRAM, once for each instruction set that is below
   BELOW (cpu_level) and below that of this run; the test fails where one of them does. */
void support_run_levels(const char *program, int below);

#endif
