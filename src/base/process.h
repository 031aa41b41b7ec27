/* SPDX-License-Identifier: GPL-3.0-or-later
   process.h -- a name for a process that no other ever has, so that what it left behind can
   be told from what it still works on. */
#ifndef LATHE_BASE_PROCESS_H
#define LATHE_BASE_PROCESS_H

#include <stdbool.h>

#define PROCESS_NAME 96

/* This process: "BOOT-NAMESPACE-PID-START", boot and start as the system tells them. */
const char *process_name(char buffer[PROCESS_NAME]);

/* Is the process NAME known to be no more?  False also where that cannot be told: it is in
   another container, or NAME is none. */
bool process_is_gone(const char *name);

#endif
