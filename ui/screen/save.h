/* SPDX-License-Identifier: GPL-3.0-or-later
   save.h -- what stands on the screen as a file. */
#ifndef LATHE_UI_SCREEN_SAVE_H
#define LATHE_UI_SCREEN_SAVE_H

#include <stdbool.h>
#include "base/error.h"

/* Lines without blanks at their ends; COLOUR: with the escapes of their styles. */
status screen_save(const char *path, bool colour, error *e);

#endif
