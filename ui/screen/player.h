/* SPDX-License-Identifier: GPL-3.0-or-later
   player.h -- keys out of a file, for tests and walks.  One step a line:

     keys NAME...     keys by their names: j, Enter, Ctrl-C, Shift-Tab
     type WORDS       every sign of WORDS is a key
     wait             until no command runs or waits
     wait WORDS       until WORDS stand on the screen
     size COLUMNS ROWS  where there is no terminal
     save FILE [colour] what stands on the screen

   "#" begins a comment. */
#ifndef LATHE_UI_SCREEN_PLAYER_H
#define LATHE_UI_SCREEN_PLAYER_H

#include <stdbool.h>
#include "base/error.h"

typedef struct screen screen;
typedef struct player player;

player *player_new(const char *path, error *e);
void player_free(player *p); /* NULL is fine */

/* Does what can be done now, the screen being drawn as it is; *END: there is no more.
   E_NAME, E_USAGE or E_RANGE with "FILE:LINE: ..." where a step cannot be done, or has
   waited for a minute. */
status player_step(player *p, screen *s, bool *end, error *e);
/* Is the next step one that waits? */
bool player_waits(const player *p);

#endif
