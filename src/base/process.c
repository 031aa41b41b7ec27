/* SPDX-License-Identifier: GPL-3.0-or-later
   process.c -- names of processes, out of /proc.  It starts and ends none.
   Source: proc(5), of /proc/PID/stat, /proc/PID/ns and /proc/sys/kernel/random. */
#include "base/process.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_FIELD = 22 }; /* of /proc/PID/stat: when it began, in ticks since boot */

/* The first line of PATH, at most SIZE - 1 bytes; "" where there is none. */
static void read_line(const char *path, char *line, size_t size)
{
    FILE *f = fopen(path, "re");
    line[0] = '\0';
    if (f && !fgets(line, (int)size, f))
        line[0] = '\0';
    if (f)
        fclose(f);
}

/* When PID began; 0 where there is no such process. */
static unsigned long long start_of(long pid)
{
    char path[48], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_line(path, line, sizeof line);
    const char *at = strrchr(line, ')'); /* the name before it may hold anything */
    for (int field = 2; at && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

/* The first eight digits of this boot's number. */
static void read_boot(char boot[9])
{
    char line[64];
    read_line("/proc/sys/kernel/random/boot_id", line, sizeof line);
    size_t length = 0;
    while (length < 8 && isxdigit((unsigned char)line[length]))
        length++;
    memcpy(boot, line, length);
    boot[length] = '\0';
}

/* The number of the namespace in which process numbers count. */
static unsigned long long read_namespace(void)
{
    char words[64] = "";
    const ssize_t length = readlink("/proc/self/ns/pid", words, sizeof words - 1);
    const char *begin = length > 0 ? strchr(words, '[') : NULL;
    return begin ? strtoull(begin + 1, NULL, 10) : 0;
}

const char *process_name(char buffer[PROCESS_NAME])
{
    char boot[9];
    read_boot(boot);
    snprintf(buffer, PROCESS_NAME, "%s-%llu-%ld-%llu", boot, read_namespace(),
             (long)getpid(), start_of(getpid()));
    return buffer;
}

bool process_is_gone(const char *name)
{
    char boot[9], its_boot[9] = "";
    unsigned long long space, start;
    long pid;
    read_boot(boot);
    if (!name || !boot[0] ||
        sscanf(name, "%8[0-9a-f]-%llu-%ld-%llu", its_boot, &space, &pid, &start) != 4 ||
        start == 0)
        return false;
    if (strcmp(boot, its_boot) != 0)
        return true; /* the machine was started again */
    return space == read_namespace() && start_of(pid) != start;
}
