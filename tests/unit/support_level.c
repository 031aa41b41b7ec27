/* SPDX-License-Identifier: GPL-3.0-or-later
   support_level.c -- runs the test program again with LATHE_CPU set.  Which tests a child
   leaves out is the program's own affair. */
#include "support_level.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cpu.h"
#include "support.h"

void support_run_levels(const char *program, int below)
{
    for (int level = CPU_SCALAR; level < below && level < (int)cpu_get_level(); level++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            setenv("LATHE_CPU", cpu_level_name(level), 1);
            execl("/proc/self/exe", program, (char *)NULL);
            _exit(127);
        }
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
            fail_msg("%s: LATHE_CPU=%s: the tests above fail", program,
                     cpu_level_name(level));
    }
}
