/* SPDX-License-Identifier: GPL-3.0-or-later
   store_commands.h -- what commands that write a file of the session's objects share.  It
   writes nothing itself. */
#ifndef LATHE_UI_COMMAND_STORE_COMMANDS_H
#define LATHE_UI_COMMAND_STORE_COMMANDS_H

#include "ui/command/command.h"

/* May the file PATH be written for an object of KIND?  Yes where there is none, where the
   option force= says so, where the user says so, and in a script where lathe wrote it.
   E_FILE, said by WHO, otherwise. */
status store_may_replace(call *c, const char *who, const char *path, object_kind kind,
                         error *e);

#endif
