/* SPDX-License-Identifier: GPL-3.0-or-later
   autosave_parts.h -- what the files of autosave share.  Others use autosave.h. */
#ifndef LATHE_UI_AUTOSAVE_PARTS_H
#define LATHE_UI_AUTOSAVE_PARTS_H

#include "ui/autosave.h"

/* $XDG_STATE_HOME/lathe/autosave; the caller frees. */
char *autosave_folder(error *e);
/* Removes what nobody works on and is too old or too much. */
void autosave_clean(void);

#endif
